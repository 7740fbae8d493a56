// Why: one list of what the writer inserts into. Not here: what goes into which column
// (`JournalWriter+Rows.swift`).

/// The prepared statements of a writer.
struct WriterStatements {
  let site, space, spaceEnd: InsertStatement
  let entry, note, run, gap: InsertStatement
  let change, observation: InsertStatement
  let activation, activationEnd: InsertStatement
  let transition, transitionEnd: InsertStatement
  let snapshot, snapshotRange, leaf: InsertStatement
  let importState: InsertStatement
  let ownershipBlock, ownershipCount, ownershipSpan: InsertStatement
  let seal, sealTail: InsertStatement

  /// Prepares all of them.
  init(_ connection: Connection) throws(JournalError) {
    site = try InsertStatement(connection, "site", 13)
    // The generated name is no column that can be written.
    space = try InsertStatement(connection, "space_row", 6)
    spaceEnd = try InsertStatement(connection, "space_end", 2)
    entry = try InsertStatement(connection, "entry_row", 11)
    note = try InsertStatement(connection, "entry_note", 2)
    run = try InsertStatement(connection, "source_run", 2)
    gap = try InsertStatement(connection, "gap", 4)
    change = try InsertStatement(connection, "change_row", 10)
    observation = try InsertStatement(connection, "observation_row", 12)
    activation = try InsertStatement(connection, "activation_row", 11)
    activationEnd = try InsertStatement(connection, "activation_end", 3)
    transition = try InsertStatement(connection, "transition_row", 9)
    transitionEnd = try InsertStatement(connection, "transition_end", 5)
    snapshot = try InsertStatement(connection, "snapshot", 7)
    snapshotRange = try InsertStatement(connection, "snapshot_range", 8)
    leaf = try InsertStatement(
      connection, "snapshot_leaf", 6,
      sql: "INSERT INTO snapshot_leaf (seq, space, field, level, leaf, body) VALUES (?, ?, ?, ?, ?, ?)")
    importState = try InsertStatement(
      connection, "import_state", 2,
      sql: """
        INSERT INTO import_state (one, complete, body) VALUES (1, ?1, ?2)
        ON CONFLICT (one) DO UPDATE SET complete = ?1, body = ?2
        """)
    ownershipBlock = try InsertStatement(connection, "ownership_block", 8)
    ownershipCount = try InsertStatement(connection, "ownership_count", 5)
    ownershipSpan = try InsertStatement(connection, "ownership_span_row", 9)
    seal = try Self.seal(connection)
    sealTail = try Self.sealTail(connection)
  }

  /// The statement that writes a seal.
  static func seal(_ connection: Connection) throws(JournalError) -> InsertStatement {
    try InsertStatement(
      connection, "seal", 6, sql: "INSERT INTO seal (\(Seal.columns)) VALUES (?, ?, ?, ?, ?, ?)")
  }

  /// The statement that writes the tail over the one before.
  static func sealTail(_ connection: Connection) throws(JournalError) -> InsertStatement {
    try InsertStatement(
      connection, "seal_tail", 8,
      sql: "REPLACE INTO seal_tail (one, \(Seal.columns), rest, loose) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)")
  }

  /// Ends all of them.
  func finalize() {
    let all = [
      site, space, spaceEnd, entry, note, run, gap, change, observation, activation, activationEnd, transition,
      transitionEnd, snapshot, snapshotRange, leaf, importState, ownershipBlock, ownershipCount, ownershipSpan, seal,
      sealTail,
    ]
    for statement in all { statement.finalize() }
  }
}
