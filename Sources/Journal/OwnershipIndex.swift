// Why: who holds a page after an entry, from the index: one seek a level, no replay. Rows are checked as
// all rows are. Not here: what the answers mean together (CustodyCLI), building the index (Analysis).

import Glibc
package import PageOwnership

/// The index of a journal, as far as it is valid. One owner, one thread at a time.
package final class OwnershipIndex {
  /// The last entry that it covers.
  package let validTo: SequenceNumber
  private let connection: Connection
  private let spans: Cursor
  private let blocks: Cursor
  private let counts: Cursor
  private let spanFrames: Cursor
  private let blockFrames: Cursor
  private let begin: Cursor
  private let end: Cursor
  private var levels: [LevelKey: [UInt8]] = [:]
  private var deadline: Int64 = 0

  private struct LevelKey: Hashable {
    var table: String
    var key: Int64
  }

  /// Opens the index of a journal; nil if it has none that covers anything. Throws ``JournalError``.
  package init?(_ reader: JournalReader) throws(JournalError) {
    guard let last = try reader.indexedSeq() else { return nil }
    validTo = last
    connection = reader.connection
    spans = try Cursor(
      connection,
      """
      SELECT from_seq, state, owner, owner_page, frame FROM ownership_span_row
      WHERE space = ?1 AND first_page = ?2 AND from_seq <= ?3 ORDER BY from_seq DESC LIMIT 1
      """, of: "ownership_span from entry")
    blocks = try Cursor(
      connection,
      """
      SELECT seq, state, owner, owner_page, frame FROM ownership_block
      WHERE space = ?1 AND level = ?2 AND page = ?3 AND seq <= ?4 ORDER BY seq DESC LIMIT 1
      """, of: "ownership_block of entry")
    counts = try Cursor(
      connection,
      """
      SELECT seq, count FROM ownership_count
      WHERE field = ?1 AND level = ?2 AND page = ?3 AND seq <= ?4 ORDER BY seq DESC LIMIT 1
      """, of: "ownership_count of entry")
    spanFrames = try Cursor(
      connection,
      """
      SELECT DISTINCT space, first_page FROM ownership_span_row
      WHERE frame IS NOT NULL AND frame = ?1 AND space BETWEEN ?2 AND ?3
      """, of: "ownership_span of space")
    blockFrames = try Cursor(
      connection,
      """
      SELECT DISTINCT space, page FROM ownership_block
      WHERE frame IS NOT NULL AND frame = ?1 AND space BETWEEN ?2 AND ?3 AND level = ?4
      """, of: "ownership_block of space")
    begin = try Cursor(connection, "BEGIN")
    end = try Cursor(connection, "COMMIT")
  }

  deinit { release() }

  /// What a space holds of a page right after `seq`, and the entry that made it so; nil if it never was there.
  ///
  /// Throws ``JournalError`` `corrupt`, `io`.
  package func holding(
    of space: SpaceID, _ page: PageFrame, at seq: SequenceNumber
  ) throws(JournalError) -> (holding: IndexedHolding, since: SequenceNumber)? {
    try holdTransaction()
    var newest: Int64 = -1
    var found: IndexedHolding?
    let space = Int64(space.rawValue)
    spans.restart(space, Int64(bitPattern: page.rawValue), seq.rawValue)
    if try spans.step() {
      newest = spans.number(0)
      found = try IndexRowDecoding.holding(spans, from: 1)
    }
    for level in try levels(of: "ownership_block", "space", space) {
      let first = OwnershipLevel.start(of: page.rawValue, level)
      blocks.restart(space, Int64(level), Int64(bitPattern: first), seq.rawValue)
      guard try blocks.step(), blocks.number(0) > newest else { continue }
      newest = blocks.number(0)
      found = try IndexRowDecoding.holding(blocks, from: 1).advanced(by: page.rawValue - first)
    }
    return found.map { ($0, SequenceNumber(newest)) }
  }

  /// A counter of a page right after `seq`, nil if unknown, and the entry that made it so; nil if nothing ever did.
  ///
  /// Throws ``JournalError`` `corrupt`, `io`.
  package func count(
    _ field: StateField, of page: PageFrame, at seq: SequenceNumber
  ) throws(JournalError) -> (count: UInt32?, since: SequenceNumber?) {
    try holdTransaction()
    var newest: Int64 = -1
    var found: UInt32?
    for level in try levels(of: "ownership_count", "field", Int64(field.rawValue)) {
      let first = OwnershipLevel.start(of: page.rawValue, level)
      counts.restart(Int64(field.rawValue), Int64(level), Int64(bitPattern: first), seq.rawValue)
      guard try counts.step(), counts.number(0) > newest else { continue }
      newest = counts.number(0)
      found = try counts.optionalExact(1, as: UInt32.self)
    }
    return (found, newest > 0 ? SequenceNumber(newest) : nil)
  }

  /// The guest pages among `spaces` that ever had `page` behind them. Throws ``JournalError`` `corrupt`, `io`.
  package func guestPages(
    behind page: PageFrame, in spaces: ClosedRange<SpaceID>
  ) throws(JournalError) -> [GuestPage] {
    try holdTransaction()
    var found: [GuestPage] = []
    for level in OwnershipLevel.all {
      let first = OwnershipLevel.start(of: page.rawValue, level)
      let rows = level == 0 ? spanFrames : blockFrames
      rows.restart(
        Int64(bitPattern: first), Int64(spaces.lowerBound.rawValue), Int64(spaces.upperBound.rawValue), Int64(level))
      while try rows.step() {
        let space = SpaceID(rawValue: try rows.exact(0, as: Int32.self))
        found.append(GuestPage(space, PageFrame(rows.word(1) &+ (page.rawValue - first))))
      }
    }
    return found
  }

  /// Lets a writer's log be cut; the next question begins a new transaction.
  package func release() {
    guard deadline > 0 else { return }
    for cursor in [spans, blocks, counts, spanFrames, blockFrames] { cursor.reset() }
    deadline = 0
    _ = try? end.step()
    end.reset()
  }

  // One transaction for many questions: to begin one costs more than a question. Not for long, so that a writer's
  // log stays short.
  private func holdTransaction() throws(JournalError) {
    let now = Self.now()
    if now < deadline { return }
    release()
    _ = try begin.step()
    begin.reset()
    deadline = now &+ Self.longestTransaction
  }

  private func levels(of table: String, _ column: String, _ key: Int64) throws(JournalError) -> [UInt8] {
    let place = LevelKey(table: table, key: key)
    if let known = levels[place] { return known }
    var found: [UInt8] = []
    let row = try Cursor(connection, "SELECT 1 FROM \(table) WHERE \(column) = ?1 AND level = ?2 LIMIT 1")
    for level in OwnershipLevel.all {
      row.restart(key, Int64(level))
      if try row.step() { found.append(level) }
    }
    levels[place] = found
    return found
  }

  private static let longestTransaction: Int64 = 500_000_000

  private static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}

/// Makes values of rows of the index.
enum IndexRowDecoding {
  /// State, owner, the page that it names, and the frame, in columns from `first` on.
  static func holding(_ row: Cursor, from first: Int32) throws(JournalError) -> IndexedHolding {
    var holding = IndexedHolding(state: nil)
    if let code = try row.optionalExact(first, as: UInt8.self) {
      guard let state = PageState(rawValue: code) else { throw row.damaged(first) }
      holding.state = state
    }
    if let code = row.optionalNumber(first + 1) {
      let page = row.optionalWord(first + 2).map { PageFrame($0) }
      guard let owner = IndexedOwner(code: code, page: page) else { throw row.damaged(first + 1) }
      holding.owner = owner
    }
    holding.frame = row.optionalWord(first + 3).map { PageFrame($0) }
    return holding
  }
}

extension JournalReader {
  /// The entry up to which the index is valid; nil if there is none. Throws ``JournalError``.
  package func indexedSeq() throws(JournalError) -> SequenceNumber? {
    guard try schemaVersion() >= 2, let seq = try connection.number("SELECT seq FROM ownership_index"), seq > 0 else {
      return nil
    }
    return SequenceNumber(seq)
  }
}
