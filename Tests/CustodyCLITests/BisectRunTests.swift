// Why: git's protocol, from outside: what a script is given, what its statuses do, that a search outlives its
// process, and that the entry it names is the one that a linear scan finds.

import Analysis
import Foundation
import Glibc
import Journal
import PageOwnership
import TestSupport
import Testing

@testable import CustodyCLI

@Suite struct BisectRunTests {
  // A journal of a run with a few hundred entries.
  private func sandbox() throws -> Sandbox {
    let sandbox = try Sandbox()
    let steps = (0..<12 as Range<UInt64>).map {
      "host share hyp \(HexText.hex(0x41300 + $0)); host fault \(HexText.hex(0x41500 + $0))"
    }
    try sandbox.write(
      "s.txt", (steps + ["host donate hyp 0x41400 3", "host unshare hyp 0x41305"]).joined(separator: "\n"))
    #expect(try sandbox.custody("run", "-q", "s.txt").status == 0)
    return sandbox
  }

  private func head(_ sandbox: Sandbox) throws -> Int64 {
    try JournalReader(at: sandbox.file("custody.db")).headSeq().rawValue
  }

  private func run(_ sandbox: Sandbox, _ script: String, _ arguments: String...) throws -> Ran {
    try sandbox.custody(
      ["bisect", "run"] + arguments + ["sh", "-c", script], environment: ["CUSTODY": Sandbox.program])
  }

  // A search that looks for little evidence: each judgement costs a process or more.
  private func begin(_ sandbox: Sandbox, probes: Int = 0) throws {
    #expect(try sandbox.custody("bisect", "start", "--probes", "\(probes)").status == 0)
  }

  private let donated = """
    test "$(sqlite3 "file:$CUSTODY_BISECT_DB?mode=ro" \
    "SELECT count(*) FROM ownership WHERE space = 'hyp' AND first_page = 0x41402 AND state = 'OWNED'")" = 0
    """

  @Test func theFirstBadEntryIsNamed() throws {
    let sandbox = try sandbox()
    let sql = "SELECT from_seq FROM ownership_span WHERE space = 'hyp' AND first_page = 0x41402 AND state = 'OWNED'"
    let expected = try #require(try sandbox.custody("sql", "--format", "csv", sql).lines.first)
    let ran = try run(sandbox, donated)
    #expect(ran.status == 0 && ran.output.contains("entry \(expected) is the first bad one"), "\(ran)")
    #expect(ran.output.contains("host_donate_hyp  completed") && ran.output.contains("  after        0x414"), "\(ran)")
    #expect(ran.output.contains("entries left to test, about "), "\(ran)")
    // The journal that the script got is gone, and was never ours.
    #expect(sandbox.names == ["custody.db", "custody.db-bisect", "s.txt"])
    try begin(sandbox)
    let script = "! $CUSTODY owner 0x41402000 -j $CUSTODY_BISECT_DB --at $CUSTODY_BISECT_SEQ | grep -q 'hyp  *OWNED'"
    let asked = try run(sandbox, script, "--no-copy")
    #expect(asked.status == 0 && asked.output.contains("entry \(expected) is the first bad one"), "\(asked)")
  }

  @Test func theScriptGetsTheJournalOfThatMoment() throws {
    let sandbox = try sandbox()
    let script = """
      test "$($CUSTODY sql -j $CUSTODY_BISECT_DB --format csv 'SELECT ifnull(max(seq), 0) FROM entry')" \
        = $CUSTODY_BISECT_SEQ || exit 126
      $CUSTODY verify -j $CUSTODY_BISECT_DB >verified || exit 126
      $CUSTODY replay -j $CUSTODY_BISECT_DB --format json | grep -o '"state_hash":"[^"]*"' >then || exit 126
      $CUSTODY replay -j custody.db --to $CUSTODY_BISECT_SEQ --format json | grep -o '"state_hash":"[^"]*"' >now
      cmp then now || exit 126
      test ! -w $CUSTODY_BISECT_DB || test $(id -u) = 0 || exit 126
      test $CUSTODY_BISECT_SEQ -lt 57
      """
    try begin(sandbox)
    let ran = try run(sandbox, script)
    #expect(ran.status == 0 && ran.output.contains("entry 57 is the first bad one"), "\(ran)")
  }

