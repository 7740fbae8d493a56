// Why: the statements of a ChainScan, stepped side by side. Tables keyed by seq are merged; tables keyed by
// the number of an action are almost in order of seq, and are followed without trusting that.

import PageOwnership

/// All statements of a scan.
final class ChainCursors {
  let entries: SideCursor
  let changes: SideCursor
  let observations: SideCursor
  let notes: SideCursor
  let runs: SideCursor
  let gaps: SideCursor
  let activations: ActionCursor
  let transitions: ActionCursor
  let activationEnds: ActionCursor
  let transitionEnds: ActionCursor
  let deaths: SideCursor
  let snapshots: SideCursor
  let ranges: Cursor

  init(_ connection: Connection) throws(JournalError) {
    entries = try SideCursor(
      connection,
      """
      SELECT seq, site, action, space, page, page_count, cpu, found, outcome, result, time
      FROM entry_row WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq
      """, "entry")
    changes = try SideCursor(
      connection,
      """
      SELECT seq, ord, space, page, page_count, levels, old, new, flags, owner
      FROM change_row WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq, ord
      """, "change of entry")
    observations = try SideCursor(
      connection,
      """
      SELECT seq, ord, page, page_count, frame, host, hyp, guest_space, guest_page, guest, levels, flags
      FROM observation_row WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq, ord
      """, "observation of entry")
    notes = try SideCursor(
      connection, "SELECT seq, text FROM entry_note WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq", "note of entry")
    runs = try SideCursor(
      connection,
      "SELECT first_seq, first_index FROM source_run WHERE first_seq BETWEEN ?1 AND ?2 ORDER BY first_seq",
      "source run from entry")
    gaps = try SideCursor(
      connection, "SELECT seq, missing, first_index, why FROM gap WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq",
      "gap of entry")
    activations = try ActionCursor(
      connection, "SELECT id, first_seq, parent, kind, x1, x2, x3, x4, x5, x6, arguments FROM activation_row")
    transitions = try ActionCursor(
      connection,
      """
      SELECT id, first_seq, activation, source_space, source_address, target_space, target_address, page_count,
        arguments
      FROM transition_row
      """)
    activationEnds = try ActionCursor(connection, "SELECT id, last_seq, result FROM activation_end")
    transitionEnds = try ActionCursor(
      connection, "SELECT id, last_seq, outcome, result, failed_seq FROM transition_end")
    deaths = try SideCursor(
      connection, "SELECT died_seq, space FROM space_end WHERE died_seq BETWEEN ?1 AND ?2 ORDER BY died_seq, space",
      "death of space at")
    snapshots = try SideCursor(
      connection,
      """
      SELECT seq, id, why, registers, busy_cpus, guests
      FROM snapshot WHERE origin = 'observed' AND seq BETWEEN ?1 AND ?2 ORDER BY seq, id
      """, "snapshot of entry")
    ranges = try Cursor(
      connection,
      """
      SELECT snapshot, ord, space, kind, page, page_count, level, raw
      FROM snapshot_range WHERE snapshot = ?1 ORDER BY ord
      """, of: "range of snapshot")
  }

  private var bySeq: [SideCursor] { [entries, changes, observations, notes, runs, gaps, deaths, snapshots] }
  private var byAction: [ActionCursor] { [activations, transitions, activationEnds, transitionEnds] }

  /// Positions all of them; the entries first, so that all see one state of the journal.
  func start(from first: Int64, through last: Int64) throws(JournalError) {
    reset()
    for cursor in bySeq { try cursor.start(first, last) }
  }

  /// Lets go of the read transaction.
  func reset() {
    for cursor in bySeq { cursor.rows.reset() }
    for cursor in byAction { cursor.reset() }
    ranges.reset()
  }
}

/// A statement whose rows hang on actions; found by number, cheaply when the numbers come almost in order.
final class ActionCursor {
  let rows: Cursor
  /// The entry that the found row names.
  private(set) var seq: Int64 = 0
  /// The row it stands at; nil before the first search and at the end.
  private var current: Int64?
  /// There is no row between this number and ``current``.
  private var low = Int64.max

  /// Its first columns are the action and the entry.
  init(_ connection: Connection, _ sql: String) throws(JournalError) {
    rows = try Cursor(connection, sql + " WHERE id >= ?1 ORDER BY id", of: "action")
  }

  /// Moves to the row of an action; false if there is none.
  @inline(__always)
  func find(_ id: Int64) throws(JournalError) -> Bool {
    if current == id { return true }
    if id > low, current ?? .max > id { return false }
    return try search(id)
  }

  private func search(_ id: Int64) throws(JournalError) -> Bool {
    // The next row is most often the one.
    if let current, current < id {
      low = current
      try step()
      if let current = self.current, current >= id { return current == id }
      if self.current == nil { return false }
    }
    rows.restart(id)
    low = id &- 1
    try step()
    return current == id
  }

  private func step() throws(JournalError) {
    guard try rows.step() else {
      current = nil
      return
    }
    current = rows.number(0)
    seq = rows.number(1)
  }

  /// Lets go of the read transaction.
  func reset() {
    rows.reset()
    current = nil
    low = .max
  }
}
