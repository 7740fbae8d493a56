// Why: a seal that leaves a column out leaves a way in. Every column of every table is changed once, and bits
// of the file and of the log at random places; each time the check says so, or every row is what it was.

import Foundation
import PageOwnership
import Testing

@testable import Journal

struct CoverageTests {
  /// How many bits are flipped; CUSTODY_FLIPS asks for more.
  private static let flips = ProcessInfo.processInfo.environment["CUSTODY_FLIPS"].flatMap { Int($0) } ?? 400

  private static func write(at path: String) throws {
    let writer = try JournalWriter.create(at: path, facts: SampleJournal.facts, importState: "{\"offset\":0}")
    var batch = SampleJournal.batch
    batch.leaves = [(SequenceNumber(13), LeafImage(space: .hyp, field: 1, level: 0, index: 0x240, body: [1, 2, 3]))]
    let loose = Space(id: SpaceID(rawValue: 4), kind: .guest, handle: nil, incarnation: 1, isProtected: nil)
    batch.spaces.append((loose, SequenceNumber(2)))
    batch.stateHashes = [(SequenceNumber(13), StateHash(first: 1, second: 2))]
    try writer.append(batch)
    try writer.setBookmark(Bookmark(name: "here", seq: SequenceNumber(7)))
    try writer.commit(importState: "{\"offset\":7}", isComplete: true)
    try writer.close()
  }

  @Test func everyColumnIsCovered() throws {
    let folder = TemporaryFolder()
    try Self.write(at: folder.file())
    let reader = try JournalReader(at: folder.file())
    #expect(try reader.check().findings == [])
    var count = 0
    for table in try reader.table("SELECT name FROM sqlite_schema WHERE type = 'table'").map({ $0[0] }) {
      // Not history: own snapshots and the state hash of the end are held against the states, by the caller, and saved
      // violations against an audit.
      if table == "snapshot_leaf" || table.hasPrefix("ownership") { continue }
      // An anchor has only a pruned journal (PruneTests).
      if ["audit_run", "violation", "anchor"].contains(table) { continue }
      for column in try reader.table("SELECT name, type FROM pragma_table_info('\(table)')") {
        if table == "seal_tail", ["one", "state_hash", "epoch", "tag"].contains(column[0]) { continue }
        if table == "seal", ["state_hash", "epoch", "tag"].contains(column[0]) { continue }
        if ["import_state", "writer_state"].contains(table), column[0] == "one" { continue }
        let copy = folder.file("copy.db")
        shell("cp \(folder.file()) \(copy)")
        let changed = try Self.change(copy, table, column[0], isText: column[1] == "TEXT")
        guard changed else { continue }
        count += 1
        #expect(!Self.found(copy).isEmpty, "\(table).\(column[0]) was changed and nobody says so")
      }
    }
    #expect(count > 100)
  }

  /// Changes one column of rows behind the triggers' back; false if the schema itself refuses.
  static func change(
    _ path: String, _ table: String, _ column: String, isText: Bool, where condition: String = "true"
  ) throws -> Bool {
    let value =
      isText ? "ifnull(\(column), '') || '0'" : "CASE \(column) WHEN 1 THEN 0 ELSE ifnull(\(column), 0) + 1 END"
    let blob = ["marks", "body"].contains(column) ? "x'00ff'" : value
    var isChanged = false
    try behindTriggers(path) { connection in
      let sql = "UPDATE \(table) SET \(column) = \(blob) WHERE \(condition)"
      isChanged = (try? connection.execute(sql, "damage")) != nil
    }
    return isChanged
  }

  /// Does something without the triggers, which are there again afterwards.
  static func behindTriggers(_ path: String, _ body: (Connection) throws -> Void) throws {
    let connection = try Connection(path, .write)
    defer { try? connection.close() }
    let triggers = try triggers(connection)
    for (name, _) in triggers { try connection.execute("DROP TRIGGER \(name)", "damage") }
    try body(connection)
    for (_, sql) in triggers { try connection.execute(sql, "damage") }
  }

