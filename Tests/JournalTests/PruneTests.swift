// Why: a pruned journal is checked from its anchor on as it was before, what was kept from before is under a digest to
// the last column, and nothing else is left of what was dropped. Not here: what commands answer (PruneCommandTests).

import PageOwnership
import Testing

@testable import Journal

struct PruneTests {
  private let folder = TemporaryFolder()

  private func reader(_ name: String = "journal.db") throws -> JournalReader {
    try JournalReader(at: folder.file(name))
  }

  @Test func whatIsLeftIsSound() throws {
    try PrunedJournal.write(at: folder.file())
    shell("cp \(folder.file()) \(folder.file("whole.db"))")
    try PrunedJournal.prune(folder.file(), through: 1024)
    let check = try reader().check()
    #expect(check.findings == [])
    #expect(check.anchor == SequenceNumber(1024) && check.isEndProven)
    #expect(try check.head == reader("whole.db").check().head)
    #expect(try reader().firstSeq() == SequenceNumber(1025))
    let kept = try reader("whole.db").frames(from: 1025)
    #expect(try reader().frames(from: 1025).elementsEqual(kept) { $0.entry == $1.entry && $0.changes == $1.changes })
    // A writer goes on, and what it adds is checked too.
    let writer = try JournalWriter.open(at: folder.file())
    var more = EntryBatch()
    more.entries = (2601...3700).map { Entry(seq: SequenceNumber($0), site: SiteID(rawValue: 10)) }
    try writer.append(more)
    try writer.close()
    #expect(try reader().check().findings == [])
    // And is pruned again: the anchor moves.
    try PrunedJournal.prune(folder.file(), through: 3072)
    let later = try reader().check()
    #expect(later.findings == [] && later.anchor == SequenceNumber(3072))
    #expect(try reader().table("SELECT count(*) FROM anchor") == [["1"]])
  }

  @Test func whatWasDroppedIsGone() throws {
    try PrunedJournal.write(at: folder.file())
    let size = Int(shell("stat -c %s \(folder.file())").output.dropLast()) ?? 0
    try PrunedJournal.prune(folder.file(), through: 1024)
    let reader = try reader()
    // The begins of four calls, and three marks.
    let kept = try reader.table("SELECT seq FROM entry_row WHERE seq <= 1024 ORDER BY seq").map { $0[0] }
    #expect(kept == ["1", "10", "13", "50", "400", "1000", "1010"])
    for table in ["entry_note", "gap", "change_row", "observation_row"] {
      #expect(try reader.table("SELECT count(*) FROM \(table) WHERE seq <= 1024") == [["0"]], "\(table)")
    }
    #expect(try reader.table("SELECT id FROM transition_row") == [["104"]])
    let calls = try reader.table("SELECT id, function FROM activation ORDER BY id")
    #expect(calls == [1, 100, 101, 102, 103].map { ["\($0)", "__pkvm_host_share_hyp"] })
    #expect(try reader.bookmarks().map(\.name) == ["late"])
    #expect(try reader.table("SELECT seq FROM seal") == [["0"], ["1024"], ["2048"]])
    #expect(try reader.time(upTo: SequenceNumber(1024)) == 1_000_000_000)
    #expect(try reader.frames(from: 1025).first?.entry.sourceIndex == 1030)
    #expect(try reader.table("PRAGMA freelist_count") == [["0"]])
    #expect(Int(shell("stat -c %s \(folder.file())").output.dropLast()) ?? 0 < size)
    #expect(folder.names == ["journal.db"])
    let error = #expect(throws: JournalError.self) { try reader.checkNotPruned(SequenceNumber(1023)) }
    #expect(error?.code == .pruned)
    #expect(throws: Never.self) { try reader.checkNotPruned(SequenceNumber(1024)) }
  }

  @Test func primaryRowsStayAppendOnly() throws {
    try PrunedJournal.write(at: folder.file())
    try PrunedJournal.prune(folder.file(), through: 1024)
    let connection = try Connection(folder.file(), .write)
    for table in ["entry_row", "anchor", "seal", "space_row"] {
      #expect(throws: JournalError.self) { try connection.execute("DELETE FROM \(table)", "delete") }
    }
    #expect(throws: JournalError.self) { try connection.execute("UPDATE anchor SET seq = 2048", "update") }
  }

