// Why: a journal that grows for ever fills every disk. Whole sealed ranges are dropped from its start in one
// transaction, which leaves an anchor in their place; the file is made smaller in a second step, because a crash
// between the two must leave a journal. Not here: how far (PrunePlan), what the machine was there (the caller).

package import PageOwnership

/// The machine at an anchor.
package struct AnchorMachine: Sendable {
  /// The entry after which it is so.
  package var seq: SequenceNumber
  /// All nodes of its logical state.
  package var leaves: [LeafImage]
  /// The raw words of its tables, as rows of ``snapshot``.
  package var ranges: [SnapshotRange]
  /// How much of the tables is known.
  package var knowledge: Anchor.Knowledge
  /// The guests that live.
  package var guests: [SpaceID]
  /// The system registers that the last dropped snapshot told.
  package var registers: String

  /// The number of the own snapshot that keeps the raw words: those that were observed count from 1.
  package static let snapshot: Int64 = 0

  /// Makes a machine.
  package init(
    seq: SequenceNumber, leaves: [LeafImage], ranges: [SnapshotRange], knowledge: Anchor.Knowledge,
    guests: [SpaceID], registers: String
  ) {
    self.seq = seq
    self.leaves = leaves
    self.ranges = ranges
    self.knowledge = knowledge
    self.guests = guests
    self.registers = registers
  }
}

