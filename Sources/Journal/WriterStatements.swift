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
  private let all: [InsertStatement]

  /// Prepares all of them, or none: a statement that is left keeps its connection open.
  init(_ connection: Connection) throws(JournalError) {
    let made = Made(connection)
    do throws(JournalError) {
      try self.init(made)
    } catch {
      for statement in made.statements { statement.finalize() }
      throw error
    }
  }

  private init(_ made: Made) throws(JournalError) {
    site = try made.insert("site", 13)
    // The generated name is no column that can be written.
    space = try made.insert("space_row", 6)
    spaceEnd = try made.insert("space_end", 2)
    entry = try made.insert("entry_row", 11)
    note = try made.insert("entry_note", 2)
    run = try made.insert("source_run", 2)
    gap = try made.insert("gap", 4)
    change = try made.insert("change_row", 10)
    observation = try made.insert("observation_row", 12)
    activation = try made.insert("activation_row", 11)
    activationEnd = try made.insert("activation_end", 3)
    transition = try made.insert("transition_row", 9)
    transitionEnd = try made.insert("transition_end", 5)
    snapshot = try made.insert("snapshot", 7)
    snapshotRange = try made.insert("snapshot_range", 8)
    leaf = try made.insert(
      "snapshot_leaf", 6,
      sql: "INSERT INTO snapshot_leaf (seq, space, field, level, leaf, body) VALUES (?, ?, ?, ?, ?, ?)")
    importState = try made.insert(
      "import_state", 2,
      sql: """
        INSERT INTO import_state (one, complete, body) VALUES (1, ?1, ?2)
        ON CONFLICT (one) DO UPDATE SET complete = ?1, body = ?2
        """)
    ownershipBlock = try made.insert("ownership_block", 8)
    ownershipCount = try made.insert("ownership_count", 5)
    ownershipSpan = try made.insert("ownership_span_row", 9)
    seal = try made.add(Self.seal(made.connection))
    sealTail = try made.add(Self.sealTail(made.connection))
    all = made.statements
  }

  /// Those that were prepared already.
  private final class Made {
    let connection: Connection
    var statements: [InsertStatement] = []

    init(_ connection: Connection) { self.connection = connection }

    func insert(_ table: StaticString, _ columns: Int, sql: String? = nil) throws(JournalError) -> InsertStatement {
      add(try InsertStatement(connection, table, columns, sql: sql))
    }

    func add(_ statement: InsertStatement) -> InsertStatement {
      statements.append(statement)
      return statement
    }
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
    for statement in all { statement.finalize() }
  }
}
