// Why: every format must survive every value, and a reader of the format must get the value back.

import Foundation
import Journal
import Testing

@testable import CustodyCLI

@Suite struct OutputFormatTests {
  private static let nasty = "a,\"b\"\n\u{1b}[2J|é \u{202e}\u{9b}漢"

  private func write(
    _ format: OutputFormat, _ columns: [String], _ rows: [[Cell]], hasHeader: Bool = true, isTerminal: Bool = false
  ) throws -> RecordingConsole {
    let recording = RecordingConsole(isTerminal: isTerminal)
    let writer = format.writer(columns.map { Column($0) }, to: try recording.console, hasHeader: hasHeader)
    for row in rows { try writer.write(row) }
    try writer.finish()
    return recording
  }

  @Test func jsonKeepsEveryValue() throws {
    let row: [Cell] = [
      .null, .integer(9_007_199_254_740_993), .real(0.1), .real(.infinity), .real(.nan), .text(Self.nasty),
      .blob([0, 255]),
    ]
    let text = try write(.json, ["n", "i", "r", "inf", "nan", "t", "b"], [row, row]).output
    let rows = try #require(try json(text) as? [[String: Any]])
    #expect(rows.count == 2)
    #expect(rows[1]["t"] as? String == Self.nasty)
    #expect(rows[1]["b"] as? String == "00ff")
    #expect(rows[1]["inf"] is NSNull && rows[1]["nan"] is NSNull && rows[1]["n"] is NSNull)
    #expect(text.contains("9007199254740993"))
    #expect(!text.contains("\u{1b}") && !text.contains("\u{9b}") && !text.contains("\u{202e}"))
  }

  @Test func jsonOfNothingIsAnEmptyArray() throws {
    #expect(try write(.json, ["a"], []).output == "[]\n")
    #expect(try write(.jsonl, ["a"], []).output.isEmpty)
  }

  @Test func jsonlIsAnObjectALine() throws {
    let lines = try write(.jsonl, ["a"], [[.text("x\ny")], [.integer(-1)]]).lines
    #expect(lines.count == 2)
    for line in lines { _ = try json(line) }
  }

  @Test func equalNamesBecomeDistinctKeys() {
    #expect(JSONRowWriter.distinct(["a", "a", "a_2", "a"]) == ["a", "a_2", "a_2_2", "a_3"])
  }

  @Test func csvQuotesAsRFC4180Says() throws {
    let row: [Cell] = [.text("a,b"), .text("say \"hi\""), .text("two\nlines"), .null, .text(""), .text(" x")]
    let text = try write(.csv, ["a", "b", "c", "d", "e", "f"], [row]).output
    #expect(text == "a,b,c,d,e,f\n\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",,\"\",\" x\"\n")
  }

  @Test func csvQuotesAQuoteUnderACombiningMark() throws {
    #expect(try write(.csv, ["a"], [[.text("\"\u{301}")]], hasHeader: false).output == "\"\"\"\u{301}\"\n")
  }

  @Test func csvWithoutHeaderIsRowsAlone() throws {
    #expect(try write(.csv, ["count(*)"], [[.integer(6604)]], hasHeader: false).output == "6604\n")
    #expect(try write(.csv, ["a"], [[.null]], hasHeader: false).output == "\"\"\n")
  }

  @Test func csvOnATerminalIsHarmless() throws {
    #expect(try !write(.csv, ["a"], [[.text("\u{1b}[2J")]], isTerminal: true).output.contains("\u{1b}"))
  }

  @Test func markdownEscapesItsOwnSigns() throws {
    let lines = try write(.markdown, ["a_b", "n"], [[.text("x|y\n*z*"), .integer(1)]]).lines
    #expect(lines == ["| a\\_b | n |", "| --- | ---: |", "| x\\|y\\\\n\\*z\\* | 1 |"])
  }

  @Test func coloursFollowTheEnvironment() {
    func wants(_ isTerminal: Bool, _ environment: [String: String]) -> Bool {
      Console.wantsColour(isTerminal) { environment[$0] }
    }
    #expect(wants(true, ["TERM": "xterm"]))
    #expect(!wants(false, ["TERM": "xterm"]))
    #expect(!wants(true, ["TERM": "dumb"]))
    #expect(!wants(true, ["NO_COLOR": "1"]))
    #expect(wants(true, ["NO_COLOR": ""]))
    #expect(wants(false, ["CLICOLOR_FORCE": "1"]))
    #expect(!wants(false, ["CLICOLOR_FORCE": "0"]))
    #expect(!wants(true, ["CLICOLOR_FORCE": "1", "NO_COLOR": "1"]))
  }

  @Test func rowsArriveBeforeTheEnd() throws {
    let recording = RecordingConsole()
    let writer = OutputFormat.jsonl.writer([Column("a")], to: try recording.console)
    for _ in 0..<10_000 { try writer.write([.text("0123456789")]) }
    #expect(!recording.output.isEmpty)
  }

  @Test func aReaderThatWentAwayEndsQuietly() throws {
    let console = Console(deliver: { _ in throw CommandFailure.silent(0) })
    let writer = OutputFormat.table.writer([Column("a")], to: console)
    #expect(throws: CommandFailure.self) { try writer.finish() }
  }
}