  @Test func recordingsHaveAPastToo() throws {
    let sandbox = try ShippedJournal.sandbox.get()
    let own = try Sandbox()
    let reader = try JournalReader(at: sandbox.file("custody.db"))
    for seq in [3_135, 17_500] as [Int64] {
      try reader.copyPast(to: own.file("\(seq).db"), through: SequenceNumber(seq))
      let verify = try own.custody("verify", "-j", "\(seq).db")
      #expect(verify.status == 0 && verify.output.hasSuffix("sound\n"), "\(seq): \(verify)")
      let replays = try [own.file("\(seq).db"), sandbox.file("custody.db")].map { path in
        let ran = try own.custody("replay", "-j", path, "--to", "\(seq)", "--format", "json")
        return try json(ran.output) as? NSDictionary
      }
      #expect(replays[0] != nil && replays[0] == replays[1], "\(seq)")
    }
    #expect(throws: JournalError.self) { try reader.copyPast(to: own.file("3135.db"), through: SequenceNumber(1)) }
  }

  @Test func nothingIsForgottenInThePast() throws {
    let sandbox = try sandbox()
    #expect(try sandbox.custody("mark", "here", "--at", "20").status == 0)
    let reader = try JournalReader(at: sandbox.file("custody.db"))
    try reader.copyPast(to: sandbox.file("past.db"), through: reader.headSeq())
    // A table that a later migration brings is to be copied too, or named here as one that is made anew.
    let anew = ["seal", "seal_tail", "writer_state", "import_state"]
    for table in try tables(reader) where !anew.contains(table) && !table.hasPrefix("ownership_") {
      let counts = try ["custody.db", "past.db"].map {
        try sandbox.custody("sql", "-j", $0, "--format", "csv", "SELECT count(*) FROM \"\(table)\"").output
      }
      #expect(counts[0] == counts[1], "\(table)")
    }
  }

  private func tables(_ reader: JournalReader) throws -> [String] {
    var tables: [String] = []
    try reader.query("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'") { row in
      if case .text(let name) = row[0] { tables.append(name) }
      return true
    }
    return tables
  }

  @Test func statusesMeanWhatTheyMeanToGit() throws {
    let sandbox = try sandbox()
    let head = try head(sandbox)
    try begin(sandbox)
    let last = try run(sandbox, "test $CUSTODY_BISECT_SEQ -lt 20 || exit 124")
    #expect(last.status == 0 && last.output.contains("entry 20 is the first bad one"), "\(last)")
    for status in [126, 200] {
      try begin(sandbox)
      let ran = try run(
        sandbox, "test $CUSTODY_BISECT_SEQ = \(head) && exit 1; test $CUSTODY_BISECT_SEQ = 0 || exit \(status)")
      #expect(ran.status == 4 && ran.errors.contains("ended with \(status) at entry \(head / 2)"), "\(ran)")
      #expect(try sandbox.custody("bisect", "log").output.hasSuffix("bad \(head)\ngood 0\n"))
    }
    try begin(sandbox)
    let killed = try run(sandbox, "kill -9 $$")
    #expect(killed.status == 4 && killed.errors.contains("signal 9"), "\(killed)")
    #expect(try sandbox.custody("bisect", "run", "/nowhere/is/it").status == 4)
    try begin(sandbox)
    // What cannot be judged is walked around, and named if nothing else is left.
    let skipping = try run(sandbox, "n=$CUSTODY_BISECT_SEQ; test $n -ge 18 -a $n -le 22 && exit 125; test $n -lt 20")
    #expect(skipping.status == 1 && skipping.output.contains("one of the entries 18 to 23"), "\(skipping)")
  }

  @Test func whatAlternatesHasNoCulprit() throws {
    let sandbox = try sandbox()
    try begin(sandbox, probes: 2)
    let ran = try run(sandbox, "test $CUSTODY_BISECT_SEQ -lt 20 -o $CUSTODY_BISECT_SEQ = 21")
    #expect(ran.status == 1 && ran.output.contains("there is no first bad entry"), "\(ran)")
    #expect(ran.output.contains("entry 20") && ran.output.contains("entry 21"), "\(ran)")
    _ = try sandbox.custody("bisect", "reset")
    let never = try run(sandbox, "true")
    #expect(never.status == 1 && never.errors.contains("should be bad, and the command says good"), "\(never)")
    #expect(try run(sandbox, "true").errors == never.errors, "a search that failed does not go on")
    _ = try sandbox.custody("bisect", "reset")
    let always = try run(sandbox, "false")
    #expect(always.status == 1 && always.errors.contains("entry 0 should be good"), "\(always)")
  }

