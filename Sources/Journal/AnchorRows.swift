// Why: no seal covers what a pruned journal kept from before its anchor: one digest does, over every such row of every
// table, computed when it is pruned and by each check. Not here: the anchor's own row (Anchor).

import PageOwnership

/// What was kept from before an anchor.
struct AnchorRows {
  /// SHA-256 over the anchor without its digest, the seal, and the rows.
  let digest: ChainHash
  /// How many rows there are.
  private(set) var tally = ChainTally()

  /// Reads them.
  init(_ anchor: Anchor, _ connection: Connection) throws(JournalError) {
    var hasher = SealHasher("custody anchor v1")
    hasher.begin(.anchor)
    hasher.add(anchor.seq.rawValue)
    hasher.add(anchor.time)
    hasher.add(anchor.snapshot)
    hasher.add(anchor.knowledge.rawValue)
    hasher.add(Int64(anchor.lastSpace.rawValue))
    hasher.add(anchor.loose.map { "\($0.rawValue)" }.joined(separator: " "))
    hasher.end()
    var count: Int64 = 0
    for table in Self.tables {
      let rows = try Cursor(connection, table.sql, of: "row from before the anchor")
      rows.restart(anchor.seq.rawValue, Int64(anchor.lastSpace.rawValue))
      var found: Int64 = 0
      while try rows.step() {
        hasher.begin(table.tag)
        for column in 0..<rows.columnCount { hasher.addAny(rows, column) }
        hasher.end()
        found &+= 1
      }
      if let place = table.place { tally[keyPath: place] &+= found }
      count &+= found
    }
    digest = hasher.value(endingWith: count)
  }

  private struct Table {
    var tag: SealTag
    var place: WritableKeyPath<ChainTally, Int64>?
    var sql: String

    init(_ tag: SealTag, _ sql: String) { self.init(tag, nil, sql) }

    init(_ tag: SealTag, _ place: WritableKeyPath<ChainTally, Int64>?, _ sql: String) {
      self.tag = tag
      self.place = place
      self.sql = sql
    }
  }

  // ?1 is the anchor's entry, ?2 its last space. The marks of the seal are of dropped entries; its tag is checked by
  // itself.
  private static var tables: [Table] {
    [
      Table(.seal, "SELECT seq, head, state_hash FROM seal WHERE seq = ?1"),
      Table(
        .space, "SELECT id, kind, handle, incarnation, protected, born_seq FROM space_row WHERE id <= ?2 ORDER BY id"),
      Table(.spaceEnd, \.spaceEnds, "SELECT space, died_seq FROM space_end WHERE died_seq <= ?1 ORDER BY space"),
      Table(
        .entry, \.entries,
        """
        SELECT seq, site, action, space, page, page_count, cpu, found, outcome, result, time
        FROM entry_row WHERE seq <= ?1 ORDER BY seq
        """),
      Table(
        .sourceRun, \.runs, "SELECT first_seq, first_index FROM source_run WHERE first_seq <= ?1 ORDER BY first_seq"),
      Table(
        .activation, \.activations,
        """
        SELECT id, parent, kind, first_seq, x1, x2, x3, x4, x5, x6, arguments
        FROM activation_row WHERE first_seq <= ?1 ORDER BY id
        """),
      Table(
        .activationEnd, \.activationEnds,
        "SELECT id, last_seq, result FROM activation_end WHERE last_seq <= ?1 ORDER BY id"),
      Table(
        .snapshot, \.snapshots,
        "SELECT id, seq, origin, why, registers, busy_cpus, guests FROM snapshot WHERE seq <= ?1 ORDER BY id"),
      Table(
        .snapshotRange, \.ranges,
        """
        SELECT snapshot, ord, space, kind, page, page_count, level, raw FROM snapshot_range
        WHERE snapshot IN (SELECT id FROM snapshot WHERE seq <= ?1) ORDER BY snapshot, ord
        """),
      Table(
        .leaf, "SELECT id, seq, space, field, level, leaf, body FROM snapshot_leaf WHERE seq <= ?1 ORDER BY id"),
    ]
  }
}

extension SealHasher {
  /// Adds a column of any type.
  fileprivate mutating func addAny(_ row: Cursor, _ column: Int32) {
    switch row.type(column) {
    case .number: add(row.number(column))
    case .null: add(nil as Int64?)
    case .text: row.withText(column) { add(text: $0) }
    case .other: row.bytes(column).withUnsafeBytes { add(text: $0) }
    }
  }
}

extension ChainTally {
  /// Adds other counts.
  mutating func add(_ other: ChainTally) {
    entries &+= other.entries
    runs &+= other.runs
    activations &+= other.activations
    activationEnds &+= other.activationEnds
    spaceEnds &+= other.spaceEnds
    snapshots &+= other.snapshots
    ranges &+= other.ranges
  }
}
