// Why: readers are welcome while an import runs, and see whole groups only; and an import may be a part of a
// pipe.

import Foundation
import TestSupport
import Testing

@Suite struct ImportReadersTests {
  private let sandbox: Sandbox

  init() throws {
    sandbox = try Sandbox()
    try RecordingText.small.write(to: sandbox)
  }

  @Test func readersSeeWholeGroups() throws {
    let groupSize = 100
    let running = try sandbox.start(
      [
        "import", "-q", "-", "--facts", "r.summary.json", "--snapshots", "r.snapshots.jsonl", "--group-size",
        "\(groupSize)",
      ], hasInput: true)
    let reference = try Reference.shared.get()
    let boundaries = reference.boundaries(groupSize)
    let events = RecordingText.small.events
    for (number, line) in events.enumerated() {
      running.write(line + "\n")
      guard number % 700 == 250 else { continue }
      running.waitUntilRead()
      let count = try sandbox.custody("sql", "--format", "csv", "SELECT count(*), max(seq) FROM entry").lines
      let head = try #require(count.first?.split(separator: ",").last.flatMap { Int64($0) })
      #expect(count == ["\(head),\(head)"] && head > 0 && boundaries.contains(head), "\(count)")
      let report = try #require(try json(try sandbox.custody("replay", "--format", "json").output) as? [String: Any])
      let seq = try #require(report["seq"] as? Int)
      #expect(boundaries.contains(Int64(seq)) && (report["differences"] as? [Any])?.isEmpty == true)
      let verify = try sandbox.custody("verify")
      #expect(verify.status == 0 && verify.output.hasSuffix("sound\n"), "\(verify)")
      #expect(verify.output.contains("no clean mark") && verify.output.contains("incomplete"), "\(verify)")
      let log = try sandbox.custody("log", "-n", "1", "--reverse")
      #expect(log.status == 0 && !log.output.isEmpty, "\(log)")
      #expect(try sandbox.custody("doctor").output.contains("process \(running.process)"))
    }
    running.closeInput()
    #expect(running.wait().status == 0)
    let dump = try Reference.dump(sandbox.file("custody.db"))
    expectEqual(dump.replacing("\"input\":\"-\"", with: "\"input\":\"r.events.jsonl\""), reference.dump)
  }

  @Test func aReaderThatStaysDoesNotHinderTheEnd() throws {
    let running = try sandbox.start(["import", "-q", "-", "--facts", "r.summary.json"], hasInput: true)
    running.write(RecordingText.small.text.prefix(300_000))
    running.waitUntilRead()
    let reader = try sandbox.start(
      ["sql", "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c, entry"])
    reader.spin { sandbox.names.contains("custody.db-shm") }
    running.write(RecordingText.small.text.dropFirst(300_000))
    running.closeInput()
    let ran = running.wait()
    #expect(ran.status == 0 && ran.errors.isEmpty, "\(ran)")
    reader.send(SIGKILL)
    reader.wait()
    #expect(try sandbox.custody("replay").status == 0)
    #expect(try sandbox.custody("verify").status == 0)
  }

  @Test(arguments: [
    "cat r.events.jsonl | \"$CUSTODY\" import -q - --facts r.summary.json --snapshots r.snapshots.jsonl",
    "gzip -c r.events.jsonl | \"$CUSTODY\" import -q - --facts r.summary.json --snapshots r.snapshots.jsonl",
    "\"$CUSTODY\" import -q - --facts r.summary.json --snapshots r.snapshots.jsonl < r.events.jsonl",
    "gzip r.events.jsonl; zcat r.events.jsonl.gz | \"$CUSTODY\" import -q - --facts r.summary.json "
      + "--snapshots <(cat r.snapshots.jsonl)",
    "gzip -c r.snapshots.jsonl | \"$CUSTODY\" import -q r.events.jsonl --snapshots -",
  ]) func pipesAreFiles(_ command: String) throws {
    let ran = try sandbox.shell(command)
    #expect(ran.status == 0 && ran.output.isEmpty && ran.errors.isEmpty, "\(ran)")
    let dump = try Reference.dump(sandbox.file("custody.db"))
    let named = dump.replacing("\"input\":\"-\"", with: "\"input\":\"r.events.jsonl\"")
    expectEqual(named, try Reference.shared.get().dump)
  }

  @Test func aPipeIsInferredFromAndStillReadWhole() throws {
    let ran = try sandbox.shell("cat r.events.jsonl | \"$CUSTODY\" import -q -")
    #expect(ran.status == 0, "\(ran)")
    let count = try sandbox.custody("sql", "--format", "csv", "SELECT max(source_index) FROM entry")
    #expect(count.output == "\(RecordingText.small.events.count - 1)\n")
    let facts = try sandbox.custody("sql", "--format", "csv", "SELECT provenance FROM fact WHERE key = 'generation'")
    #expect(facts.output == "inferred\n")
  }

  @Test(arguments: ["log", "sql 'SELECT * FROM entry'", "sql --format json 'SELECT * FROM entry'"])
  func aPipeThatClosesEarlyEndsQuietly(_ command: String) throws {
    let shipped = try ShippedJournal.sandbox.get()
    let ran = try shipped.shell("\"$CUSTODY\" \(command) | head -n 1; echo ${PIPESTATUS[0]}")
    #expect(ran.status == 0 && ran.errors.isEmpty && ran.lines.count == 2, "\(ran)")
    #expect(["0", "141"].contains(ran.lines.last), "\(ran)")
  }
}
