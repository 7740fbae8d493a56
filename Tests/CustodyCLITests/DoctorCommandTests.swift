// Why: what the doctor must tell, with a journal and without.

import ArgumentParser
import Journal
import PageOwnership
import Testing

@testable import CustodyCLI

@Suite struct DoctorCommandTests {
  private func doctor(_ arguments: String...) throws -> RecordingConsole {
    let recording = RecordingConsole()
    let command = try DoctorCommand.parse(arguments)
    try command.run(on: recording.console)
    return recording
  }

  @Test func aCleanJournal() throws {
    let journal = try SmallJournal()
    let text = try doctor("-j", journal.path, "--format", "json").output
    let report = try #require(try json(text) as? [String: [String: Any]])
    #expect(report["sqlite"]?["version"] as? String == SQLiteInfo.version)
    #expect(report["journal"]?["clean"] as? Bool == true)
    #expect(report["journal"]?["import_complete"] as? Bool == true)
    #expect(report["journal"]?["entries"] as? Int == 14)
    #expect(report["journal"]?["open_transitions"] as? Int == 1)
    #expect(report["journal"]?["writer"] as? String == "none")
    let kernel = try #require(report["facts"]?["kernel"] as? [String: Any])
    #expect(kernel["provenance"] as? String == "inferred")
  }

  @Test func aPersonIsNotSteered() throws {
    let journal = try SmallJournal()
    let output = try doctor("-j", journal.path).output
    #expect(!output.contains("\u{1b}"))
    #expect(output.contains("7.3 \\u{1b}[31mred (inferred)"))
    #expect(output.contains("linux-7.1 (recorded)"))
  }

  @Test func aWriterAtWorkIsNamed() throws {
    let journal = try SmallJournal()
    let writer = try JournalWriter.open(at: journal.path)
    defer { writer.abandon() }
    let holder = LockHolder(of: journal.path)
    #expect(holder.isWriting)
    #expect(holder.words.hasPrefix("process "))
  }

  @Test func aLockFileWithoutAHolderMeansNothing() throws {
    let journal = try SmallJournal()
    _ = try journal.file("custody.db-lock", "1 custody\n")
    #expect(!LockHolder(of: journal.path).isWriting)
  }

  @Test func verboseTellsEveryOption() throws {
    let journal = try SmallJournal()
    let output = try doctor("-j", journal.path, "--verbose").output
    for option in SQLiteInfo.compileOptions { #expect(output.contains(option)) }
  }

  @Test func aNamedJournalMustBeThere() throws {
    #expect(status { _ = try doctor("-j", "/nonexistent/custody.db") } == ExitStatus.cannotOpen)
    let journal = try SmallJournal()
    let other = try journal.file("text", "no journal\n")
    #expect(status { _ = try doctor("-j", other) } == ExitStatus.corrupt)
  }
}
