// Why: what `verify` asks of the file itself: SQLite's own check, no holes, nothing that points nowhere,
// views that show every row, rows that decode. Not here: whether the changes lead to the observed
// snapshots (Analysis).

import PageOwnership

/// Something in a journal that does not hold.
package struct IntegrityFinding: Hashable, Sendable {
  /// The table, view or file that it is about.
  package var structure: String
  /// What does not hold, with the first place where it does not.
  package var message: String

  /// Makes a finding.
  package init(structure: String, message: String) {
    self.structure = structure
    self.message = message
  }
}

/// How many rows a journal has.
package struct JournalCounts: Hashable, Sendable {
  /// Rows by table, in order of the schema.
  package var rows: [(table: String, count: Int64)]

  /// The rows of one table; 0 for an unknown one.
  package func count(_ table: String) -> Int64 { rows.first { $0.table == table }?.count ?? 0 }

  /// Whether two counts are equal.
  package static func == (left: JournalCounts, right: JournalCounts) -> Bool {
    left.rows.elementsEqual(right.rows) { $0 == $1 }
  }

  /// Mixes the counts into a hash.
  package func hash(into hasher: inout Hasher) {
    for row in rows { hasher.combine(row.count) }
  }
}

extension JournalReader {
  private static let countedTables = [
    "entry_row", "change_row", "observation_row", "transition_row", "transition_end", "activation_row",
    "activation_end", "site", "space_row", "snapshot", "snapshot_range", "snapshot_leaf", "gap", "entry_note",
    "source_run",
  ]

  /// Counts the rows of every table.
  package func counts() throws(JournalError) -> JournalCounts {
    var rows: [(table: String, count: Int64)] = []
    for table in Self.countedTables {
      rows.append((table, try connection.number("SELECT count(*) FROM \(table)") ?? 0))
    }
    return JournalCounts(rows: rows)
  }

  /// The bytes that each table and index takes on disk, largest first; empty if SQLite cannot tell.
  package func tableSizes() throws(JournalError) -> [(table: String, byteCount: Int64)] {
    guard
      let rows = try? Cursor(
        connection, "SELECT name, sum(pgsize) AS size FROM dbstat GROUP BY name ORDER BY size DESC, name")
    else { return [] }
    var sizes: [(table: String, byteCount: Int64)] = []
    while try rows.step() { sizes.append((rows.text(0), rows.number(1))) }
    return sizes
  }

  /// Checks the file and its rows.
  ///
  /// - Parameter isQuick: leaves out SQLite's comparison of indices with tables.
  /// - Returns: what does not hold; empty if all is well.
  package func integrity(isQuick: Bool = false) throws(JournalError) -> [IntegrityFinding] {
    var findings = try fileFindings(isQuick)
    // Rows of a file whose pages are damaged say nothing.
    guard findings.isEmpty else { return findings }
    for rule in IntegrityRule.all { findings += try brokenRule(rule) }
    findings += decodingFindings()
    return findings
  }

  private func fileFindings(_ isQuick: Bool) throws(JournalError) -> [IntegrityFinding] {
    let rows = try Cursor(connection, isQuick ? "PRAGMA quick_check(20)" : "PRAGMA integrity_check(20)")
    var findings: [IntegrityFinding] = []
    while try rows.step() {
      if rows.text(0) != "ok" { findings.append(IntegrityFinding(structure: "file", message: rows.text(0))) }
    }
    return findings
  }

  private func brokenRule(_ rule: IntegrityRule) throws(JournalError) -> [IntegrityFinding] {
    let row = try Cursor(connection, rule.sql)
    guard try row.step(), let place = row.optionalNumber(0) else { return [] }
    return [IntegrityFinding(structure: rule.structure, message: "\(rule.message) (first: \(place))")]
  }

  /// Reads everything once: a row that cannot be decoded is found, whatever wrote it.
  private func decodingFindings() -> [IntegrityFinding] {
    do {
      _ = try (facts(), sites(), spaces(), snapshots(), gaps())
      try forEachEntry(through: headSeq()) { _ in true }
      return []
    } catch {
      return [IntegrityFinding(structure: "rows", message: (error as? JournalError)?.message ?? "\(error)")]
    }
  }
}

/// A statement about rows, with SQL that returns the first place where it does not hold, or NULL.
private struct IntegrityRule {
  let structure: String
  let message: String
  let sql: String

  static let all = dense + references + actions + views

  private static let dense = [
    IntegrityRule(
      structure: "entry_row", message: "entries are missing: seq is not dense from 1",
      sql: """
        SELECT iif(count(*) = ifnull(max(seq), 0) AND ifnull(min(seq), 1) = 1, NULL,
          (SELECT min(seq) + 1 FROM entry_row e WHERE NOT EXISTS (SELECT 1 FROM entry_row WHERE seq = e.seq + 1)))
        FROM entry_row
        """),
    ordinals("change_row"), ordinals("observation_row"),
  ]