  @Test func aPlanLiesInsideNoTransition() throws {
    try PrunedJournal.write(at: folder.file())
    func plan(_ limit: PruneLimit) throws -> PrunePlan { try reader().prunePlan(limit) }
    let all = try plan(.entries(0))
    #expect(all.wanted == SequenceNumber(2048) && all.cut == SequenceNumber(1024))
    #expect(all.blocker?.id == ActionID(104) && all.blocker?.last == SequenceNumber(2060))
    #expect(all.entries == 1024 && all.transitions == 2 && all.snapshots == 1 && all.names == 1 && all.openCalls == 3)
    #expect(try plan(.entries(1576)).cut == SequenceNumber(1024))
    #expect(try plan(.entries(1577)).cut == nil)
    #expect(try plan(.entries(.max)).cut == nil)
    #expect(try plan(.from(SequenceNumber(1025))).cut == SequenceNumber(1024))
    #expect(try plan(.from(SequenceNumber(1024))).cut == nil)
    // Entry 2600 tells 2.6 s, entry 2300 2.3 s; the very first entry tells 2.2995 s.
    #expect(try plan(.age(300_000_000)).wanted == SequenceNumber(2048))
    #expect(try plan(.age(300_000_000)).cut == SequenceNumber(1024))
    #expect(try plan(.age(400_000_000)).cut == nil)
    #expect(try plan(.age(.max)).cut == nil)
    #expect(try plan(.bytes(.max)).cut == nil)
    #expect(try plan(.bytes(0)).cut == SequenceNumber(1024))
    try PrunedJournal.prune(folder.file(), through: 1024)
    #expect(try plan(.entries(0)).cut == nil)
  }

  @Test func everyColumnIsCovered() throws {
    try PrunedJournal.write(at: folder.file())
    try PrunedJournal.prune(folder.file(), through: 1024)
    let copy = folder.file("copy.db")
    var count = 0
    let tables = [
      "anchor": "true", "entry_row": "seq <= 1024", "activation_row": "first_seq <= 1024",
      "activation_end": "last_seq <= 1024", "space_row": "true", "space_end": "died_seq <= 1024",
      "source_run": "first_seq <= 1024", "snapshot": "seq <= 1024", "snapshot_range": "true", "snapshot_leaf": "true",
      "seal": "seq = 1024",
    ]
    for (table, condition) in tables.sorted(by: { $0.key < $1.key }) {
      for column in try reader().table("SELECT name, type FROM pragma_table_info('\(table)')") {
        if ["epoch", "tag", "marks", "one"].contains(column[0]) { continue }
        shell("cp \(folder.file()) \(copy)")
        guard try CoverageTests.change(copy, table, column[0], isText: column[1] == "TEXT", where: condition) else {
          continue
        }
        count += 1
        #expect(!CoverageTests.found(copy).isEmpty, "\(table).\(column[0]) was changed and nobody says so")
      }
    }
    #expect(count > 55, "\(count)")
    for statement in [
      "DELETE FROM anchor", "DELETE FROM seal WHERE seq = 1024", "DELETE FROM snapshot_leaf",
      "DELETE FROM snapshot_range",
      "DELETE FROM space_row WHERE id = 6", "INSERT INTO source_run VALUES (5, 5)", "UPDATE anchor SET seq = 2048",
      "INSERT INTO entry_row (seq, site) VALUES (7, 10)", "INSERT INTO gap VALUES (7, 1, 1, '')",
    ] {
      shell("cp \(folder.file()) \(copy)")
      try CoverageTests.behindTriggers(copy) { try $0.execute(statement, "damage") }
      #expect(!CoverageTests.found(copy).isEmpty, "\(statement)")
    }
  }

