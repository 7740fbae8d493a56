// Why: derived rows are under no seal; `verify` compares them with a replay. Here bits are flipped on the pages
// of the index and of the writer's own snapshots, and each flip must be told or change no row that is read.
// Not here: rows of history (BitFlipTests), damage that SQL can do (IndexCommandTests).

import Analysis
import Foundation
import Journal
import PageOwnership
import TestSupport
import Testing

@testable import CustodyCLI

@Suite struct FlippedDerivedTests {
  private static let tables = ["ownership_span_row", "ownership_block", "ownership_count", "ownership_index"]
  /// How many bits; CUSTODY_DERIVED_FLIPS asks for more.
  private static let dose = ProcessInfo.processInfo.environment["CUSTODY_DERIVED_FLIPS"].flatMap { Int($0) } ?? 150

  /// A small recording with its index and an own snapshot of its end.
  private func journal() throws -> Sandbox {
    let sandbox = try Sandbox()
    try RecordingText.small.write(to: sandbox)
    let words = ["import", "-q", "r.events.jsonl", "--snapshots", "r.snapshots.jsonl"]
    #expect(try sandbox.custody(words).status == 0)
    let reader = try JournalReader(at: sandbox.file("custody.db"))
    let head = try reader.headSeq()
    var states = try JournalStates(reader, unwritten: [])
    var leaves: [LeafImage] = []
    try states.run(through: head) { follower in
      if follower.lastSeq == head { leaves = follower.takeDirtyLeaves() }
      return true
    }
    #expect(!leaves.isEmpty)
    let writer = try JournalWriter.open(at: sandbox.file("custody.db"))
    var batch = EntryBatch()
    batch.leaves = leaves.map { (head, $0) }
    try writer.append(batch)
    try writer.close()
    return sandbox
  }

  private func pages(_ sandbox: Sandbox) throws -> [Int] {
    let sql = "SELECT pageno FROM dbstat WHERE name LIKE 'ownership_%' OR name = 'snapshot_leaf' ORDER BY 1"
    return try sandbox.shell("sqlite3 -readonly custody.db \"\(sql)\"").lines.compactMap { Int($0) }
  }

  /// What derived rows tell: those of the index, and the state that the own snapshot gives. (A coarse image may say
  /// anything of pages that a finer one of the same moment holds.)
  private func rows(_ path: String) throws -> [String] {
    let reader = try JournalReader(at: path)
    var rows: [String] = []
    for table in Self.tables {
      try reader.query("SELECT * FROM \(table)") { row in
        rows.append("\(row)")
        return true
      }
    }
    let own = try StateAt(reader).own(reader.headSeq())
    return rows.sorted() + ["own snapshot: \(own.map { "\($0.hash)" } ?? "none")"]
  }

  /// What the whole `verify` finds.
  private func findings(_ path: String) throws -> [IntegrityFinding] {
    let reader = try JournalReader(at: path)
    let states = StateCheck(reader)
    let check = try reader.check(observer: states.observer)
    guard check.findings.isEmpty, states.findings.isEmpty else { return check.findings + states.findings }
    return try IndexCheck(reader).run().findings
  }

  @Test func everyFlipIsToldOrReadByNobody() throws {
    let sandbox = try journal()
    let bytes = try Data(contentsOf: URL(filePath: sandbox.file("custody.db")))
    let whole = try rows(sandbox.file("custody.db"))
    #expect(try findings(sandbox.file("custody.db")) == [])
    let pages = try pages(sandbox)
    #expect(pages.count > 5)
    var random = SeededRandom(seed: SeededRandom.seed(77))
    var told = 0
    for number in 0..<Self.dose {
      let offset = (random.pick(pages) - 1) * 4096 + random.below(4096)
      var flipped = bytes
      flipped[offset] ^= 1 << UInt8(random.below(8))
      try flipped.write(to: URL(filePath: sandbox.file("flipped.db")))
      do {
        guard try findings(sandbox.file("flipped.db")).isEmpty else {
          told += 1
          continue
        }
        let changed = Set(try rows(sandbox.file("flipped.db"))).symmetricDifference(whole).sorted().prefix(4)
        #expect(changed.isEmpty, "seed \(random.seed), flip \(number), byte \(offset): nobody told \(changed)")
      } catch is JournalError {
        told += 1
      }
    }
    #expect(told > Self.dose / 4, "\(told) of \(Self.dose) told")
  }
}
