// Why: the names, columns and words of the views are what users rely on; the stock shell must suffice.

import PageOwnership
import Testing

@testable import Journal

struct ViewTests {
  private let folder = TemporaryFolder()
  private let reader: JournalReader

  init() throws {
    try SampleJournal.write(at: folder.file())
    reader = try JournalReader(at: folder.file())
  }

  private func columns(_ view: String) throws -> [String] {
    try reader.table("SELECT name FROM pragma_table_info('\(view)')").flatMap { $0 }
  }

  @Test func columnsAreThoseOfTheContract() throws {
    let entry = """
      seq kind transition activation operation condition effect skipped space address page page_count expected \
      found old_state new_state outcome result cpu time kernel_step source_line provenance change_count
      """
    #expect(try columns("entry").starts(with: entry.split(separator: " ").map(String.init)))
    let transition = """
      id activation operation source_space source_address target_space target_address page page_count cpu time \
      first_seq last_seq outcome result failed_seq arguments
      """
    #expect(try columns("transition").starts(with: transition.split(separator: " ").map(String.init)))
    let change = "seq ord space table page page_count level old new"
    #expect(try columns("change").starts(with: change.split(separator: " ").map(String.init)))
    #expect(
      try columns("space") == ["id", "name", "kind", "handle", "incarnation", "protected", "born_seq", "died_seq"])
    for name in ["id", "parent", "kind", "function", "cpu", "registers", "result", "first_seq", "last_seq"] {
      #expect(try columns("activation").contains(name))
    }
  }

  @Test func entriesReadInWords() throws {
    #expect(
      try reader.table(
        """
        SELECT seq, kind, "transition", activation, operation, condition, effect, space, address, page_count, expected,
          found, old_state, new_state, outcome, result, change_count, source_index, note FROM entry
        WHERE seq IN (1, 3, 4, 8, 10, 11)
        """)
        == [
          "1|activation|-|1|-|-|-|-|-|-|-|-|-|-|-|-|0|0|-",
          "3|check|2|1|host_share_hyp|source is owned|-|host|0x48163000|1|OWNED|OWNED|-|-|passed|0|0|2|-",
          "4|apply|2|1|host_share_hyp|-|lend|host|-|-|-|-|OWNED|SHARED_OWNED|-|-|2|3|-",
          "8|end|3|1|host_share_hyp|-|-|-|-|-|-|-|-|-|refused|-1|0|7|-",
          "10|mark|-|-|-|-|-|-|-|-|-|-|-|-|-|16385|0|9|guest shares pages back",
          "11|lost|-|-|-|-|-|-|-|-|-|-|-|-|-|-|0|-|-",
        ].map { $0.split(separator: "|").map(String.init) })
  }

  @Test func transitionsReadInWords() throws {
    #expect(
      try reader.table(
        """
        SELECT id, operation, source_space, source_address, target_space, target_address, printf('%x', page), cpu,
          first_seq, last_seq, outcome, result, failed_seq, arguments FROM "transition"
        """)
        == [
          "2|host_share_hyp|host|0x48163000|hyp|0xffff800048163000|48163|1|2|5|completed|0|-|pfn=0x48163",
          "3|host_share_hyp|host|0x48163000|hyp|0xffff800048163000|48163|1|6|8|refused|-1|7|pfn=0x48163",
        ].map { $0.split(separator: "|").map(String.init) })
  }

  @Test func transitionWithoutEndIsOpen() throws {
    let path = folder.file("open.db")
    let writer = try JournalWriter.create(at: path, facts: Facts())
    var batch = SampleJournal.batch
    batch.transitionEnds.removeLast()
    try writer.append(batch)
    try writer.close()
    let open = try JournalReader(at: path)
    #expect(
      try open.table("SELECT id, outcome, last_seq FROM \"transition\" WHERE outcome = 'open'") == [["3", "open", "-"]])
    #expect(try open.openTransitions() == [ActionID(3)])
  }

  @Test func changesAndActivationsReadInWords() throws {
    #expect(
      try reader.table("SELECT space, \"table\", level, old, new, old_state, new_state, owner, complete FROM change")
        == [
          ["host", "vmemmap", "3", "0x0000000000000000", "0x0000000100000000", "OWNED", "SHARED_OWNED", "-", "1"],
          ["host", "host_s2", "3", "-", "-", "OWNED", "SHARED_OWNED", "-", "0"],
        ])
    #expect(
      try reader.table("SELECT kind, function, cpu, registers, result, first_seq, last_seq FROM activation")
        == [["hypercall", "__pkvm_host_share_hyp", "1", "0x48163 0xffffffffffffffff 0x0", "0", "1", "9"]])
    #expect(
      try reader.table("SELECT name, protected, born_seq, died_seq FROM space WHERE id = 3")
        == [["guest:0x1000#3", "1", "1", "12"]])
  }

  @Test func levelsBelowZeroKeepTheirSign() throws {
    let path = folder.file("levels.db")
    let writer = try JournalWriter.create(at: path, facts: Facts())
    var batch = SampleJournal.batch
    batch.changes[0].newLevel = -1
    batch.changes[1].newLevel = 2
    try writer.append(batch)
    try writer.close()
    #expect(try JournalReader(at: path).table("SELECT level FROM change") == [["-1"], ["2"]])
  }

  @Test func wordTablesAgreeWithTheVocabulary() throws {
    let states = PageState.allCases.map { ["\($0.rawValue)", $0.name] }
    #expect(try reader.table("SELECT id, name FROM state_word ORDER BY id") == states)
    let tables = TableKind.allCases.map { ["\($0.rawValue)", $0.name] }
    #expect(try reader.table("SELECT id, name FROM table_word ORDER BY id") == tables)
    let outcomes =
      CheckOutcome.allCases.map { ["\($0.rawValue)", $0.name] }
      + TransitionOutcome.allCases.map { ["\($0.rawValue)", $0.name] }
    #expect(try reader.table("SELECT id, name FROM outcome_word ORDER BY id") == outcomes)
    let kinds = ActivationKind.byCode.map { ["\($0.code)", $0.rawValue] }
    #expect(try reader.table("SELECT id, name FROM activation_word ORDER BY id") == kinds)
  }

  @Test(.enabled(if: hasSQLiteShell)) func stockShellSuffices() throws {
    func ask(_ sql: String) -> String { shell("sqlite3 -readonly \(folder.file()) \"\(sql)\"").output }
    #expect(ask("SELECT count(*) FROM entry WHERE kind = 'check'") == "2\n")
    #expect(ask("SELECT id, outcome FROM \\\"transition\\\" WHERE outcome = 'refused'") == "3|refused\n")
    #expect(ask("SELECT sum(change_count) FROM entry") == "2\n")
    #expect(ask("SELECT name FROM space ORDER BY id") == "host\nhyp\nffa\nguest:0x1000#3\n")
    #expect(folder.names == ["journal.db"])
  }
}