  @Test func headsOfBeforeProveNothing() throws {
    try PrunedJournal.write(at: folder.file())
    let heads = try reader().table("SELECT seq, head FROM seal UNION ALL SELECT seq, head FROM seal_tail")
    try PrunedJournal.prune(folder.file(), through: 1024)
    func findings(_ text: String) throws -> [String] {
      try reader().check(expecting: [#require(ExpectedHead(text))]).findings.map(\.message)
    }
    for head in heads {
      #expect(try findings("\(head[0]):\(head[1])") == [])
      #expect(try findings(head[1]) == [])
      #expect(try !findings("\(head[0]):\(heads[1][1].replacing("1", with: "2"))").isEmpty)
    }
    #expect(try findings("1000").first?.contains("were pruned") == true)
    #expect(try findings("1025") == [])
  }

  @Test func aKeyVerifiesWhatIsLeft() throws {
    let first = SealKey()
    try SealKeyFile.create(first, at: folder.file("key"))
    func key() throws -> SealKeyFile { try SealKeyFile(at: folder.file("key")) }
    try PrunedJournal.write(at: folder.file(), key: key())
    try PrunedJournal.prune(folder.file(), through: 1024, key: key())
    let check = try reader().check(key: first)
    // The facts, two seals, the anchor, the end.
    #expect(check.findings == [] && check.tagCount == 5)
    #expect(try !reader().check(key: SealKey()).findings.isEmpty)
    try JournalWriter.open(at: folder.file(), key: key()).close()
    #expect(try reader().check(key: first).findings == [])
    // Who has no key can make a digest, and no tag.
    try CoverageTests.behindTriggers(folder.file()) { connection in
      try connection.execute("UPDATE snapshot_range SET raw = 77", "forge")
      let anchor = try #require(try connection.anchor())
      let digest = try AnchorRows(anchor, connection).digest
      try connection.execute("UPDATE anchor SET digest = '\(digest)'", "forge")
    }
    #expect(try reader().check().findings == [])
    #expect(try reader().check(key: first).findings.map(\.structure) == ["anchor"])
  }

  @Test func damageIsNotDropped() throws {
    for statement in [
      "UPDATE entry_row SET cpu = 9 WHERE seq = 700", "DELETE FROM entry_row WHERE seq = 700",
      "DELETE FROM entry_note WHERE seq = 50",
    ] {
      shell("rm -f \(folder.file())*")
      try PrunedJournal.write(at: folder.file())
      try CoverageTests.behindTriggers(folder.file()) { try $0.execute(statement, "damage") }
      let writer = try JournalWriter.open(at: folder.file())
      let error = #expect(throws: JournalError.self) { try writer.prune(PrunedJournal.machine(1024)) }
      #expect(error?.code == .corrupt, "\(statement)")
      try writer.close()
      #expect(try reader().anchor() == nil)
    }
  }

  @Test func aCopyOfThePastAndAPartingBeginAtTheAnchor() throws {
    try PrunedJournal.write(at: folder.file())
    shell("cp \(folder.file()) \(folder.file("whole.db"))")
    try PrunedJournal.prune(folder.file(), through: 1024)
    try reader().copyPast(to: folder.file("past.db"), through: SequenceNumber(1500))
    let past = try reader("past.db")
    #expect(try past.check().findings == [])
    #expect(try past.headSeq() == SequenceNumber(1500) && past.anchor()?.seq == SequenceNumber(1024))
    let early = #expect(throws: JournalError.self) {
      try reader().copyPast(to: folder.file("early.db"), through: SequenceNumber(1000))
    }
    #expect(early?.code == .pruned)
    // The whole one, the pruned one and its past are one history.
    for (one, other, first) in [
      ("journal.db", "whole.db", nil), ("whole.db", "journal.db", nil), ("past.db", "journal.db", 1501),
    ] as [(String, String, Int64?)] {
      let parting = try reader(one).parting(from: reader(other))
      #expect(parting.first == first.map { SequenceNumber($0) }, "\(one) \(other) \(parting)")
    }
    try reader("whole.db").copyPast(to: folder.file("short.db"), through: SequenceNumber(900))
    let apart = #expect(throws: JournalError.self) { try reader("short.db").parting(from: reader()) }
    #expect(apart?.code == .pruned)
  }
}