  private static func triggers(_ connection: Connection) throws -> [(String, String)] {
    let rows = try Cursor(connection, "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
    var triggers: [(String, String)] = []
    while try rows.step() { triggers.append((rows.text(0), rows.text(1))) }
    return triggers
  }

  /// What a check finds, or the error that it ends with.
  static func found(_ path: String) -> [String] {
    do throws(JournalError) {
      return try JournalReader(at: path).integrity().map { "\($0.structure): \($0.message)" }
    } catch { return [error.message] }
  }

  @Test func flippedBitsAreFoundOrWithoutEffect() throws {
    let folder = TemporaryFolder()
    try Self.write(at: folder.file())
    let whole = Array(try Data(contentsOf: URL(filePath: folder.file())))
    let rows = try dump(folder.file())
    let seed = UInt64.random(in: 1...1_000_000)
    var numbers = SeededNumbers(state: seed)
    var silent = 0
    for _ in 0..<Self.flips {
      let bit = Int.random(in: 0..<whole.count * 8, using: &numbers)
      var bytes = whole
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      try Data(bytes).write(to: URL(filePath: folder.file("flip.db")))
      guard Self.found(folder.file("flip.db")).isEmpty else { continue }
      silent += 1
      #expect(
        try dump(folder.file("flip.db")) == rows, "seed \(seed): bit \(bit) changed something, and nobody says so")
    }
    print("flips: \(Self.flips), without effect: \(silent), seed \(seed)")
  }

  // Own snapshots are left out: they are held against the states.
  private func dump(_ path: String) throws -> [String] {
    let reader = try JournalReader(at: path)
    var lines: [String] = []
    for table in try reader.table("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name") {
      if table[0].hasPrefix("snapshot_leaf") || table[0].hasPrefix("seal") { continue }
      lines += try reader.table("SELECT * FROM \"\(table[0])\" ORDER BY 1, 2").map { $0.joined(separator: "|") }
    }
    return lines
  }

  @Test func flippedBitsInTheLogAreFoundOrWithoutEffect() throws {
    let folder = TemporaryFolder()
    let writer = try JournalWriter.create(at: folder.file(), facts: SampleJournal.facts)
    try writer.append(SampleJournal.batch)
    try writer.commit(importState: "{}", isComplete: true)
    var later = EntryBatch()
    for seq in 14...40 as ClosedRange<Int64> {
      later.entries = [Entry(seq: SequenceNumber(seq), site: SiteID(rawValue: 7))]
      try writer.append(later)
      try writer.commit()
    }
    writer.abandon()
    let log = Array(try Data(contentsOf: URL(filePath: folder.file() + "-wal")))
    let copy = folder.file("copy.db")
    shell("cp \(folder.file()) \(copy); cp \(folder.file())-wal \(copy)-wal")
    let rows = try dump(copy)
    let seed = UInt64.random(in: 1...1_000_000)
    var numbers = SeededNumbers(state: seed)
    for _ in 0..<Self.flips / 4 {
      let bit = Int.random(in: 0..<log.count * 8, using: &numbers)
      var bytes = log
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      shell("rm -f \(copy)*; cp \(folder.file()) \(copy)")
      try Data(bytes).write(to: URL(filePath: copy + "-wal"))
      guard Self.found(copy).isEmpty else { continue }
      #expect(try dump(copy) == rows, "seed \(seed): bit \(bit) of the log changed something, and nobody says so")
    }
  }

  @Test func rowsAreCountedTableByTable() throws {
    let folder = TemporaryFolder()
    try Self.write(at: folder.file())
    let reader = try JournalReader(at: folder.file())
    let check = try reader.check()
    for table in try reader.table("SELECT name FROM sqlite_schema WHERE type = 'table'").map({ $0[0] }) {
      if table == "snapshot_leaf" || table.hasPrefix("ownership") { continue }
      if ["audit_run", "violation"].contains(table) { continue }
      let count = try reader.table("SELECT count(*) FROM \(table)")[0][0]
      #expect(check.coverage.first { $0.table == table }.map { "\($0.checked)" } == count, "\(table)")
    }
    #expect(check.isEndProven)
  }

  @Test func theEndIsProvenOnlyByWhatIsExpected() throws {
    let folder = TemporaryFolder()
    let writer = try JournalWriter.create(at: folder.file(), facts: Facts())
    try writer.append(SampleJournal.batch)
    try writer.commit()
    let reader = try JournalReader(at: folder.file())
    #expect(try !reader.check().isEndProven)
    let head = try #require(try reader.sealTail()).seal.head
    #expect(try reader.check(expecting: [#require(ExpectedHead("13:\(head)"))]).isEndProven)
    #expect(try reader.check(expecting: [#require(ExpectedHead("\(head)"))]).findings == [])
    for text in ["14", "12:\(head)", String(repeating: "0", count: 64)] {
      #expect(try reader.check(expecting: [#require(ExpectedHead(text))]).findings.count == 1, "\(text)")
    }
    for text in ["", "x", "-1", "1:", ":\(head)", "1:2", "1:\(head):"] { #expect(ExpectedHead(text) == nil, "\(text)") }
    writer.abandon()
  }
}