  private static let references = [
    dangling("entry_row", "seq", "site", "site", "id"),
    dangling("entry_row", "seq", "space", "space_row", "id"),
    dangling("change_row", "seq", "seq", "entry_row", "seq"),
    dangling("change_row", "seq", "space", "space_row", "id"),
    dangling("change_row", "seq", "owner", "space_row", "id"),
    dangling("observation_row", "seq", "seq", "entry_row", "seq"),
    dangling("observation_row", "seq", "guest_space", "space_row", "id"),
    dangling("entry_note", "seq", "seq", "entry_row", "seq"),
    dangling("gap", "seq", "seq", "entry_row", "seq"),
    dangling("source_run", "first_seq", "first_seq", "entry_row", "seq"),
    dangling("space_end", "space", "space", "space_row", "id"),
    dangling("snapshot_range", "snapshot", "snapshot", "snapshot", "id"),
    dangling("snapshot_range", "snapshot", "space", "space_row", "id"),
    dangling("transition_row", "id", "source_space", "space_row", "id"),
    dangling("transition_row", "id", "target_space", "space_row", "id"),
    dangling("transition_row", "id", "first_seq", "entry_row", "seq"),
    dangling("transition_row", "id", "activation", "activation_row", "id"),
    dangling("transition_end", "id", "id", "transition_row", "id"),
    dangling("transition_end", "id", "last_seq", "entry_row", "seq"),
    dangling("transition_end", "id", "failed_seq", "entry_row", "seq"),
    dangling("transition_end", "id", "outcome", "outcome_word", "id"),
    dangling("activation_row", "id", "first_seq", "entry_row", "seq"),
    dangling("activation_row", "id", "parent", "activation_row", "id"),
    dangling("activation_end", "id", "id", "activation_row", "id"),
    dangling("activation_end", "id", "last_seq", "entry_row", "seq"),
  ]

  private static let actions = [
    IntegrityRule(
      structure: "entry_row", message: "an entry belongs to no transition or activation",
      sql: """
        SELECT min(seq) FROM entry_row e WHERE action IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM transition_row WHERE id = e.action)
          AND NOT EXISTS (SELECT 1 FROM activation_row WHERE id = e.action)
        """),
    IntegrityRule(
      structure: "transition_row", message: "a transition's first entry is not its begin",
      sql: """
        SELECT min(t.id) FROM transition_row t JOIN entry_row e ON e.seq = t.first_seq JOIN site s ON s.id = e.site
        WHERE s.kind <> 'begin' OR s.operation IS NULL OR e.action IS NOT t.id
        """),
    IntegrityRule(
      structure: "transition_end", message: "a transition's end stands before its begin or is another's entry",
      sql: """
        SELECT min(t.id) FROM transition_row t JOIN transition_end e ON e.id = t.id
        JOIN entry_row r ON r.seq = e.last_seq
        WHERE e.last_seq < t.first_seq OR ifnull(e.failed_seq NOT BETWEEN t.first_seq AND e.last_seq, 0)
        """),
    // A host abort or a guest's call has no line of its own: the begin of its one transition serves both.
    IntegrityRule(
      structure: "activation_row", message: "an activation's first entry is not its begin",
      sql: """
        SELECT min(a.id) FROM activation_row a JOIN entry_row e ON e.seq = a.first_seq JOIN site s ON s.id = e.site
        WHERE s.kind NOT IN ('activation', 'begin') OR s.kernel_function IS NULL OR e.action IS NOT a.id
        """),
  ]

  private static let views = [
    view("entry", "entry_row"), view("change", "change_row"), view("\"transition\"", "transition_row"),
    view("activation", "activation_row"), view("space", "space_row"),
  ]

  private static func dangling(
    _ table: String, _ key: String, _ column: String, _ target: String, _ targetKey: String
  ) -> IntegrityRule {
    IntegrityRule(
      structure: table, message: "\(column) points to no row of \(target)",
      sql: """
        SELECT min(r.\(key)) FROM \(table) r WHERE r.\(column) IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM \(target) WHERE \(targetKey) = r.\(column))
        """)
  }

  private static func ordinals(_ table: String) -> IntegrityRule {
    IntegrityRule(
      structure: table, message: "rows of an entry are missing: ord is not dense from 0",
      sql: """
        SELECT min(seq) FROM (SELECT seq FROM \(table) GROUP BY seq HAVING min(ord) <> 0 OR max(ord) <> count(*) - 1)
        """)
  }

  private static func view(_ view: String, _ table: String) -> IntegrityRule {
    IntegrityRule(
      structure: view, message: "the view does not show every row of \(table)",
      sql: """
        SELECT iif(v.n = r.n, NULL, v.n)
        FROM (SELECT count(*) AS n FROM \(view)) v, (SELECT count(*) AS n FROM \(table)) r
        """)
  }
}
