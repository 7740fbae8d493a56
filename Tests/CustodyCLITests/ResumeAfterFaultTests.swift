// Why: an import that stopped at a fault goes on from there: with the mended recording, or by skipping what
// is bad. And what stops the program stops the other side of its pipe too, which must not look like the end.

import Foundation
import TestSupport
import Testing

@Suite struct ResumeAfterFaultTests {
  private let sandbox: Sandbox
  private static let resume = Reference.arguments + ["--resume"]
  private static let piped = [
    "import", "-q", "-", "--facts", "r.summary.json", "--snapshots", "r.snapshots.jsonl", "--group-size", "100",
  ]

  init() throws {
    sandbox = try Sandbox()
    try RecordingText.small.write(to: sandbox)
  }

  @Test(arguments: [
    "no json", "{\"i\":1500,\"phase\":\"dance\"}", "{\"i\":1600,\"phase\":\"check\",\"act\":1}", "\u{0}",
  ]) func aBadLineIsMendedOrSkipped(_ bad: String) throws {
    var recording = RecordingText.small
    recording.events[1500] = bad
    try sandbox.write("r.events.jsonl", recording.text)
    #expect(try sandbox.custody(Reference.arguments + ["--skip-bad", "-j", "whole.db"]).status == 0)
    for journal in ["mended.db", "skipped.db"] {
      let ran = try sandbox.custody(Reference.arguments + ["-j", journal, "--group-size", "100"])
      #expect(ran.status == 3 && ran.errors.contains("r.events.jsonl:1501: "), "\(ran)")
      let again = try sandbox.custody(Self.resume + ["-j", journal])
      #expect(again.status == 3 && again.errors.contains("r.events.jsonl:1501: "), "\(again)")
    }
    let skipped = try sandbox.custody(Self.resume + ["--skip-bad", "-j", "skipped.db"])
    #expect(skipped.status == 0, "\(skipped)")
    expectEqual(try Reference.dump(sandbox.file("skipped.db")), try Reference.dump(sandbox.file("whole.db")))
    // A hole that was recorded before the line was found bad stays recorded.
    guard !bad.contains("1600") else { return }
    try RecordingText.small.write(to: sandbox)
    let mended = try sandbox.custody(Self.resume + ["-j", "mended.db"])
    #expect(mended.status == 0, "\(mended)")
    expectEqual(try Reference.dump(sandbox.file("mended.db")), try Reference.shared.get().dump)
  }

  @Test func aLongLineIsSkippedOnceOnly() throws {
    let events = RecordingText.small.events
    try sandbox.write("head", events[..<100].joined(separator: "\n") + "\n")
    try sandbox.write("tail", "\n" + events[101...].joined(separator: "\n") + "\n")
    let long = "head -c 68000000 /dev/zero | tr '\\0' a"
    #expect(try sandbox.shell("(cat head; \(long); cat tail) | gzip -n1 > r.events.jsonl.gz").status == 0)
    let arguments = ["import", "-q", "r.events.jsonl.gz", "--skip-bad", "--group-size", "1"]
    #expect(try sandbox.custody(arguments + ["-j", "whole.db"]).status == 0)
    #expect(try sandbox.shell("cp r.events.jsonl.gz whole.gz; head -c -30 whole.gz > r.events.jsonl.gz").status == 0)
    let cut = try sandbox.custody(arguments)
    #expect(cut.status == 3 && cut.errors.contains("ends in the middle"), "\(cut)")
    #expect(try sandbox.shell("cp whole.gz r.events.jsonl.gz").status == 0)
    let resumed = try sandbox.custody(arguments + ["--resume"])
    #expect(resumed.status == 0, "\(resumed)")
    expectEqual(try Reference.dump(sandbox.file("custody.db")), try Reference.dump(sandbox.file("whole.db")))
  }

  // The rest of the text that the other side still sent, and whether it then went away.
  @Test(arguments: [
    (0, true), (0, false), (20, true), (20, false), (-1, true), (-1, false),
  ]) func aPipeThatIsInterruptedIsNotAtItsEnd(_ rest: Int, _ closes: Bool) throws {
    let running = try sandbox.start(Self.piped, hasInput: true)
    let events = RecordingText.small.events
    running.write(events[..<1234].joined(separator: "\n") + "\n")
    running.write(rest < 0 ? events[1234] : String(events[1234].prefix(rest)))
    running.waitUntilRead()
    running.send(SIGINT)
    if closes { running.closeInput() }
    let ran = running.wait()
    #expect(ran.status == 130 && ran.errors.contains("stopped after line"), "\(ran)")
    #expect(try sandbox.custody("verify").output.contains("incomplete"))
    let resumed = try sandbox.custody(Self.resume)
    #expect(resumed.status == 0, "\(resumed)")
    expectEqual(try Reference.dump(sandbox.file("custody.db")), try Reference.shared.get().dump)
  }

  @Test func theSnapshotsFileMustBeThere() throws {
    let events = RecordingText.small.events
    try sandbox.write("cut", events[..<90].joined(separator: "\n") + "\n{")
    let later = RecordingText.small.snapshots.split(separator: "\n").drop { !$0.contains("\"after_event\":711") }
    try sandbox.write("later", later.joined(separator: "\n") + "\n")
    let cut = ["import", "cut", "--facts", "r.summary.json"]
    #expect(try sandbox.custody(cut + ["--snapshots", "later", "-j", "with.db"]).status == 3)
    let without = try sandbox.custody("import", "r.events.jsonl", "--resume", "-j", "with.db")
    #expect(without.status == 2 && without.errors.contains("was begun with a snapshots file"), "\(without)")
    #expect(try sandbox.custody(cut + ["-j", "without.db"]).status == 3)
    let with = try sandbox.custody("import", "r.events.jsonl", "--snapshots", "later", "--resume", "-j", "without.db")
    #expect(with.status == 2 && with.errors.contains("was begun without a snapshots file"), "\(with)")
  }

  @Test(.enabled(if: Recordings.shared != nil, "the recording with three handles is not here"))
  func equalImportsAreEqualJournals() throws {
    let files = try #require(Recordings.all.first { $0.name == "k612-scenarios" })
    for number in 0..<3 {
      let ran = try sandbox.custody("import", "-q", files.events, "-j", "\(number).db")
      #expect(ran.status == 0, "\(ran)")
    }
    let first = try Reference.dump(sandbox.file("0.db"))
    for number in 1..<3 { expectEqual(try Reference.dump(sandbox.file("\(number).db")), first) }
  }
}
