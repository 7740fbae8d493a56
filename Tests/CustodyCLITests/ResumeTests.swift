// Why: an import that was asked to stop commits what it read and says where it stands; it goes on with the
// same recording only, and then the journal is the one of an uninterrupted import.

import Foundation
import Journal
import TestSupport
import Testing

@Suite struct ResumeTests {
  private let sandbox: Sandbox
  private static let resume = Reference.arguments + ["--resume"]

  init() throws {
    sandbox = try Sandbox()
    try RecordingText.small.write(to: sandbox)
  }

  // An import that got a signal after this many lines.
  private func stop(after count: Int, _ signal: Int32 = SIGINT) throws -> Ran {
    let running = try sandbox.start(
      ["import", "-", "--facts", "r.summary.json", "--snapshots", "r.snapshots.jsonl", "--group-size", "500"],
      hasInput: true)
    let events = RecordingText.small.events
    for line in events[..<count] { running.write(line + "\n") }
    running.waitUntilRead()
    running.send(signal)
    for line in events[count...] { running.write(line + "\n") }
    running.closeInput()
    return running.wait()
  }

  private func number(_ question: String) throws -> Int? {
    let output = try sandbox.custody("sql", "--format", "csv", question).output
    return Int(output.trimmingCharacters(in: .newlines))
  }

  @Test(arguments: [SIGINT, SIGTERM], [5, 1100, 2500]) func aSignalStopsInOrder(_ signal: Int32, _ count: Int) throws {
    let ran = try stop(after: count, signal)
    #expect(ran.status == 130 && ran.output.isEmpty, "\(ran)")
    let words = /stopped after line ([0-9]+): ([0-9]+) entries are in custody.db/
    let said = try #require(ran.errors.firstMatch(of: words))
    let line = try #require(Int(said.output.1))
    #expect(ran.errors.contains("hint: --resume"))
    #expect(line > 0)
    #expect(try number("SELECT max(source_index) FROM entry") == line - 1)
    #expect(try number("SELECT max(seq) FROM entry") == Int(said.output.2))
    #expect(!sandbox.names.contains { $0.hasPrefix("custody.db-") }, "\(sandbox.names)")
    let verify = try sandbox.custody("verify")
    #expect(verify.status == 0 && verify.output.contains("incomplete") && !verify.output.contains("no clean mark"))
    #expect(try sandbox.custody("replay").status == 0)
    let resumed = try sandbox.custody(Self.resume)
    #expect(resumed.status == 0 && resumed.errors.isEmpty, "\(resumed)")
    expectEqual(try Reference.dump(sandbox.file("custody.db")), try Reference.shared.get().dump)
  }

  @Test func anotherRecordingIsRefused() throws {
    #expect(try stop(after: 1000).status == 130)
    let before = try Reference.dump(sandbox.file("custody.db"))
    var other = RecordingText.small
    other.events[3] += " "
    try other.write(to: sandbox, as: "other")
    let shipped = Recordings.shipped[1]
    for events in ["other.events.jsonl", shipped.events, "r.snapshots.jsonl"] {
      let ran = try sandbox.custody("import", events, "--snapshots", "r.snapshots.jsonl", "--resume")
      #expect(ran.status == 3 && ran.errors.contains("are not those that were imported before"), "\(ran)")
      #expect(ran.errors.contains("hint: resume with the same recording"))
    }
    try sandbox.write("short.events.jsonl", RecordingText.small.text.prefix(1000))
    let short = try sandbox.custody("import", "short.events.jsonl", "--snapshots", "r.snapshots.jsonl", "--resume")
    #expect(short.status == 3, "\(short)")
    let bare = try sandbox.custody("import", "r.events.jsonl", "--resume")
    #expect(bare.status == 2 && bare.errors.contains("snapshots file"), "\(bare)")
    #expect(try sandbox.custody("import", "none", "--resume").status == 4)
    expectEqual(try Reference.dump(sandbox.file("custody.db")), before)
    #expect(!sandbox.names.contains { $0.hasPrefix("custody.db-") }, "\(sandbox.names)")
    #expect(try sandbox.custody(Self.resume).status == 0)
    expectEqual(try Reference.dump(sandbox.file("custody.db")), try Reference.shared.get().dump)
  }

  @Test func theSameRecordingInAnotherFormGoesOn() throws {
    #expect(try stop(after: 1500).status == 130)
    #expect(try sandbox.shell("gzip -n r.events.jsonl r.snapshots.jsonl").status == 0)
    let resumed = try sandbox.custody(
      "import", "-q", "r.events.jsonl.gz", "--snapshots", "r.snapshots.jsonl.gz", "--resume")
    #expect(resumed.status == 0, "\(resumed)")
    let dump = try Reference.dump(sandbox.file("custody.db"))
    expectEqual(dump.replacing("r.events.jsonl.gz", with: "r.events.jsonl"), try Reference.shared.get().dump)
  }

  @Test func aSecondWriterIsRefusedByName() throws {
    let running = try sandbox.start(["import", "-q", "-", "--facts", "r.summary.json"], hasInput: true)
    let events = RecordingText.small.events
    for line in events[..<900] { running.write(line + "\n") }
    running.waitUntilRead()
    let second = try sandbox.custody(Self.resume)
    let words = "is being written by process \(running.process) ("
    #expect(second.status == 4 && second.errors.contains(words), "\(second)")
    #expect(second.errors.contains("hint: a journal has one writer"))
    let fresh = try sandbox.custody(Reference.arguments)
    #expect(fresh.status == 4 && fresh.errors.contains("custody.db exists already"), "\(fresh)")
    for line in events[900...] { running.write(line + "\n") }
    running.closeInput()
    let ran = running.wait()
    #expect(ran.status == 0 && ran.errors.isEmpty, "\(ran)")
    #expect(try number("SELECT max(source_index) FROM entry") == events.count - 1)
    #expect(try sandbox.custody("replay").status == 0)
  }

  @Test func aStaleLockFileMeansNothing() throws {
    try sandbox.write("custody.db-lock", "1 init\n")
    try sandbox.write("custody.db-new", "half a journal")
    #expect(try sandbox.custody(Reference.arguments).status == 0)
    #expect(!sandbox.names.contains { $0.hasPrefix("custody.db-") }, "\(sandbox.names)")
    expectEqual(try Reference.dump(sandbox.file("custody.db")), try Reference.shared.get().dump)
  }

  @Test func theSizeOfAGroupChangesNothing() throws {
    for size in ["1", "3000", "1000000"] {
      let journal = "g\(size).db"
      #expect(try sandbox.custody(Reference.arguments + ["--group-size", size, "-j", journal]).status == 0)
      expectEqual(try Reference.dump(sandbox.file(journal)), try Reference.shared.get().dump, size)
    }
  }
}