  @Test func aSearchOutlivesItsProcess() throws {
    let sandbox = try sandbox()
    try begin(sandbox, probes: 1)
    let whole = try run(sandbox, "test $CUSTODY_BISECT_SEQ -lt 33")
    let log = try sandbox.custody("bisect", "log").output
    try begin(sandbox, probes: 1)
    // Killed in the middle of each verdict in turn: it goes on, and ends with the same log.
    for count in 1...5 {
      let script = """
        echo >>judged; test $(wc -l <judged) = \(count * 2) && kill -9 $PPID && exit 1
        test $CUSTODY_BISECT_SEQ -lt 33
        """
      _ = try sandbox.custody(["bisect", "run", "sh", "-c", script])
    }
    let rest = try run(sandbox, "test $CUSTODY_BISECT_SEQ -lt 33")
    #expect(rest.status == 0 && rest.output.contains("entry 33 is the first bad one"), "\(rest)")
    #expect(whole.output.contains("entry 33 is the first bad one"))
    #expect(try sandbox.custody("bisect", "log").output == log)
  }

  @Test func aPersonMayJudge() throws {
    let sandbox = try sandbox()
    let head = try head(sandbox)
    #expect(try sandbox.custody("bisect", "good").status == 2)
    #expect(try sandbox.custody("bisect", "log").status == 2)
    let start = try sandbox.custody("bisect", "start", "--good", "4", "--bad", "HEAD~1")
    #expect(start.status == 0 && start.output.contains("next: entry \(4 + (head - 5) / 2)"), "\(start)")
    var last = start
    for _ in 0..<12 where last.output.hasPrefix("next: entry ") {
      let digits = last.output.dropFirst("next: entry ".count).prefix { $0.isNumber }
      let seq = try #require(Int(digits))
      last = try sandbox.custody("bisect", seq < 41 ? "good" : "bad")
    }
    #expect(last.status == 0 && last.output.contains("entry 41 is the first bad one"), "\(last)")
    let log = try sandbox.write("log.txt", sandbox.custody("bisect", "log").output)
    #expect(try sandbox.custody("bisect", "reset").status == 0)
    #expect(sandbox.names == ["custody.db", "log.txt", "s.txt"])
    let again = try sandbox.custody("bisect", "replay", log)
    #expect(again.status == 0 && again.output == last.output, "\(again)")
    // A change of mind.
    try sandbox.write("log.txt", "start head=\(head) good=0 bad=\(head)\nbad 40\n# was good 20\nbad 20\ngood 10\n")
    #expect(try sandbox.custody("bisect", "replay", "log.txt").output.hasPrefix("next: entry 15"))
    #expect(try sandbox.custody("bisect", "skip", "12", "13").output.hasPrefix("next: entry 15"))
    #expect(try sandbox.custody("bisect", "start", "--good", "9", "--bad", "9").status == 2)
  }

  @Test func badStatesAreRefused() throws {
    let sandbox = try sandbox()
    let head = try head(sandbox)
    for text in [
      "", "good 1\n", "start\n", "start head=5 good=3 bad=2\n", "start head=9 good=0 bad=9\nbad x\n",
      "start head=9 good=0 bad=9\nbad 10\n", "start head=\(head + 1) good=0 bad=9\n", "\u{0}\u{1}",
      "start head=99999999999999999999 good=0 bad=1\n",
    ] {
      try sandbox.write("custody.db-bisect", text)
      #expect(try sandbox.custody("bisect", "log").status == 3, "\(text)")
    }
    #expect(try sandbox.custody("bisect", "reset").status == 0)
    for misuse in [["--confidence", "0.4"], ["--confidence", "1"], ["--probes", "-1"], ["--false-bad", "0.5"]] {
      #expect(try sandbox.custody(["bisect", "start"] + misuse).status == 2, "\(misuse)")
    }
    #expect(try sandbox.custody("bisect", "run").status == 2)
    let empty = try Sandbox()
    try empty.write("none.jsonl", "")
    _ = try empty.custody("import", "-q", "none.jsonl", "--generation", "linux-7.1")
    #expect(try empty.custody("bisect", "run", "true").status == 2)
    #expect(try empty.custody("bisect", "start").status == 2)
  }

  @Test func aFlakyScriptIsBelievedSlowly() throws {
    let sandbox = try sandbox()
    let start = try sandbox.custody(
      "bisect", "start", "--confidence", "0.99", "--false-bad", "0.2", "--false-good", "0.2")
    #expect(start.status == 0 && start.output.contains("is believed in most"), "\(start)")
    // Every fifth answer is a lie.
    let script = """
      echo >>judged; test $CUSTODY_BISECT_SEQ -lt 40; is=$?
      test $(($(wc -l <judged) % 5)) = 0 && is=$((1 - is)); exit $is
      """
    let ran = try run(sandbox, script)
    #expect(ran.status == 0 && ran.output.contains("entry 40 is the first bad one, with confidence 99 %"), "\(ran)")
    _ = try sandbox.custody("bisect", "start", "--confidence", "0.9")
    let silent = try run(sandbox, "exit 125")
    #expect(silent.status == 4 && silent.errors.contains("cannot tell"), "\(silent)")
  }
}
