// Why: kill -9 at hundreds of chosen system calls: a command dies, its repetition dies, and so on until one
// comes through; after each death the journal is sound and has lost nothing, at the end it is the one of a
// command that nobody disturbed. Not here: deaths by the size of files (`KillTests.swift`).

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

  /// Whether programs may be traced here.
  private static let canTrace = run(["--help"], in: "/", at: -1).status == 0

  @Test(.enabled(if: canTrace, "programs may not be traced here: nobody is killed at a system call"))
  func aCommandMayDieAtAnySystemCall() throws {
    let seed = SeededRandom.seed(9)
    let commands = try KilledCommand.all.get()
    let remaining = Mutex(Self.kills)
    let tallies = Mutex<[String: Tally]>([:])
    DispatchQueue.concurrentPerform(iterations: 2) { worker in
      var random = SeededRandom(seed: seed &+ UInt64(worker))
      do {
        while remaining.withLock({ $0 > 0 }) {
          let command = random.pick(commands)
          let chain = try Chain(command, random: random, why: "seed \(seed), worker \(worker), \(command.name)")
          try chain.run { remaining.withLock { $0 -= 1 } }
          random = chain.random
          tallies.withLock { $0[command.name, default: Tally()].add(chain.tally) }
        }
      } catch {
        Issue.record("seed \(seed), worker \(worker): \(error)")
      }
    }
    let found = tallies.withLock { $0 }
    for (name, tally) in found.sorted(by: { $0.key < $1.key }) { print("kills: seed \(seed), \(name), \(tally)") }
    let sum = found.values.reduce(0) { $0 + $1.deaths }
    #expect(sum >= Self.kills && found.count == commands.count, "seed \(seed): \(found)")
    for (name, tally) in found {
      #expect(tally.torn <= tally.deaths / 8, "seed \(seed), \(name): \(tally)")
      #expect(tally.deaths > Self.kills / 50 && tally.again > tally.deaths / 8, "seed \(seed), \(name): \(tally)")
    }
    #expect(found["import"].map { $0.heads.count > 3 } ?? false, "seed \(seed): \(found)")
  }

  fileprivate struct Tally: Sendable {
    var chains = 0
    var deaths = 0
    /// Deaths of repetitions, and of programs that had not made the journal yet.
    var again = 0
    var early = 0
    /// Deaths in the middle of a commit frame.
    var torn = 0
    var heads: Set<Int64> = []

    mutating func add(_ other: Tally) {
      chains += other.chains
      deaths += other.deaths
      again += other.again
      early += other.early
      torn += other.torn
      heads.formUnion(other.heads)
    }
  }

  /// One command from its first attempt to its end.
  private final class Chain {
    var random: SeededRandom
    private(set) var tally = Tally(chains: 1)
    private let command: KilledCommand
    private let why: String
    private let sandbox: Sandbox
    private var head: Int64 = -1
    init(_ command: KilledCommand, random: SeededRandom, why: String) throws {
      self.command = command
      self.random = random
      self.why = why
      // In memory, where a sync costs nothing.
      sandbox = try Sandbox(inMemory: true)
      for (name, bytes) in command.files { try sandbox.write(name, bytes) }
    }

    func run(_ died: () -> Void) throws {
      while true {
        let exists = sandbox.size("custody.db") >= 0
        let call = nextCall()
        let ended = KillLoopTests.run(command.arguments(exists), in: sandbox.path, at: call)
        let place = "\(why), death \(tally.deaths), call \(call)"
        if ended.signal != SIGKILL {
          #expect(
            ended.status == 0 || tally.deaths > 0 && command.statuses.contains(ended.status), "\(place): \(ended)")
          expectEqual(try KilledCommand.dump(sandbox.file("custody.db")), command.dump, place)
          return
        }
        if tally.deaths > 0 { tally.again += 1 }
        tally.deaths += 1
        died()
        try check(place)
      }
    }

    // The first calls, which open and recover, are as likely as all others together; some are never made.
    private func nextCall() -> Int {
      random.below(random.below(2) == 0 ? min(60, command.callCount) : command.callCount + 10)
    }

    private func check(_ place: String) throws {
      guard sandbox.size("custody.db") >= 0 else {
        tally.early += 1
        #expect(head < 0 && command.files["custody.db"] == nil, "\(place): the journal is gone")
        return
      }
      let reader = try JournalReader(at: sandbox.file("custody.db"))
      let found = try reader.headSeq().rawValue
      // A commit that is half written over an older, longer log looks like a damaged one: nobody can tell.
      let findings = try reader.integrity()
      if findings.map(\.structure) == ["wal"] { tally.torn += 1 }
      #expect(findings.isEmpty || findings.map(\.structure) == ["wal"], "\(place): \(findings)")
      #expect(command.boundaries.contains(found), "\(place): entry \(found) is inside a group")
      #expect(found >= head, "\(place): entry \(found), and there had been \(head)")
      let indexed = try reader.indexedSeq()?.rawValue ?? 0
      #expect(indexed <= found, "\(place): an index to entry \(indexed) of \(found)")
      head = found
      tally.heads.insert(found)
    }
  }

  /// Runs the program until it makes a system call, or to its end.
  static func run(_ arguments: [String], in folder: String, at call: Int) -> kill_result {
    var words: [UnsafeMutablePointer<CChar>?] = ([Sandbox.program] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    return kill_at(Sandbox.program, &words, folder, Int64(call))
  }
}
