// Why: the index is a replay written down: entries in, rows out, at the end of an import, by `custody index`
// and, to compare, by `verify`. Not here: which rows are due (Analysis), how they are stored (Journal).

import Analysis
package import Journal
package import PageOwnership
import PageTables

/// Makes the rows of an index by a replay.
struct IndexRowSource {
  private let reader: JournalReader

  init(_ reader: JournalReader) { self.reader = reader }

  /// Rows that are handed on at once.
  static let batchSize = 1 << 17

  /// Replays through `last`; `body` gets batches of rows in no order, `shouldStop` is asked now and then.
  ///
  /// Returns false if it was stopped.
  func forEachBatch(
    through last: SequenceNumber, shouldStop: () -> Bool = { false }, _ body: (OwnershipRows) throws -> Void
  ) throws -> Bool {
    var replay = try JournalReplay(reader)
    var tracker = try replay.makeTracker()
    var isStopped = false
    try replay.follow(through: last) { frame, _, replay in
      replay.tell(&tracker)
      if tracker.rows.count >= Self.batchSize { try body(tracker.takeRows()) }
      isStopped = frame.entry.seq.rawValue & 1023 == 0 && shouldStop()
      return !isStopped
    }
    if isStopped { return false }
    tracker.finish()
    try body(tracker.takeRows())
    return true
  }
}

/// Writes the index of a journal.
package struct IndexBuild {
  /// Up to which entry the index was valid before; 0 if it was built from nothing.
  package private(set) var start = SequenceNumber(0)
  /// How many rows were written.
  package private(set) var rowCount = 0

  /// Brings the index up to the last durable entry.
  ///
  /// - Parameters:
  ///   - isFresh: begins anew even if a valid index is there.
  ///   - shouldStop: asked now and then; a build that was stopped leaves no index.
  /// - Returns: what was done; nil if it was stopped.
  /// - Throws: ``JournalError``; a ``CommandFailure`` if the journal names no rules.
  package static func run(
    _ writer: JournalWriter, isFresh: Bool, shouldStop: () -> Bool = { false }
  ) throws -> IndexBuild? {
    let reader = try JournalReader(at: writer.path)
    let last = writer.durableSeq
    var build = IndexBuild()
    if !isFresh, let valid = try reader.indexedSeq() { build.start = valid }
    // An empty journal has nothing to index.
    if last.rawValue == 0 || build.start >= last { return build }
    try writer.beginIndex(after: build.start)
    let start = build.start
    let isDone = try IndexRowSource(reader).forEachBatch(through: last, shouldStop: shouldStop) { rows in
      let new = start.rawValue > 0 ? rows.behind(start) : rows
      build.rowCount += new.count
      try writer.appendIndex(new)
    }
    guard isDone else { return nil }
    try writer.finishIndex(at: last)
    return build
  }
}

extension OwnershipRows {
  /// The rows that an index valid to an entry does not have yet.
  fileprivate func behind(_ seq: SequenceNumber) -> OwnershipRows {
    var new = OwnershipRows()
    new.blocks = blocks.filter { $0.seq > seq }
    new.counts = counts.filter { $0.seq > seq }
    new.spans = spans.filter { $0.to.map { $0 > seq } ?? true }
    return new
  }
}

extension JournalReplay {
  /// A tracker for this replay, which must not have taken an entry yet.
  mutating func makeTracker(keepsRows: Bool = true) throws -> OwnershipTracker {
    replay.recordWrites()
    return OwnershipTracker(
      lives: try source.reader.guestLives(), replay.image, after: replay.lastSeq, keepsRows: keepsRows)
  }
}

extension JournalReader {
  /// When guests lived.
  func guestLives() throws -> GuestLives {
    GuestLives(try spaces().map { GuestLives.Life(space: $0.space, born: $0.bornSeq, died: $0.diedSeq) })
  }
}
