// Why: each command once, from outside, on a recording that the project ships: status, what goes to which
// stream, and the counts that the recordings are known to have.

import Foundation
import TestSupport
import Testing

/// The journal of a shipped recording, made once for all tests that only read it.
enum ShippedJournal {
  static let sandbox = Result { () throws -> Sandbox in
    let sandbox = try Sandbox()
    let recording = Recordings.shipped[0]
    let ran = try sandbox.custody("import", recording.events, "--snapshots", recording.snapshots)
    #expect(ran.status == 0, "\(ran.errors)")
    #expect(ran.errors.isEmpty)
    #expect(ran.output.hasPrefix("custody.db: linux-7.1, 7.3.4"))
    return sandbox
  }
}

@Suite struct CommandsTests {
  private let sandbox: Sandbox

  init() throws { sandbox = try ShippedJournal.sandbox.get() }

  @Test func sqlPrintsTheBareNumber() throws {
    let ran = try sandbox.custody("sql", "--format", "csv", "SELECT count(*) FROM \"transition\"")
    #expect(ran.status == 0 && ran.output == "4707\n" && ran.errors.isEmpty)
  }

  @Test(arguments: [
    ["log"], ["log", "-n", "3", "--outcome", "refused"], ["show", "T4942"], ["replay"], ["verify"], ["doctor"],
    ["sql", "SELECT 1"], ["replay", "--format", "json"], ["verify", "--format", "json"],
    ["doctor", "--format", "json"], ["log", "--format", "jsonl"], ["show", "T4942", "--format", "json"],
  ]) func answersGoToStandardOutput(_ arguments: [String]) throws {
    let ran = try sandbox.custody(arguments)
    #expect(ran.status == 0 && !ran.output.isEmpty && ran.errors.isEmpty, "\(ran)")
    #expect(!ran.output.contains("\u{1b}"))
    if arguments.last == "json" { _ = try json(ran.output) }
  }

  @Test(arguments: ["import", "log", "show", "sql", "replay", "verify", "doctor"])
  func helpAndWrongOptions(_ command: String) throws {
    for arguments in [[command, "--help"], [command, "-h"], ["help", command]] {
      let help = try sandbox.custody(arguments)
      #expect(help.status == 0 && help.output.hasPrefix("OVERVIEW: ") && help.errors.isEmpty, "\(help)")
    }
    let wrong = try sandbox.custody(command, "x", "--nonsense")
    #expect(wrong.status == 2 && wrong.output.isEmpty && wrong.errors.hasPrefix("Error: "), "\(wrong)")
  }

  @Test func theProgramAlone() throws {
    #expect(try sandbox.custody().status == 0)
    #expect(try sandbox.custody("--help").output.contains("Exit status: 0 fine"))
    let wrong = try sandbox.custody("nonsense")
    #expect(wrong.status == 2 && wrong.output.isEmpty)
  }

  @Test func theJournalIsNamedInThreeWays() throws {
    let other = try Sandbox()
    let question = ["sql", "--format", "csv", "SELECT count(*) FROM \"transition\""]
    let path = sandbox.file("custody.db")
    #expect(try other.custody(question + ["-j", path]).output == "4707\n")
    #expect(try other.custody(question, environment: ["CUSTODY_JOURNAL": path]).output == "4707\n")
    let nowhere = try other.custody(question)
    #expect(nowhere.status == 4 && nowhere.errors.contains("custody.db: no such journal"))
    #expect(nowhere.errors.contains("hint: `custody import"))
  }

  @Test func anImportTellsWhatItFound() throws {
    let small = try Sandbox()
    try RecordingText.small.write(to: small)
    let ran = try small.custody("import", "r.events.jsonl", "--snapshots", "r.snapshots.jsonl")
    #expect(ran.status == 0 && ran.errors.isEmpty)
    for word in ["entries", "snapshots", "guest_share_host", "-EPERM", "custody show T"] {
      #expect(ran.output.contains(word), "\(word)")
    }
    #expect(small.names == ["custody.db", "r.events.jsonl", "r.snapshots.jsonl", "r.summary.json"])
  }

  @Test func quietIsQuiet() throws {
    let small = try Sandbox()
    try RecordingText.small.write(to: small)
    let ran = try small.custody(Reference.arguments)
    #expect(ran.status == 0 && ran.output.isEmpty && ran.errors.isEmpty)
  }
}
