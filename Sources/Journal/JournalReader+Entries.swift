// Why: the hot read path: entries with what belongs to them, merged in order of seq from five statements,
// in constant memory. A transaction is held for half a second at most, so that a writer's log stays short.

import Glibc
package import PageOwnership

/// An entry with everything that hangs on it.
package struct EntryFrame: Sendable {
  /// The entry.
  package var entry = Entry(seq: SequenceNumber(0), site: SiteID(rawValue: 0))
  /// What memory did under it, in order.
  package var changes: [Change] = []
  /// What a begin entry saw, in order.
  package var observations: [Observation] = []
}

extension JournalReader {
  /// Walks entries in order.
  ///
  /// - Parameters:
  ///   - first: the first entry; nil for the first that was not pruned.
  ///   - last: the last entry; entries that a writer adds meanwhile are not seen beyond it.
  ///   - action: only entries of this transition or activation; nil for all.
  ///   - body: gets each entry with its changes and observations; false stops.
  /// - Throws: ``JournalError`` `corrupt`, `io`; and what `body` throws.
  package func forEachEntry(
    from first: SequenceNumber? = nil, through last: SequenceNumber, of action: ActionID? = nil,
    _ body: (EntryFrame) throws -> Bool
  ) throws {
    let scan = try EntryScan(connection, action)
    var frame = EntryFrame()
    var next = try first?.rawValue ?? firstSeq().rawValue
    while next <= last.rawValue {
      try scan.start(next, last.rawValue)
      let deadline = Self.now() &+ Self.longestTransaction
      while try scan.read(into: &frame) {
        guard try body(frame) else { return }
        next = frame.entry.seq.rawValue &+ 1
        if next & 255 == 0, Self.now() > deadline { break }
      }
      if scan.isAtEnd { return }
    }
  }

  /// Walks the entries of one transition or activation, from its begin to its end or the head.
  package func forEachEntry(of action: ActionID, _ body: (EntryFrame) throws -> Bool) throws {
    guard let span = try span(of: action) else { return }
    try forEachEntry(from: span.first, through: try span.last ?? headSeq(), of: action, body)
  }

  /// Walks changes alone, in order. Throws ``JournalError`` `corrupt`, `io`; and what `body` throws.
  package func forEachChange(
    from first: SequenceNumber, through last: SequenceNumber, _ body: (Change) throws -> Void
  ) throws {
    let rows = try Cursor(
      connection,
      """
      SELECT seq, ord, space, page, page_count, levels, old, new, flags, owner
      FROM change_row WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq, ord
      """, of: "change of entry")
    rows.restart(first.rawValue, last.rawValue)
    while try rows.step() { try body(RowDecoding.change(rows)) }
  }

  private static let longestTransaction: Int64 = 500_000_000

  /// Nanoseconds of a clock that never goes back.
  private static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}

/// Five statements, stepped side by side.
private final class EntryScan {
  private let entries: Cursor
  private let changes: SideCursor
  private let observations: SideCursor
  private let notes: SideCursor
  private let runs: SideCursor
  private var run: (firstSeq: Int64, firstIndex: Int64?) = (0, nil)
  private(set) var isAtEnd = false

  init(_ connection: Connection, _ action: ActionID?) throws(JournalError) {
    // The number is our own, so it may stand in the text.
    let filter = action.map { "AND action = \($0.rawValue)" } ?? ""
    entries = try Cursor(
      connection,
      """
      SELECT seq, site, action, space, page, page_count, cpu, found, outcome, result, time
      FROM entry_row WHERE seq BETWEEN ?1 AND ?2 \(filter) ORDER BY seq
      """, of: "entry")
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
      """
      SELECT first_seq, first_index FROM source_run
      WHERE first_seq >= ifnull((SELECT max(first_seq) FROM source_run WHERE first_seq <= ?1), ?1)
        AND first_seq <= ?2 ORDER BY first_seq
      """, "source run from entry")
  }

  /// Positions all of them; the entries first, so that all see one state of the journal.
  func start(_ first: Int64, _ last: Int64) throws(JournalError) {
    isAtEnd = false
    for cursor in [changes.rows, observations.rows, notes.rows, runs.rows] { cursor.reset() }
    entries.restart(first, last)
    hasEntry = try entries.step()
    for cursor in [changes, observations, notes, runs] { try cursor.start(first, last) }
  }

  private var hasEntry = false

  /// Moves to the next entry; false at the end.
  func read(into frame: inout EntryFrame) throws(JournalError) -> Bool {
    frame.changes.removeAll(keepingCapacity: true)
    frame.observations.removeAll(keepingCapacity: true)
    guard hasEntry else {
      isAtEnd = true
      entries.reset()
      return false
    }
    frame.entry = try entry()
    let seq = frame.entry.seq.rawValue
    while try changes.stands(at: seq) {
      frame.changes.append(try RowDecoding.change(changes.rows))
      try changes.advance()
    }
    while try observations.stands(at: seq) {
      frame.observations.append(try RowDecoding.observation(observations.rows))
      try observations.advance()
    }
    if try notes.stands(at: seq) { frame.entry.note = notes.rows.text(1) }
    hasEntry = try entries.step()
    return true
  }

  private func entry() throws(JournalError) -> Entry {
    var entry = try RowDecoding.entry(entries)
    while let first = runs.seq, first <= entry.seq.rawValue {
      run = (first, runs.rows.optionalNumber(1))
      try runs.advance()
    }
    entry.sourceIndex = run.firstIndex.map { $0 &+ (entry.seq.rawValue &- run.firstSeq) }
    return entry
  }
}

/// A statement whose rows hang on entries; the first column is the entry.
final class SideCursor {
  let rows: Cursor
  /// The entry of the row it stands at; nil at the end.
  private(set) var seq: Int64?

  init(_ connection: Connection, _ sql: String, _ table: String) throws(JournalError) {
    rows = try Cursor(connection, sql, of: table)
  }

  func start(_ first: Int64, _ last: Int64) throws(JournalError) {
    rows.restart(first, last)
    try advance()
  }

  @inline(__always)
  func advance() throws(JournalError) { seq = try rows.step() ? rows.number(0) : nil }

  /// Whether the row belongs to entry `wanted`; rows of entries that were left out are passed over.
  @inline(__always)
  func stands(at wanted: Int64) throws(JournalError) -> Bool {
    while let seq, seq < wanted { try advance() }
    return seq == wanted
  }
}
