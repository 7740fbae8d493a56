// Why: the acceptance test's way of asking, the limits, and that nothing can be written.

import ArgumentParser
import Testing

@testable import CustodyCLI

@Suite struct SQLCommandTests {
  private let journal: SmallJournal

  init() throws { journal = try SmallJournal() }

  private func sql(_ arguments: String...) throws -> RecordingConsole {
    let recording = RecordingConsole()
    let command = try SQLCommand.parse(["-j", journal.path] + arguments)
    try command.run(on: recording.console)
    return recording
  }

  @Test func csvIsTheNumberAlone() throws {
    #expect(try sql("--format", "csv", "SELECT count(*) FROM \"transition\"").output == "3\n")
    #expect(try sql("--format", "csv", "--header", "SELECT 1 AS one").output == "one\n1\n")
  }

  @Test func tableHasNamesAndNull() throws {
    #expect(try sql("SELECT 1 AS one, NULL AS b").lines == ["one  b", "  1  NULL"])
  }

  @Test func ourFunctions() throws {
    #expect(try sql("--format", "csv", "SELECT hex64(-1), errno_name(-1)").output == "0xffffffffffffffff,-EPERM\n")
  }

  @Test func aFileHoldsTheStatement() throws {
    let file = try journal.file("question.sql", "SELECT 7;\n-- a remark\n")
    #expect(try sql("--format", "csv", "--file", file).output == "7\n")
  }

  @Test func theRowLimitIsSaid() throws {
    let recording = try sql("--format", "csv", "--limit", "2", "SELECT seq FROM entry")
    #expect(recording.output == "1\n2\n")
    #expect(recording.notes == "showing the first 2 rows; there are more\n")
    #expect(try sql("--limit", "14", "SELECT seq FROM entry").notes.isEmpty)
  }

  @Test func theTimeLimitIsStatusFive() throws {
    let endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c"
    #expect(status { _ = try sql("--timeout", "0.05", endless) } == ExitStatus.limit)
  }

  @Test(arguments: [
    "SELEC", "", "SELECT 1; SELECT 2", "DELETE FROM entry_row", "INSERT INTO fact VALUES ('a', 'b', 'c')",
    "ATTACH '/tmp/x' AS y", "PRAGMA journal_mode = DELETE", "SELECT load_extension('x')", "CREATE TABLE t (a)",
  ])
  func whatIsNoReadingIsUsage(_ statement: String) throws {
    #expect(status { _ = try sql(statement) } == ExitStatus.usage)
  }

  @Test func exactlyOneStatementIsGiven() {
    #expect(throws: (any Error).self) { try SQLCommand.parse([]) }
    #expect(throws: (any Error).self) { try SQLCommand.parse(["SELECT 1", "--file", "x"]) }
    #expect(throws: (any Error).self) { try SQLCommand.parse(["SELECT 1", "--timeout", "0"]) }
    #expect(throws: (any Error).self) { try SQLCommand.parse(["SELECT 1", "--limit", "-1"]) }
  }

  @Test func aFileThatIsNotThereCannotBeOpened() {
    #expect(status { _ = try sql("--file", "/nonexistent/question.sql") } == ExitStatus.cannotOpen)
  }
}
