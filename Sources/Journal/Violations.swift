// Why: what the last audit found is kept beside the history, so that it can be asked for in SQL; derived, so it is
// written as a whole and compared with an audit by `verify`. Not here: auditing.

package import PageOwnership

extension JournalReader {
  /// The entry up to which the saved audit went; nil if none was saved. Throws ``JournalError``.
  package func auditedSeq() throws(JournalError) -> SequenceNumber? {
    guard try connection.number("SELECT count(*) FROM sqlite_schema WHERE name = 'audit_run'") == 1 else { return nil }
    guard let seq = try connection.number("SELECT seq FROM audit_run"), seq > 0 else { return nil }
    return SequenceNumber(seq)
  }

  /// The saved violations, in order. Throws ``JournalError`` `corrupt`, `io`.
  package func violations() throws(JournalError) -> [ViolationRow] {
    guard try auditedSeq() != nil else { return [] }
    let rows = try Cursor(
      connection,
      """
      SELECT id, rule, severity, seq, phase_seq, "transition", operation, step, space, page, page_count, expected,
        found, racy
      FROM violation ORDER BY id
      """, of: "violation")
    var found: [ViolationRow] = []
    while try rows.step() {
      guard rows.number(0) == found.count + 1 else { throw rows.damaged(0) }
      found.append(try Self.violation(rows))
    }
    return found
  }

  private static func violation(_ row: Cursor) throws(JournalError) -> ViolationRow {
    var violation = ViolationRow(
      rule: row.text(1), severity: row.text(2), seq: SequenceNumber(row.number(3)), expected: row.text(11),
      found: row.text(12), isRacy: try row.flag(13))
    violation.phaseSeq = row.optionalNumber(4).map { SequenceNumber($0) }
    violation.transition = row.optionalNumber(5).map { ActionID($0) }
    violation.operation = try row.optionallyCoded(6, Operation.init(rawValue:))
    violation.step = row.optionalText(7)
    violation.space = try row.optionalExact(8, as: Int32.self).map(SpaceID.init(rawValue:))
    if let page = row.optionalWord(9) { violation.pages = PageRange(first: PageFrame(page), count: row.word(10)) }
    return violation
  }
}

extension JournalWriter {
  /// Keeps the findings of an audit up to entry `last`, in place of those of the one before. Throws ``JournalError``.
  package func saveViolations(_ violations: [ViolationRow], through last: SequenceNumber) throws(JournalError) {
    try performDerived { () throws(JournalError) in
      try connection.execute("DELETE FROM violation", "clear the violations")
      let row = try InsertStatement(connection, "violation", 14)
      defer { row.finalize() }
      for (index, violation) in violations.enumerated() {
        bind(row, Int64(index + 1), violation)
        try row.run()
      }
      try connection.execute("UPDATE audit_run SET seq = \(last.rawValue)", "note the audit")
    }
  }

  private func bind(_ row: InsertStatement, _ id: Int64, _ violation: ViolationRow) {
    row.bind(1, id)
    row.bind(2, violation.rule)
    row.bind(3, violation.severity)
    row.bind(4, violation.seq.rawValue)
    row.bind(5, violation.phaseSeq?.rawValue)
    row.bind(6, violation.transition?.rawValue)
    row.bind(7, violation.operation?.rawValue)
    row.bind(8, violation.step)
    row.bind(9, (violation.space?.rawValue).map { Int64($0) })
    row.bind(10, word: violation.pages?.first.rawValue)
    row.bind(11, word: violation.pages?.count)
    row.bind(12, violation.expected)
    row.bind(13, violation.found)
    row.bind(14, Int64(violation.isRacy ? 1 : 0))
  }
}
