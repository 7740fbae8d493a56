// Why: whatever is asked of a moment behind the cut has the same answer before and after pruning, word for word, unless
// it tells what was pruned. Not here: the rows that are kept (PruneTests), deaths (PruneKillTests).

import Analysis
import Foundation
import Journal
import PageOwnership
import PageTables
import TestSupport
import Testing

@testable import CustodyCLI
@testable import TimeTravelBenchmark

@Suite struct PruneCommandTests {
  /// A journal before and after pruning.
  private struct Pair {
    let sandbox = try? Sandbox()
    let cut: Int64
    let head: Int64

    func file(_ name: String) -> String { sandbox?.file(name) ?? name }

    init(_ journal: String, keeping count: Int64) throws {
      let sandbox = try #require(sandbox)
      _ = try sandbox.shell("cp '\(journal)' whole.db; cp '\(journal)' pruned.db")
      let ran = try sandbox.custody("prune", "--keep-entries", "\(count)", "-j", "pruned.db", "--format", "json")
      #expect(ran.status == 0, "\(ran)")
      let whole = try JournalReader(at: sandbox.file("whole.db"))
      head = try whole.headSeq().rawValue
      cut = try #require(try JournalReader(at: sandbox.file("pruned.db")).anchor()?.seq.rawValue)
    }

    /// What both answer.
    func ask(_ arguments: [String]) throws -> (whole: Ran, pruned: Ran) {
      let sandbox = try #require(sandbox)
      return (
        try sandbox.custody(arguments + ["-j", "whole.db"]), try sandbox.custody(arguments + ["-j", "pruned.db"])
      )
    }

    /// Expects the same answer, but for what is told of entries up to the cut.
    func expectSame(_ arguments: [String], _ change: (String) -> String = { $0 }) throws {
      let (whole, pruned) = try ask(arguments)
      #expect(whole.status == pruned.status && whole.errors == pruned.errors, "\(arguments): \(whole) \(pruned)")
      let (one, other) = (change(forgetting(whole.output)), change(forgetting(pruned.output)))
      #expect(one == other, "cut \(cut), \(arguments)")
      #expect(!other.isEmpty, "\(arguments)")
    }

