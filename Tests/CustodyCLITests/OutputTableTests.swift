// Why: a table must fit its terminal without turning a number into another one.

import Journal
import Testing

@testable import CustodyCLI

@Suite struct OutputTableTests {
  private func table(
    _ columns: [Column], _ rows: [[Cell]], width: Int?, isTerminal: Bool = true, hasColour: Bool = false
  ) throws -> RecordingConsole {
    let recording = RecordingConsole(width: width, isTerminal: isTerminal, hasColour: hasColour)
    let writer = OutputFormat.table.writer(columns, to: try recording.console, null: "NULL")
    for row in rows { try writer.write(row) }
    try writer.finish()
    return recording
  }

  @Test func numbersStandOnTheRight() throws {
    let lines = try table(
      [Column("n"), Column("t")], [[.integer(5), .text("a")], [.integer(500), .null]], width: nil
    )
    .lines
    #expect(lines == ["  n  t", "  5  a", "500  NULL"])
  }

  @Test(arguments: [40, 60, 80, 200]) func linesFit(_ width: Int) throws {
    let columns = [
      Column("id"), Column("wide", minimum: 10), Column("rare", dropRank: 1), Column("also", minimum: 8),
    ]
    let text = String(repeating: "x", count: 70)
    let rows: [[Cell]] = [[.integer(123_456), .text(text), .text("twelve chars"), .text(text)]]
    let recording = try table(columns, rows, width: width)
    for line in recording.lines { #expect(DisplayText.width(line) <= width, "\(line)") }
    #expect(recording.output.contains("123456"))
    #expect(recording.output.contains("…") == (width < 170))
    #expect(recording.output.contains("rare") == (recording.notes.isEmpty))
  }

  @Test func aNumberIsNeverCut() throws {
    let output = try table([Column("n", minimum: 3)], [[.integer(1_234_567_890_123)]], width: 10).output
    #expect(output.contains("1234567890123"))
  }

  @Test func theColumnWithTheHighestRankGoesFirst() throws {
    let columns = [Column("a"), Column("b", dropRank: 2), Column("c", dropRank: 1)]
    let cell = Cell.text("0123456789")
    let recording = try table(columns, [[cell, cell, cell]], width: 24)
    #expect(recording.lines[0].split(separator: " ") == ["a", "c"])
    #expect(recording.notes.contains("b"))
  }

  @Test func withoutAWidthNothingIsCut() throws {
    let text = String(repeating: "y", count: 500)
    #expect(try table([Column("t", minimum: 5)], [[.text(text)]], width: nil).output.contains(text))
  }

  @Test func controlsAreShownNotObeyed() throws {
    let output = try table([Column("t")], [[.text("a\nb\u{1b}[31m\u{202e}\u{9b}")]], width: nil).output
    #expect(output == "t\na\\nb\\u{1b}[31m\\u{202e}\\u{9b}\n")
  }

  @Test func wideCharactersTakeTwoColumns() {
    #expect(DisplayText.width("漢字") == 4)
    #expect(DisplayText.width("e\u{301}") == 1)
    #expect(DisplayText.cut("漢字漢字", to: 5) == "漢字…")
    #expect(DisplayText.cut("abc", to: 3) == "abc")
    #expect(DisplayText.cut("abcd", to: 3) == "ab…")
  }

  @Test func manyRowsStreamWithTheFirstWidths() throws {
    let rows = (0..<3000).map { [Cell.integer(Int64($0))] }
    #expect(try table([Column("n")], rows, width: nil).lines.count == 3001)
  }

  @Test func inkDoesNotCountAsWidth() throws {
    let columns = [Column("outcome", ink: { .outcome($0) }), Column("x")]
    let output = try table(columns, [[.text("refused"), .text("y")]], width: nil, hasColour: true).output
    #expect(output.contains("\u{1b}[31mrefused\u{1b}[0m  y"))
  }

  @Test func longTextBreaksAtBlanks() {
    #expect(HeaderLine.lines("aaaa bbbb cccc dddd eeee", room: 20) == ["aaaa bbbb cccc dddd", "eeee"])
    #expect(HeaderLine.lines(String(repeating: "z", count: 50), room: 20).count == 1)
    #expect(HeaderLine.lines("", room: 20) == [""])
  }
}
