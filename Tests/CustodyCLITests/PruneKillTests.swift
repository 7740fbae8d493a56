// Why: kill -9 while a journal is pruned: after each death it is the old journal or the pruned one, sound either way,
// and pruning it again ends where nobody disturbed it. Not here: imports (KillLoopTests).

import Foundation
import Journal
import KillAt
import TestSupport
import Testing

@Suite struct PruneKillTests {
  private static let environment = ProcessInfo.processInfo.environment
  /// How many deaths; CUSTODY_KILL_LOOPS asks for more.
  private static let kills = environment["CUSTODY_KILL_LOOPS"].flatMap { Int($0) }.map { max(25, $0 / 10) } ?? 40
  private static let arguments = ["prune", "--keep-entries", "1200"]

  /// Whether programs may be traced here.
  private static let canTrace = run(["--help"], in: "/", at: -1).status == 0

  @Test(.enabled(if: canTrace, "programs may not be traced here: nobody is killed at a system call"))
  func aPruneMayDieAtAnySystemCall() throws {
    let seed = SeededRandom.seed(10)
    var random = SeededRandom(seed: seed)
    let start = try Sandbox(inMemory: true)
    try RecordingText.small.write(to: start)
    #expect(try start.custody(Reference.arguments).status == 0)
    let calm = try Sandbox(inMemory: true)
    _ = try calm.shell("cp '\(start.path)/custody.db' .")
    let calls = Int(Self.run(Self.arguments, in: calm.path, at: -1).calls)
    let wanted = try Reference.dump(calm.file("custody.db"))
    let whole = try Reference.dump(start.file("custody.db"))
    #expect(wanted != whole && calls > 50)
    var deaths = (all: 0, pruned: 0, large: 0)
    while deaths.all < Self.kills {
      let sandbox = try Sandbox(inMemory: true)
      _ = try sandbox.shell("cp '\(start.path)/custody.db' .")
      while true {
        let call = random.below(calls)
        let ended = Self.run(Self.arguments, in: sandbox.path, at: call)
        let place = "seed \(seed), death \(deaths.all), call \(call)"
        if ended.signal != SIGKILL {
          #expect(ended.status == 0, "\(place): \(ended)")
          break
        }
        deaths.all += 1
        let reader = try JournalReader(at: sandbox.file("custody.db"))
        let findings = try reader.integrity()
        #expect(findings.isEmpty, "\(place): \(findings)")
        guard try reader.anchor() != nil else { continue }
        deaths.pruned += 1
        if try reader.number("PRAGMA freelist_count") ?? 0 > 0 { deaths.large += 1 }
        #expect(try sandbox.custody("replay").status == 0, "\(place)")
      }
      // The index is lost between the two steps; it is derived.
      #expect(try sandbox.custody("index", "-q").status == 0)
      #expect(sandbox.size("custody.db") == calm.size("custody.db"), "seed \(seed)")
      expectEqual(try Reference.dump(sandbox.file("custody.db")), wanted, "seed \(seed), death \(deaths.all)")
    }
    print("prune kills: seed \(seed), \(deaths)")
    #expect(deaths.pruned > 5 && deaths.pruned < deaths.all, "seed \(seed): \(deaths)")
  }

  private static func run(_ arguments: [String], in folder: String, at call: Int) -> kill_result {
    var words: [UnsafeMutablePointer<CChar>?] = ([Sandbox.program] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    return kill_at(Sandbox.program, &words, folder, Int64(call))
  }
}