    // "since entry 17 …" up to the cut says no more than "since entry CUT or before".
    private func forgetting(_ text: String) -> String {
      let named = /(since|made by|made_by)? *(T[0-9.]+ [a-z_]+, |pruned, )?entry ([0-9]+).*/
      return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
        guard let match = line.firstMatch(of: named), let seq = Int64(match.output.3), seq <= cut else {
          return String(line)
        }
        return line[..<match.range.lowerBound].trimmingCharacters(in: .whitespaces)
      }.joined(separator: "\n")
    }
  }

  private func rows(_ path: String, _ sql: String) throws -> [String] {
    var rows: [String] = []
    try JournalReader(at: path).query(sql) { cells in
      rows.append("\(cells)")
      return true
    }
    return rows
  }

  private func expectSameStates(_ pair: Pair, _ why: String) throws {
    let whole = try JournalReader(at: pair.file("whole.db"))
    let pruned = try JournalReader(at: pair.file("pruned.db"))
    for step in 0...4 as ClosedRange<Int64> {
      let seq = SequenceNumber(pair.cut + (pair.head - pair.cut) * step / 4)
      let (one, other) = (try StateAt(whole).image(seq), try StateAt(pruned).image(seq))
      #expect(one.ownership.hash == other.ownership.hash, "\(why), entry \(seq.rawValue)")
      #expect(one.anchorRanges(of: 0) == other.anchorRanges(of: 0), "\(why), entry \(seq.rawValue)")
      #expect(try StateAt(pruned).ownership(seq).hash == other.ownership.hash, "\(why), entry \(seq.rawValue)")
    }
  }

  private func expectSound(_ sandbox: Sandbox, _ path: String, _ why: String = "") throws {
    for command in ["verify", "replay"] {
      let ran = try sandbox.custody(command, "-j", path)
      #expect(ran.status == 0, "\(why) \(command): \(ran)")
    }
  }

  @Test(arguments: Recordings.shipped.map(\.name)) func everyAnswerBehindTheCutIsTheSame(_ name: String) throws {
    let imported = try #require(try ImportedJournals.journal(name))
    let pair = try Pair(imported.file("custody.db"), keeping: 4000)
    let sandbox = try #require(pair.sandbox)
    try expectSound(sandbox, "pruned.db", name)
    try expectSameStates(pair, name)
    for sql in [
      "SELECT * FROM \"transition\" WHERE first_seq > \(pair.cut) ORDER BY id",
      "SELECT * FROM entry WHERE seq > \(pair.cut) ORDER BY seq",
      "SELECT * FROM activation WHERE ifnull(last_seq, 1 << 60) > \(pair.cut) ORDER BY id",
      "SELECT * FROM ownership_span WHERE from_seq > \(pair.cut) ORDER BY space, first_page, from_seq",
      "SELECT * FROM ownership_block WHERE seq > \(pair.cut) ORDER BY space, level, page, seq",
      "SELECT * FROM ownership_count WHERE seq > \(pair.cut) ORDER BY field, level, page, seq",
    ] {
      let found = try rows(pair.file("pruned.db"), sql)
      #expect(try found == rows(pair.file("whole.db"), sql), "\(sql)")
    }
    let from = "\(pair.cut + 1)"
    try pair.expectSame(["audit", "--from", from, "--format", "jsonl"]) { $0 + "." }
    try pair.expectSame(["conform", "--from", from]) { text in text.replacing(/exact.*/, with: "") }
    try pair.expectSame(["log", "--open"]) { $0 + "." }
    try pair.expectSame(["recover", "--dry-run"]) { $0 + "." }
    try expectSameLines(pair, ["log", "--format", "jsonl"])
    try expectSameLines(pair, ["snapshot", "list", "--format", "csv"]) { !$0.hasPrefix("own:\(pair.cut)") }
    try askOfTransitions(pair)
    try askOfPages(pair)
    let middle = (pair.cut + pair.head) / 2
    try pair.expectSame(["diff", "\(pair.cut)", "\(middle)"]) { $0 + "." }
    try pair.expectSame(["diff", "\(middle)", "HEAD", "--format", "csv"]) { $0 + "." }
    let steps = "s\ns\nb\nn 3\nq\n"
    let one = try sandbox.custody("replay", "--step", "--to", "\(middle)", "-j", "whole.db", input: steps)
    let other = try sandbox.custody("replay", "--step", "--to", "\(middle)", "-j", "pruned.db", input: steps)
    #expect(one.output == other.output)
  }

  // The lines of the pruned journal are the last ones of the whole one.
  private func expectSameLines(_ pair: Pair, _ arguments: [String], _ isMeant: (String) -> Bool = { _ in true }) throws
  {
    let (whole, pruned) = try pair.ask(arguments)
    let lines = pruned.lines.dropFirst(arguments.contains("csv") ? 1 : 0).filter(isMeant)
    #expect(pruned.status == 0 && !lines.isEmpty && lines == whole.lines.suffix(lines.count), "\(arguments)")
  }

  private func askOfTransitions(_ pair: Pair) throws {
    let sql = """
      SELECT id FROM "transition" WHERE first_seq > \(pair.cut) AND (outcome = 'refused' OR id % 97 = 0)
        OR id IN (SELECT max(id) FROM transition_row) ORDER BY id LIMIT 12
      """
    for row in try rows(pair.file("pruned.db"), sql) {
      let id = "T" + row.filter(\.isNumber)
      try pair.expectSame(["show", id])
      try pair.expectSame(["owner", "0x42ceb000", "0x48000000", "--at", id])
      let (whole, pruned) = try pair.ask(["why", id, "--full"])
      let known = pruned.lines.filter { !$0.contains("pruned") && !$0.contains("UNKNOWN") }
      #expect(Set(known).isSubset(of: Set(whole.lines)), "\(id): \(pruned)")
      #expect(whole.status == pruned.status && known.count > 3, "\(id): \(pruned)")
    }
  }

  private func askOfPages(_ pair: Pair) throws {
    let sql = """
      SELECT DISTINCT page FROM change_row WHERE space = 0 AND page > 0x40000 AND seq > \(pair.cut)
        AND page % 7 = 0 ORDER BY page LIMIT 5
      """
    for row in try rows(pair.file("pruned.db"), sql) {
      let page = "pfn:" + row.filter(\.isNumber)
      try pair.expectSame(["owner", page])
      try pair.expectSame(["owner", page, "--at", "\(pair.cut)"])
      try pair.expectSame(["history", page, "--since", "\(pair.cut + 1)"])
      try pair.expectSame(["bisect", "page", page, "--expect", "host=NOPAGE", "--good", "\(pair.cut)"])
    }
  }

  @Test func everySealThatCanBeACutIsOne() throws {
    let imported = try #require(try ImportedJournals.journal("k73-nvhe"))
    let whole = try JournalReader(at: imported.file("custody.db"))
    let hash = try JournalPasses.replay(whole.path).prefix(32)
    var cuts = 0
    let sandbox = try Sandbox()
    for seal in stride(from: 1024, to: try whole.headSeq().rawValue, by: 1024) {
      guard try whole.prunePlan(.from(SequenceNumber(seal + 1))).cut?.rawValue == seal else { continue }
      cuts += 1
      let path = sandbox.file("\(seal).db")
      _ = try sandbox.shell("cp '\(whole.path)' \(seal).db")
      let done = try PruneRun(path: path, limit: .from(SequenceNumber(seal + 1))).perform()
      #expect(done.plan.cut == SequenceNumber(seal))
      try expectSound(sandbox, "\(seal).db", "\(seal)")
      #expect(try JournalPasses.replay(path).prefix(32) == hash, "\(seal)")
      let findings = try JournalReader(at: path).integrity()
      #expect(findings.isEmpty, "\(seal): \(findings)")
    }
    #expect(cuts > 8)
  }

  @Test func prunedTwiceIsPrunedOnce() throws {
    let imported = try #require(try ImportedJournals.journal("k73-nvhe"))
    let sandbox = try Sandbox()
    _ = try sandbox.shell("cp '\(imported.file("custody.db"))' once.db; cp once.db twice.db")
    for count in ["14000", "9000", "4000"] {
      #expect(try sandbox.custody("prune", "-q", "--keep-entries", count, "-j", "twice.db").status == 0)
      try expectSound(sandbox, "twice.db", count)
    }
    #expect(try sandbox.custody("prune", "-q", "--keep-entries", "4000", "-j", "once.db").status == 0)
    for sql in [
      "SELECT seq, time, snapshot, known, last_space, loose FROM anchor", "SELECT * FROM snapshot_range ORDER BY 1, 2",
      "SELECT * FROM entry_row ORDER BY 1", "SELECT * FROM ownership_span_row ORDER BY 1, 2, 3",
      "SELECT * FROM activation_row ORDER BY 1", "SELECT * FROM snapshot ORDER BY 1",
    ] { #expect(try rows(sandbox.file("once.db"), sql) == rows(sandbox.file("twice.db"), sql), "\(sql)") }
  }

  @Test func aMadeJournalOfTwoBusyCPUs() throws {
    let sandbox = try Sandbox()
    _ = try JournalMaking.run(at: sandbox.file("made.db"), entryCount: 30_000, seed: 5)
    let pair = try Pair(sandbox.file("made.db"), keeping: 9000)
    try expectSameStates(pair, "made")
    try expectSound(try #require(pair.sandbox), "pruned.db")
    try pair.expectSame(["audit", "--from", "\(pair.cut + 1)", "--format", "jsonl"]) { $0 + "." }
    try pair.expectSame(["conform", "--from", "\(pair.cut + 1)"]) { text in text.replacing(/exact.*/, with: "") }
  }

  @Test func earlierMomentsAreRefused() throws {
    let imported = try #require(try ImportedJournals.journal("k73-nvhe"))
    let pair = try Pair(imported.file("custody.db"), keeping: 4000)
    let sandbox = try #require(pair.sandbox)
    for moment in ["5", "0", "T3", "T3.1", "t=1s", "HEAD~18000", "mark=0x1"] {
      let ran = try sandbox.custody("owner", "0x42ceb000", "--at", moment, "-j", "pruned.db")
      #expect(ran.status == 2, "\(moment): \(ran)")
      guard !moment.hasPrefix("mark") else { continue }
      #expect(ran.errors.contains("was pruned: entries 1 to \(pair.cut) are gone"), "\(moment): \(ran)")
      #expect(ran.errors.contains("hint: ask from entry \(pair.cut) on"), "\(moment): \(ran)")
    }
    for command in [
      ["show", "T3"], ["why", "T3"], ["history", "0x42ceb000", "--since", "7"], ["replay", "--to", "9"],
    ] {
      let ran = try sandbox.custody(command + ["-j", "pruned.db"])
      #expect(ran.status == 2 && ran.errors.contains("was pruned"), "\(command): \(ran)")
    }
    let at = try sandbox.custody("owner", "0x42ceb000", "--at", "\(pair.cut)", "-j", "pruned.db")
    #expect(at.status == 0 && at.output.contains("since entry \(pair.cut) or before"), "\(at)")
    let history = try sandbox.custody("history", "0x42ceb000", "-j", "pruned.db")
    #expect(history.output.contains("pruned"), "\(history)")
    #expect(try sandbox.custody("verify", "--expect", "5", "-j", "pruned.db").status == 3)
    #expect(try sandbox.custody("verify", "--expect", "\(pair.cut)", "-j", "pruned.db").status == 0)
  }

  @Test func itSaysWhatGoesAndWhyNotMore() throws {
    let imported = try #require(try ImportedJournals.journal("k73-nvhe"))
    let sandbox = try Sandbox()
    _ = try sandbox.shell("cp '\(imported.file("custody.db"))' j.db")
    _ = try sandbox.custody("mark", "early", "--at", "100", "-j", "j.db")
    _ = try sandbox.custody("audit", "--save", "-j", "j.db")
    let before = try sandbox.shell("sha256sum j.db").output
    let plan = try sandbox.custody("prune", "--keep-entries", "5000", "--dry-run", "-j", "j.db")
    #expect(plan.lines.first == "j.db: entries 1 to 12288 would be dropped, 6383 stay", "\(plan)")
    #expect(plan.output.contains("12288 entries, 3701 transitions, 1 snapshot, 1 name"), "\(plan)")
    #expect(plan.output.contains("anchor      entry 12288, 7.1087 s; 2 calls had not returned: they stay"), "\(plan)")
    #expect(plan.output.contains("moved back  entry 13312 lies inside T3921, which ends at entry 13313"), "\(plan)")
    #expect(try sandbox.shell("sha256sum j.db").output == before && sandbox.names == ["j.db"])
    let size = sandbox.size("j.db")
    let done = try sandbox.custody("prune", "--keep-entries", "5000", "-j", "j.db", "--format", "json")
    let json = try JSONSerialization.jsonObject(with: Data(done.output.utf8)) as? [String: Any]
    #expect(json?["anchor"] as? Int == 12288 && json?["done"] as? Bool == true, "\(done)")
    #expect(json?["bytes_after"] as? Int64 == sandbox.size("j.db") && sandbox.size("j.db") * 2 < size, "\(done)")
    #expect(sandbox.names == ["j.db"])
    #expect(try sandbox.custody("verify", "-j", "j.db").status == 0)
    let again = try sandbox.custody("prune", "--keep-entries", "5000", "-j", "j.db")
    #expect(again.status == 0 && again.output.contains("nothing to prune: entry 13312 lies inside T3921"), "\(again)")
  }

  @Test func limitsOfAgeSizeAndMoment() throws {
    let imported = try #require(try ImportedJournals.journal("k73-nvhe"))
    let sandbox = try Sandbox()
    func prune(_ arguments: String...) throws -> (Ran, Int64?) {
      _ = try sandbox.shell("cp '\(imported.file("custody.db"))' j.db")
      let ran = try sandbox.custody(["prune", "-q", "-j", "j.db"] + arguments)
      #expect(try sandbox.custody("verify", "-j", "j.db").status == 0, "\(arguments)")
      return (ran, try JournalReader(at: sandbox.file("j.db")).anchor()?.seq.rawValue)
    }
    let (aged, cut) = try prune("--keep-age", "4s")
    #expect(aged.status == 0)
    let reader = try JournalReader(at: imported.file("custody.db"))
    let first = try #require(
      try reader.number("SELECT min(seq) FROM entry_row WHERE time >= (SELECT max(time) FROM entry_row) - 4000000000"))
    #expect(try #require(cut) < first && first - (cut ?? 0) < 6 * 1024)
    let (small, _) = try prune("--max-bytes", "1M")
    #expect(small.status == 0 && sandbox.size("j.db") <= 1 << 20, "\(small) \(sandbox.size("j.db"))")
    let (tiny, last) = try prune("--max-bytes", "10K")
    #expect(tiny.status == 5 && tiny.errors.contains("still takes"), "\(tiny)")
    #expect(last != nil)
    let (marked, moment) = try prune("--before", "mark=0x4001")
    #expect(marked.status == 0 && moment ?? 0 > 0)
    #expect(try prune("--max-bytes", "1G").1 == nil)
    for wrong in [[], ["--keep-entries", "1", "--keep-age", "1s"], ["--keep-age", "7"], ["--max-bytes", "x"]] {
      #expect(try sandbox.custody(["prune", "-j", "j.db"] + wrong).status == 2, "\(wrong)")
    }
  }

  @Test func journalsInUseOrIncompleteAreLeftAlone() throws {
    let imported = try #require(try ImportedJournals.journal("k73-nvhe"))
    let sandbox = try Sandbox()
    _ = try sandbox.shell("cp '\(imported.file("custody.db"))' j.db")
    let writer = try JournalWriter.open(at: sandbox.file("j.db"))
    let locked = try sandbox.custody("prune", "--keep-entries", "100", "-j", "j.db")
    #expect(locked.status == 4 && locked.errors.contains("is being written by"), "\(locked)")
    try writer.close()
    let dump = "UPDATE import_state SET complete = 0"
    _ = try sandbox.shell("sqlite3 j.db '\(dump)'")
    let incomplete = try sandbox.custody("prune", "--keep-entries", "100", "--dry-run", "-j", "j.db")
    #expect(incomplete.status == 2 && incomplete.errors.contains("the import is incomplete"), "\(incomplete)")
    #expect(try JournalReader(at: sandbox.file("j.db")).anchor() == nil)
  }

  @Test func aDrivenMachineIsPrunedAndNotGoneOnWith() throws {
    let sandbox = try Sandbox()
    let lines = (0..<120).map { number in
      let page = "0x" + String(0x41300 + number, radix: 16)
      return "host share hyp \(page); pin \(page); unpin \(page); host unshare hyp \(page); host fault 0x42010"
    }
    try sandbox.write("s.txt", lines.joined(separator: "\n"))
    #expect(try sandbox.custody("run", "s.txt", "--generation", "linux-7.1").status == 0)
    #expect(try sandbox.custody("prune", "--keep-entries", "500").status == 0)
    try expectSound(sandbox, "custody.db")
    #expect(try JournalReader(at: sandbox.file("custody.db")).anchor() != nil)
    let ran = try sandbox.custody("run", "s.txt")
    #expect(ran.status == 2 && ran.errors.contains("was pruned"), "\(ran)")
    #expect(try sandbox.custody("recover", "--dry-run").status == 0)
  }
}
