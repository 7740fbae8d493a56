// Why: kill -9 at any moment of an import: what is left opens, is sound, replays to the end of a group,
// and resumes to the journal that an uninterrupted import makes.

import Foundation
import Testing

@Suite struct KillTests {
  private static let groupSize = 64
  /// How many moments; CUSTODY_KILLS asks for more.
  private static let kills = ProcessInfo.processInfo.environment["CUSTODY_KILLS"].flatMap { Int($0) } ?? 24

  @Test func anImportMayDieAtAnyMoment() throws {
    let seed = UInt64.random(in: 1...UInt64(UInt32.max))
    var random = SplitMix(seed)
    var heads: [Int64] = []
    for number in 0..<Self.kills {
      let sandbox = try Sandbox()
      try RecordingText.small.write(to: sandbox)
      let why = "seed \(seed), kill \(number)"
      let ended = number % 2 == 0 ? try killBetweenLines(sandbox, &random) : try killInTheMiddle(sandbox, &random)
      #expect(ended.signal == SIGKILL || ended.status == 0, "\(why): \(ended)")
      heads.append(try check(sandbox, why))
    }
    #expect(Set(heads).count > min(Self.kills, 36) / 3, "seed \(seed): the moments were all alike: \(heads)")
  }

  // The program has read this far and waits for more.
  private func killBetweenLines(_ sandbox: Sandbox, _ random: inout SplitMix) throws -> Ran {
    let running = try sandbox.start(
      ["import", "-q", "-", "--facts", "r.summary.json", "--snapshots", "r.snapshots.jsonl"] + Self.group,
      hasInput: true)
    let events = RecordingText.small.events
    for line in events.prefix(random.below(events.count)) { running.write(line + "\n") }
    running.waitUntilRead()
    running.send(SIGKILL)
    return running.wait()
  }

  // Somewhere while files are made, written and closed: told by how far the log has grown.
  private func killInTheMiddle(_ sandbox: Sandbox, _ random: inout SplitMix) throws -> Ran {
    let running = try sandbox.start(Reference.arguments + Self.group)
    switch random.below(8) {
    case 0: running.spin { sandbox.size("custody.db-lock") >= 0 }
    case 1: running.spin { sandbox.size("custody.db-new") > Int64(random.below(100_000)) }
    case 2: running.spin { sandbox.size("custody.db") >= 0 }
    default:
      let size = Int64(random.below(2_000_000))
      running.spin { sandbox.size("custody.db-wal") >= size }
    }
    running.send(SIGKILL)
    return running.wait()
  }

  private static let group = ["--group-size", "\(groupSize)"]

  // Returns the last entry that was found.
  private func check(_ sandbox: Sandbox, _ why: String) throws -> Int64 {
    let reference = try Reference.shared.get()
    guard sandbox.size("custody.db") >= 0 else {
      // It died before the journal had its name: nothing may stand in the way of the next try.
      let again = try sandbox.custody(Reference.arguments)
      #expect(again.status == 0, "\(why): \(again)")
      expectEqual(try Reference.dump(sandbox.file("custody.db")), reference.dump, why)
      return -1
    }
    let verify = try sandbox.custody("verify", "--format", "json")
    let verdict = try #require(try json(verify.output) as? [String: Any], "\(why): \(verify)")
    #expect(verify.status == 0, "\(why): \(verify)")
    let replay = try sandbox.custody("replay", "--format", "json")
    let report = try #require(try json(replay.output) as? [String: Any], "\(why): \(replay)")
    #expect(replay.status == 0 && (report["differences"] as? [Any])?.isEmpty == true, "\(why): \(replay)")
    let head = try #require(report["seq"] as? Int64 ?? (report["seq"] as? Int).map(Int64.init))
    #expect(reference.boundaries(Self.groupSize).contains(head), "\(why): entry \(head) is inside a group")
    if verdict["complete"] as? Bool == true, verdict["clean"] as? Bool == true {
      expectEqual(try Reference.dump(sandbox.file("custody.db")), reference.dump, why)
      return head
    }
    let resumed = try sandbox.custody(Reference.arguments + ["--resume"] + Self.group)
    #expect(resumed.status == 0, "\(why): \(resumed)")
    expectEqual(try Reference.dump(sandbox.file("custody.db")), reference.dump, why)
    #expect(!sandbox.names.contains { $0.hasPrefix("custody.db-") }, "\(why): \(sandbox.names)")
    return head
  }
}

/// Random numbers that a seed decides.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  /// A number from 0 up to, not including, `bound`.
  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
}