extension JournalWriter {
  /// Drops the entries up to a seal that lies inside no transition, with all that hangs on them, and leaves an anchor.
  ///
  /// What goes is held against its seals before. The index and the saved audit go too, because they are made anew.
  ///
  /// - Parameters:
  ///   - machine: what the entries up to there give.
  ///   - isCancelled: asked now and then; true stops before anything was changed.
  /// - Throws: ``JournalError``: `corrupt` if the dropped entries are not what was sealed, `interrupted`; else as
  ///   ``append(_:)``.
  package func prune(_ machine: AnchorMachine, isCancelled: () -> Bool = { false }) throws(JournalError) {
    var anchor = try checked { () throws(JournalError) in try newAnchor(machine, isCancelled) }
    try performDerived { () throws(JournalError) in
      let triggers = try takeTriggers()
      for sql in Self.drops(through: machine.seq.rawValue) { try connection.execute(sql, "prune") }
      try insert(machine)
      anchor.digest = try AnchorRows(anchor, connection).digest
      anchor.epoch = seals.key?.epoch
      anchor.tag = seals.key?.tag(of: anchor)
      let row = try InsertStatement(
        connection, "anchor", 9,
        sql: "INSERT INTO anchor (one, \(Anchor.columns)) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      defer { row.finalize() }
      anchor.bind(to: row)
      try row.run()
      for trigger in triggers { try connection.execute(trigger, "prune") }
    }
  }

  /// Gives the room of dropped rows back to the file system; what was committed stays as it is, also if this fails.
  ///
  /// - Throws: ``JournalError``, as ``append(_:)``.
  package func shrink() throws(JournalError) {
    try commit()
    guard try connection.number("PRAGMA freelist_count") ?? 0 > 0 else { return }
    do throws(JournalError) {
      // The copy that this makes is as large as the journal.
      try connection.execute("PRAGMA temp_store = FILE; VACUUM; PRAGMA temp_store = MEMORY", "shrink the journal")
    } catch {
      throw poison(error)
    }
  }

  // What was found wrong, or called off, leaves a writer that can end in order; a disk that failed does not.
  private func checked(_ body: () throws(JournalError) -> Anchor) throws(JournalError) -> Anchor {
    do throws(JournalError) {
      return try body()
    } catch {
      throw error.code == .interrupted || error.code == .corrupt && error.cause == nil ? error : poison(error)
    }
  }

  private func newAnchor(_ machine: AnchorMachine, _ isCancelled: () -> Bool) throws(JournalError) -> Anchor {
    let old = try connection.anchor()
    var base = try Genesis.seal(connection)
    if let old {
      guard let seal = try connection.seal(at: old.seq), try AnchorRows(old, connection).digest == old.digest else {
        throw Self.unsound(connection, IntegrityFinding(structure: "anchor", message: "it is not what was kept"))
      }
      base = seal
    }
    let all = try connection.spaces()
    let unnamed = Set(try scan(after: base, through: machine.seq, SpaceBook(all, behind: old), isCancelled))
    let last = all.map(\.space.id).last { !unnamed.contains($0) } ?? .ffa
    let time = try connection.number(
      """
      SELECT time FROM entry_row WHERE seq BETWEEN \(base.seq.rawValue + 1) AND \(machine.seq.rawValue)
        AND time IS NOT NULL ORDER BY seq DESC LIMIT 1
      """)
    return Anchor(
      seq: machine.seq, time: time ?? old?.time, snapshot: AnchorMachine.snapshot, knowledge: machine.knowledge,
      lastSpace: last, loose: unnamed.filter { $0 < last }.sorted())
  }

  // What is dropped can't be checked afterwards. Gives the spaces that no entry up to there has named.
  private func scan(
    after base: Seal, through last: SequenceNumber, _ spaces: SpaceBook, _ isCancelled: () -> Bool
  ) throws(JournalError) -> [SpaceID] {
    var scan = ChainScan(try ChainSource(connection), after: base, through: last, spaces: spaces, decodes: false)
    while try scan.next() {
      guard scan.seq.rawValue % Seal.interval == 0 else { continue }
      if isCancelled() { throw JournalError(.interrupted, "\(path): stopped; nothing was dropped") }
      let computed = scan.sealHere()
      guard let stored = try connection.seal(at: scan.seq), stored.head == computed.head else {
        let message = "the entries up to \(scan.seq.rawValue) are not what was sealed"
        throw Self.unsound(connection, IntegrityFinding(structure: "seal", message: message))
      }
      scan.restart(after: stored)
    }
    scan.close()
    if let finding = scan.findings.all.first { throw Self.unsound(connection, finding) }
    return scan.spaces.loose.map(\.space.id)
  }

  // MARK: - the transaction

  /// Takes away the triggers that refuse to delete; gives their SQL.
  private func takeTriggers() throws(JournalError) -> [String] {
    let rows = try Cursor(
      connection,
      "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND name LIKE '%\\_no\\_delete' ESCAPE '\\'")
    var triggers: [(name: String, sql: String)] = []
    while try rows.step() { triggers.append((rows.text(0), rows.text(1))) }
    rows.reset()
    for (name, _) in triggers {
      try connection.execute("DROP TRIGGER \"\(name.replacing("\"", with: "\"\""))\"", "prune")
    }
    return triggers.map(\.sql)
  }

  // Of calls that did not return before the cut, or that something behind it names, the begins stay; and marks, so that
  // `mark=0x4001#2` goes on to mean the second.
  private static func drops(through cut: Int64) -> [String] {
    let kept = """
      WITH RECURSIVE named(id) AS (
        SELECT a.id FROM activation_row a LEFT JOIN activation_end e ON e.id = a.id
          WHERE a.first_seq <= \(cut) AND ifnull(e.last_seq > \(cut), 1)
        UNION SELECT activation FROM transition_row WHERE first_seq > \(cut) AND activation IS NOT NULL
        UNION SELECT parent FROM activation_row WHERE first_seq > \(cut) AND parent IS NOT NULL
        UNION SELECT a.parent FROM named JOIN activation_row a ON a.id = named.id WHERE a.parent IS NOT NULL)
      SELECT a.id, a.first_seq FROM named JOIN activation_row a ON a.id = named.id WHERE a.first_seq <= \(cut)
      """
    return [
      "CREATE TEMP TABLE kept_call (id INTEGER PRIMARY KEY, first_seq INTEGER)", "INSERT INTO temp.kept_call \(kept)",
      """
      DELETE FROM entry_row WHERE seq <= \(cut) AND seq NOT IN (SELECT first_seq FROM temp.kept_call)
        AND site NOT IN (SELECT id FROM site WHERE kind = 'mark')
      """,
      "DELETE FROM activation_row WHERE first_seq <= \(cut) AND id NOT IN (SELECT id FROM temp.kept_call)",
      "DELETE FROM activation_end WHERE last_seq <= \(cut) AND id NOT IN (SELECT id FROM temp.kept_call)",
      "DROP TABLE temp.kept_call",
      "DELETE FROM transition_row WHERE first_seq <= \(cut)", "DELETE FROM transition_end WHERE last_seq <= \(cut)",
    ]
      + ["entry_note", "gap", "change_row", "observation_row"].map { "DELETE FROM \($0) WHERE seq <= \(cut)" } + [
        """
        DELETE FROM source_run WHERE first_seq <
          (SELECT max(first_seq) FROM source_run WHERE first_seq <= \(cut))
        """,
        "DELETE FROM snapshot_range WHERE snapshot IN (SELECT id FROM snapshot WHERE seq <= \(cut))",
        "DELETE FROM snapshot WHERE seq <= \(cut)", "DELETE FROM snapshot_leaf WHERE seq <= \(cut)",
        "DELETE FROM seal WHERE seq > 0 AND seq < \(cut)", "DELETE FROM bookmark WHERE seq < \(cut)",
        "DELETE FROM anchor", "UPDATE ownership_index SET seq = 0", "DELETE FROM ownership_block",
        "DELETE FROM ownership_count", "DELETE FROM ownership_span_row", "UPDATE audit_run SET seq = 0",
        "DELETE FROM violation",
      ]
  }

  private func insert(_ machine: AnchorMachine) throws(JournalError) {
    let header = Snapshot(
      id: AnchorMachine.snapshot, seq: machine.seq, origin: .derived, why: "anchor", registers: machine.registers,
      busyCPUs: [], guests: machine.guests)
    try insert(header)
    for range in machine.ranges { try insert(range) }
    for leaf in machine.leaves { try insert(leaf, machine.seq) }
  }
}
