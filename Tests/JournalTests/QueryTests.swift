// Why: a query can ask everything and do nothing.

import PageOwnership
import Testing

@testable import Journal

struct QueryTests {
  private let folder = TemporaryFolder()
  private let reader: JournalReader

  init() throws {
    try SampleJournal.write(at: folder.file())
    reader = try JournalReader(at: folder.file())
  }

  @Test(arguments: [
    "ATTACH ':memory:' AS x", "ATTACH DATABASE '/tmp/x.db' AS x", "DETACH main", "PRAGMA writable_schema = ON",
    "PRAGMA journal_mode = WAL", "PRAGMA user_version = 7", "PRAGMA query_only = OFF", "PRAGMA wal_checkpoint",
    "PRAGMA temp_store_directory = '/tmp'", "DELETE FROM entry_row", "UPDATE site SET kind = 'x'",
    "INSERT INTO gap VALUES (1, 1, 1, 'x')", "REPLACE INTO gap VALUES (1, 1, 1, 'x')", "DROP TABLE entry_row",
    "CREATE TABLE x (y)", "CREATE TEMP TABLE x (y)", "CREATE VIEW x AS SELECT 1", "ALTER TABLE site RENAME TO x",
    "CREATE VIRTUAL TABLE x USING fts5(y)", "CREATE TEMP TRIGGER x AFTER INSERT ON gap BEGIN SELECT 1; END",
    "SELECT load_extension('x')", "SELECT fts3_tokenizer('x')", "VACUUM", "VACUUM INTO '/tmp/custody-x.db'",
    "REINDEX", "ANALYZE", "BEGIN", "COMMIT", "SAVEPOINT x", "SELECT 1; SELECT 2", "SELECT 1; DROP TABLE site",
    "SELECT 1; nonsense", "", "-- nothing", "SELECT", "SELECT nothing FROM entry", "SELECT 1 \u{0} 2",
    "WITH x AS (SELECT 1) DELETE FROM gap", "EXPLAIN DELETE FROM gap",
  ])
  func denied(sql: String) throws {
    let error = #expect(throws: JournalError.self) { try reader.table(sql) }
    #expect(error?.code == .query)
    #expect(try reader.integrity() == [])
  }

  @Test(arguments: [
    "SELECT 1", "SELECT 1;", "SELECT 1; -- end\n ;;", "VALUES (1)", "WITH x AS (SELECT 1 AS y) SELECT y FROM x",
    "SELECT count(DISTINCT name) / count(DISTINCT name) FROM pragma_table_info('entry')",
    "SELECT value FROM json_each('[1]')", "SELECT count(*) > 0 FROM dbstat",
    "SELECT 1 FROM (SELECT seq FROM entry UNION SELECT seq FROM change) LIMIT 1",
  ])
  func allowed(sql: String) throws {
    #expect(try reader.table(sql) == [["1"]])
  }

  @Test func readingPragmas() throws {
    #expect(try reader.table("PRAGMA user_version") == [["\(Migration.all.count)"]])
    #expect(try !reader.table("PRAGMA table_info(entry)").isEmpty)
    #expect(try !reader.table("EXPLAIN QUERY PLAN SELECT * FROM entry").isEmpty)
  }

  @Test func ownFunctions() throws {
    #expect(
      try reader.table("SELECT hex64(-1), hex64(4096), hex64(NULL), errno_name(-1), errno_name(0)")
        == [["0xffffffffffffffff", "0x1000", "-", "-EPERM", "-"]])
  }

  @Test func cellsKeepTheirTypes() throws {
    var cells: [SQLCell] = []
    var names: [String] = []
    try reader.query("SELECT NULL AS a, 1 AS b, 0.5 AS c, 'x' AS d, x'00ff' AS e", columns: { names = $0 }) {
      cells = $0
      return true
    }
    #expect(names == ["a", "b", "c", "d", "e"])
    #expect(cells == [.null, .integer(1), .real(0.5), .text("x"), .blob([0, 255])])
  }

  @Test func limitsHold() throws {
    let endless = "WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x) SELECT n FROM x"
    var count = 0
    let isCut = try reader.query(endless, limits: QueryLimits(rowCount: 5)) { _ in
      count += 1
      return true
    }
    #expect(isCut && count == 5)
    let late = #expect(throws: JournalError.self) {
      try reader.query("SELECT count(*) FROM (\(endless))", limits: QueryLimits(milliseconds: 20)) { _ in true }
    }
    #expect(late?.code == .limit)
    let stopped = #expect(throws: JournalError.self) {
      try reader.query("SELECT count(*) FROM (\(endless))", limits: QueryLimits(isCancelled: { true })) { _ in true }
    }
    #expect(stopped?.code == .interrupted)
  }

  @Test func errorsNameThePlace() throws {
    let error = #expect(throws: JournalError.self) { try reader.table("SELECT seq FROM entri") }
    #expect(error?.message.contains("no such table: entri") == true)
    let place = #expect(throws: JournalError.self) { try reader.table("SELECT nothing FROM entry") }
    #expect(place?.message.contains("at byte 7") == true)
  }
}
