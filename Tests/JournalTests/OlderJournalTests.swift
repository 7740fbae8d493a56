// Why: journals outlive programs. One of the first schema is read as it is, and becomes a sealed one in one
// step that keeps a copy.

import PageOwnership
import Testing

@testable import Journal

struct OlderJournalTests {
  /// The sample journal in the schema of version 1.
  private func write(at path: String) throws {
    try SampleJournal.write(at: path + "-now")
    let connection = try Connection(path, .write)
    let first = Migration.all[0]
    try connection.execute(String(decoding: first.bytes, as: UTF8.self) + ";PRAGMA user_version = 1", "make")
    try connection.execute("ATTACH '\(path)-now' AS now", "make")
    for table in try tables(connection) where table != "writer_state" {
      let columns = table == "space_row" ? "id, kind, handle, incarnation, protected, born_seq" : nil
      let into = columns.map { "\(table) (\($0))" } ?? table
      try connection.execute("INSERT INTO main.\(into) SELECT \(columns ?? "*") FROM now.\(table)", "make")
    }
    try connection.execute("UPDATE writer_state SET clean = 1", "make")
    try connection.close()
    shell("rm \(path)-now")
  }

  // Without those whose rows come with the schema.
  private func tables(_ connection: Connection) throws -> [String] {
    let rows = try Cursor(
      connection, "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE '%\\_word' ESCAPE '\\'")
    var tables: [String] = []
    while try rows.step() { tables.append(rows.text(0)) }
    return tables
  }

  @Test func itIsReadAsItIs() throws {
    let folder = TemporaryFolder()
    try write(at: folder.file())
    let reader = try JournalReader(at: folder.file())
    #expect(try reader.schemaVersion() == 1)
    #expect(try reader.frames().map(\.entry) == SampleJournal.batch.entries)
    #expect(try reader.facts() == SampleJournal.facts)
    #expect(try reader.sealTail() == nil)
    let check = try reader.check()
    #expect(check.findings == [])
    #expect(check.head == nil && check.skipped.contains { $0.contains("has no seals") })
    #expect(try !reader.check(expecting: [#require(ExpectedHead(String(repeating: "0", count: 64)))]).findings.isEmpty)
    #expect(folder.names == ["journal.db"])
  }

  @Test func itsFirstWriterSealsItAndKeepsACopy() throws {
    let folder = TemporaryFolder()
    try write(at: folder.file())
    try JournalWriter.open(at: folder.file()).close()
    #expect(folder.names == ["journal.db", "journal.db.schema-1"])
    let copy = try JournalReader(at: folder.file("journal.db.schema-1"))
    #expect(try copy.schemaVersion() == 1)
    #expect(try copy.frames().map(\.entry) == SampleJournal.batch.entries)
    let reader = try JournalReader(at: folder.file())
    #expect(try reader.schemaVersion() == Migration.all.count)
    #expect(try reader.check().findings == [])
    // The chain is the one that a sealed journal would have had.
    try SampleJournal.write(at: folder.file("other.db"))
    let other = try JournalReader(at: folder.file("other.db"))
    #expect(try reader.sealTail()?.seal.head == other.sealTail()?.seal.head)
  }

  @Test func aCopyIsNeverWrittenOver() throws {
    let folder = TemporaryFolder()
    try write(at: folder.file())
    shell("echo mine > \(folder.file()).schema-1")
    try JournalWriter.open(at: folder.file()).close()
    #expect(folder.names == ["journal.db", "journal.db.schema-1", "journal.db.schema-1-2"])
    #expect(shell("cat \(folder.file()).schema-1").output == "mine\n")
  }

  @Test func aCopyCanBeDoneWithout() throws {
    let folder = TemporaryFolder()
    try write(at: folder.file())
    try JournalWriter.open(at: folder.file(), keepsCopy: false).close()
    #expect(folder.names == ["journal.db"])
  }

  @Test func damageIsNotSealed() throws {
    let folder = TemporaryFolder()
    try write(at: folder.file())
    let connection = try Connection(folder.file(), .write)
    try connection.execute("DROP TRIGGER entry_row_no_delete; DELETE FROM entry_row WHERE seq = 5", "damage")
    try connection.close()
    let error = #expect(throws: JournalError.self) { try JournalWriter.open(at: folder.file(), keepsCopy: false) }
    #expect(error?.code == .corrupt)
    #expect(try JournalReader(at: folder.file()).schemaVersion() == 1)
  }
}
