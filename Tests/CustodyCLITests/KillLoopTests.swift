// Why: kill -9 at hundreds of chosen system calls: an import dies, its resumption dies, and so on until one
// comes through; after each death the journal is sound and has lost nothing, at the end it is the one of an
// import that nobody disturbed. Not here: deaths by the size of files (`KillTests.swift`).

import Foundation
import Journal
import KillAt
import PageOwnership
import Synchronization
import TestSupport
import Testing

@Suite struct KillLoopTests {
  private static let environment = ProcessInfo.processInfo.environment
  /// How many deaths; CUSTODY_KILL_LOOPS asks for more.
  private static let kills = environment["CUSTODY_KILL_LOOPS"].flatMap { Int($0) } ?? 250
  private static let groupSize = 256
  private static let arguments = Reference.arguments + ["--group-size", "\(groupSize)"]

  /// Whether programs may be traced here.
  private static let canTrace = run(["--help"], in: "/", at: -1).status == 0

  @Test(.enabled(if: canTrace, "programs may not be traced here: nobody is killed at a system call"))
  func anImportMayDieAtAnySystemCall() throws {
    let seed = SeededRandom.seed(9)
    let remaining = Mutex(Self.kills)
    let tally = Mutex(Tally())
    DispatchQueue.concurrentPerform(iterations: 2) { worker in
      var random = SeededRandom(seed: seed &+ UInt64(worker))
      do {
        while remaining.withLock({ $0 > 0 }) {
          let chain = try Chain(random: random, why: "seed \(seed), worker \(worker)")
          try chain.run { remaining.withLock { $0 -= 1 } }
          random = chain.random
          tally.withLock { $0.add(chain) }
        }
      } catch {
        Issue.record("seed \(seed), worker \(worker): \(error)")
      }
    }
    let sum = tally.withLock { $0 }
    print("kills: seed \(seed), \(sum)")
    #expect(sum.deaths >= Self.kills && sum.resumed > sum.deaths / 4 && sum.heads.count > 5, "seed \(seed): \(sum)")
  }

  private struct Tally: Sendable {
    var deaths = 0
    var chains = 0
    /// Deaths of resumptions, and of programs that had not made the journal yet.
    var resumed = 0
    var early = 0
    var heads: Set<Int64> = []

    mutating func add(_ chain: Chain) {
      chains += 1
      deaths += chain.deaths
      resumed += chain.resumed
      early += chain.early
      heads.formUnion(chain.heads)
    }
  }

  /// One import from its first attempt to its end.
  private final class Chain {
    var random: SeededRandom
    private let why: String
    private let sandbox: Sandbox
    private(set) var deaths = 0
    private(set) var resumed = 0
    private(set) var early = 0
    private(set) var heads: Set<Int64> = []
    private var head: Int64 = -1
    /// The system calls of an import that is not disturbed.
    private static let callCount = Int(
      (try? KillLoopTests.sandbox()).map { KillLoopTests.run(arguments, in: $0.path, at: -1).calls } ?? 0)

    init(random: SeededRandom, why: String) throws {
      self.random = random
      self.why = why
      sandbox = try KillLoopTests.sandbox()
    }

    func run(_ died: () -> Void) throws {
      let reference = try Reference.shared.get()
      while true {
        let exists = sandbox.size("custody.db") >= 0
        // The first and last calls, which open, recover and close, are as likely as all others together.
        let most = random.below(2) == 0 ? 60 : max(1, Self.callCount)
        let call = random.below(most)
        let ended = KillLoopTests.run(arguments + (exists ? ["--resume"] : []), in: sandbox.path, at: call)
        let place = "\(why), death \(deaths), \(exists ? "resumed" : "fresh"), call \(call)"
        if ended.signal != SIGKILL {
          // 2: it had died behind its last commit, and nothing was left to do.
          #expect(ended.status == 0 || exists && ended.status == 2, "\(place): \(ended)")
          expectEqual(try Reference.dump(sandbox.file("custody.db")), reference.dump, place)
          return
        }
        deaths += 1
        if exists { resumed += 1 }
        died()
        try check(reference, place)
      }
    }

    private func check(_ reference: Reference, _ place: String) throws {
      guard sandbox.size("custody.db") >= 0 else {
        early += 1
        #expect(head < 0, "\(place): the journal is gone")
        return
      }
      let reader = try JournalReader(at: sandbox.file("custody.db"))
      let found = try reader.headSeq().rawValue
      let findings = try reader.integrity()
      #expect(findings.isEmpty, "\(place): \(findings)")
      #expect(reference.boundaries(groupSize).contains(found), "\(place): entry \(found) is inside a group")
      #expect(found >= head, "\(place): entry \(found), and there had been \(head)")
      head = found
      heads.insert(found)
    }
  }

  // In memory, where a sync costs nothing.
  private static func sandbox() throws -> Sandbox {
    let sandbox = try Sandbox(inMemory: true)
    try RecordingText.small.write(to: sandbox)
    return sandbox
  }

  private static func run(_ arguments: [String], in folder: String, at call: Int) -> kill_result {
    var words: [UnsafeMutablePointer<CChar>?] = ([Sandbox.program] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    return kill_at(Sandbox.program, &words, folder, Int64(call))
  }
}
