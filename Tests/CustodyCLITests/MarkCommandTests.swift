// Why: names for moments: given, moved, removed, listed, and understood by every `--at`.

import ArgumentParser
import PageOwnership
import Testing

@testable import CustodyCLI
@testable import Journal

@Suite struct MarkCommandTests {
  private let journal: SmallJournal

  init() throws { journal = try SmallJournal() }

  private func mark(_ arguments: String...) throws -> RecordingConsole {
    let recording = RecordingConsole()
    try MarkCommand.parse(arguments + ["-j", journal.path]).run(on: recording.console)
    return recording
  }

  private func entry(_ name: String) throws -> Int64 {
    let reader = try JournalReader(at: journal.path)
    return try PointInTime.moment(PointInTime(argument: name), in: reader).seq.rawValue
  }

  private func damage(_ assignments: String) throws {
    let connection = try Connection(journal.path, .write)
    try connection.execute("UPDATE bookmark SET \(assignments)", "damage a name")
    try connection.close()
  }

  @Test func aNameIsUnderstoodWhereverAMomentIs() throws {
    #expect(try mark("lent", "--at", "4").notes.contains("@lent: at entry 4"))
    #expect(try entry("@lent") == 4)
    _ = try mark("@now")
    #expect(try entry("@now") == 14)
    #expect(try mark("--format", "csv").lines.dropFirst().map { $0.prefix(7) } == ["@lent,4", "@now,14"])
  }

  @Test func movingAndRemovingAreAskedFor() throws {
    _ = try mark("here", "--at", "4")
    _ = try mark("here", "--at", "4")
    #expect(throws: CommandFailure.self) { try mark("here", "--at", "5") }
    #expect(try entry("@here") == 4)
    _ = try mark("here", "--at", "5", "--force")
    #expect(try entry("@here") == 5)
    _ = try mark("here", "--remove")
    #expect(throws: CommandFailure.self) { try entry("@here") }
    #expect(throws: CommandFailure.self) { try mark("here", "--remove") }
  }

  @Test(arguments: ["", "a b", "é", "x;DROP", String(repeating: "a", count: 65)])
  func whatCannotBeAName(_ name: String) throws {
    #expect(throws: (any Error).self) { try MarkCommand.parse([name, "-j", journal.path]) }
    let writer = try JournalWriter.open(at: journal.path)
    defer { writer.abandon() }
    #expect(throws: JournalError.self) { try writer.setBookmark(Bookmark(name: name, seq: SequenceNumber(1))) }
  }

  @Test func noEntryNoName() throws {
    #expect(throws: CommandFailure.self) { try mark("later", "--at", "15") }
    let writer = try JournalWriter.open(at: journal.path)
    defer { writer.abandon() }
    #expect(throws: JournalError.self) { try writer.setBookmark(Bookmark(name: "later", seq: SequenceNumber(15))) }
    #expect(throws: JournalError.self) { try writer.setBookmark(Bookmark(name: "never", seq: SequenceNumber(-1))) }
  }

  @Test func unknownNamesAreAnsweredWithThoseThatExist() throws {
    #expect(throws: CommandFailure.self) { try entry("@nothing") }
    _ = try mark("something", "--at", "3")
    do {
      _ = try entry("@nothing")
    } catch let failure as CommandFailure {
      #expect(failure.hint == "there are @something")
    }
  }

  @Test(arguments: ["seq = 5", "name = 'gone'", "digest = x'00'"])
  func aDamagedNameIsFoundAndRemoved(_ assignment: String) throws {
    _ = try mark("here", "--at", "4")
    try damage(assignment)
    let reader = try JournalReader(at: journal.path)
    #expect(throws: JournalError.self) { try reader.bookmarks() }
    #expect(try reader.check().findings.map(\.structure) == ["bookmark"])
    _ = try mark(assignment.hasPrefix("name") ? "gone" : "here", "--remove")
    #expect(try JournalReader(at: journal.path).check().findings.isEmpty)
  }

  @Test func aNameBehindTheEndIsFound() throws {
    _ = try mark("here", "--at", "4")
    let digest = Bookmark(name: "here", seq: SequenceNumber(99)).digest
    try damage("seq = 99, digest = x'\(digest)'")
    let reader = try JournalReader(at: journal.path)
    #expect(try reader.check().findings.map(\.place) == [99])
  }
}
