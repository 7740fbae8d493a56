// Why: the state of a whole machine at any moment, and a replay of everything, beside a C program that reads the
// columns which a replay needs.

import CAppendBaseline
import CustodyCLI
import Glibc
import Journal
import PageOwnership

/// Asks a journal for whole states.
struct JournalAsking {
  /// Nanoseconds of CPU of each whole state, in rising order.
  private(set) var states: [Int64] = []
  /// Nanoseconds of CPU: a replay of all changes, a C scan of its columns.
  private(set) var replay: Int64 = 0, scan: Int64 = 0
  /// The state at the end: by the replay, and by the nearest own snapshot.
  private(set) var replayed = "", restored = ""
  /// A hash of what the C scan read.
  private(set) var scanHash: UInt64 = 14_695_981_039_346_656_037
  /// A hash of all states.
  private(set) var stateHash: UInt64 = 14_695_981_039_346_656_037
  /// States that no own snapshot could give.
  private(set) var farCount = 0
  /// States that a replay of everything contradicts, of the first ``checks``.
  private(set) var wrongCount = 0
  private var entryCount: Int64 = 0
  private static let checks = 3

  /// What was measured, in words.
  var words: String {
    let ratio = Figure.tenths(Double(replay) / Double(max(1, scan)), 2)
    return """
      whole state  CPU p50 \(Figure.milliseconds(Figure.quantile(states, 500))), p99 \
      \(Figure.milliseconds(Figure.quantile(states, 990))), of \(states.count), \
      \(farCount) of them by a replay of everything
      checked      \(wrongCount) of \(min(Self.checks, states.count)) states differ from a replay
      state hash   \(String(stateHash, radix: 16))
      replay       \(Figure.milliseconds(replay)) CPU for \(entryCount) entries
      C scan       \(Figure.milliseconds(scan)) CPU for the columns that it needs, ratio \(ratio)
      hash         \(replayed) both ways, C scan \(String(scanHash, radix: 16))
      """
  }

  /// Asks for the state after so many random entries, then replays and scans.
  static func run(journal path: String, questions: Int) throws -> JournalAsking {
    var asking = JournalAsking()
    let reader = try JournalReader(at: path)
    let head = try reader.headSeq().rawValue
    var state: UInt64 = 1
    asking.entryCount = head
    asking.restored = try WholeState(reader).hash(at: SequenceNumber(head)).description
    for index in 0..<questions where head > 0 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let seq = SequenceNumber(Int64(state >> 16) % head + 1)
      let start = Clock.cpu()
      let hash = try WholeState(reader).hash(at: seq)
      asking.states.append(Clock.cpu() - start)
      if try !WholeState(reader).isNear(seq) { asking.farCount += 1 }
      if index < Self.checks, try WholeState(reader).replayed(through: seq) != hash { asking.wrongCount += 1 }
      for byte in hash.description.utf8 { asking.stateHash = (asking.stateHash ^ UInt64(byte)) &* 1_099_511_628_211 }
    }
    asking.states.sort()
    try asking.replayAll(reader)
    asking.scanAll(path)
    return asking
  }

  private mutating func replayAll(_ reader: JournalReader) throws {
    let start = Clock.cpu()
    replayed = try WholeState(reader).replayed(through: SequenceNumber(entryCount)).description
    replay = Clock.cpu() - start
  }

  // What a replay reads: every entry's number and kind, every change's words.
  private mutating func scanAll(_ path: String) {
    let start = Clock.cpu()
    _ = custody_baseline_scan(
      path, "SELECT seq, site, action, space, page, page_count, cpu, outcome FROM entry_row ORDER BY seq", &scanHash)
    _ = custody_baseline_scan(
      path,
      "SELECT seq, ord, space, page, page_count, levels, old, new, flags, owner FROM change_row ORDER BY seq, ord",
      &scanHash)
    scan = Clock.cpu() - start
  }
}
