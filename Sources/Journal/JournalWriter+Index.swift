// Why: the index is written late, in batches sorted by key, and is believed only when the last of them is
// durable: until then its stamp says that there is none. Not here: what the rows are (Analysis).

package import PageOwnership

extension JournalWriter {
  /// Begins to write the index: from nothing after entry 0, else behind what is there up to entry `last`.
  ///
  /// Spans that were open then are to be written again. Throws ``JournalError``.
  package func beginIndex(after last: SequenceNumber) throws(JournalError) {
    try performDerived { () throws(JournalError) in
      try connection.execute("UPDATE ownership_index SET seq = 0", "begin the index")
      if last.rawValue > 0 {
        try connection.execute("DELETE FROM ownership_span_row WHERE to_seq IS NULL", "reopen the index")
      } else {
        for table in ["ownership_block", "ownership_count", "ownership_span_row"] {
          try connection.execute("DELETE FROM \(table)", "clear the index")
        }
      }
    }
  }

  /// Writes rows of the index, sorted by key, and makes them durable. Throws ``JournalError``.
  package func appendIndex(_ rows: consuming OwnershipRows) throws(JournalError) {
    rows.sort()
    let sorted = rows
    try performDerived { () throws(JournalError) in
      for row in sorted.blocks { try insert(row) }
      for row in sorted.counts { try insert(row) }
      for row in sorted.spans { try insert(row) }
    }
  }

  /// Ends the index: from now on it is valid up to entry `last`. Throws ``JournalError``.
  package func finishIndex(at last: SequenceNumber) throws(JournalError) {
    try performDerived { () throws(JournalError) in
      try connection.execute("UPDATE ownership_index SET seq = \(last.rawValue)", "end the index")
    }
  }

  /// Writes derived rows, and makes them durable.
  func performDerived(_ body: () throws(JournalError) -> Void) throws(JournalError) {
    try beginGroup()
    do throws(JournalError) {
      try body()
    } catch {
      throw poison(error)
    }
    try commit()
  }

  private func insert(_ block: OwnershipBlock) throws(JournalError) {
    let row = statements.ownershipBlock
    row.bind(1, Int64(block.space.rawValue))
    row.bind(2, Int64(block.level))
    row.bind(3, word: block.page.rawValue)
    row.bind(4, block.seq.rawValue)
    row.bind(5, (block.holding.state?.rawValue).map { Int64($0) })
    row.bind(6, block.holding.owner?.code)
    row.bind(7, word: block.holding.owner?.page?.rawValue)
    row.bind(8, word: block.holding.frame?.rawValue)
    try row.run()
  }

  private func insert(_ block: CountBlock) throws(JournalError) {
    let row = statements.ownershipCount
    row.bind(1, Int64(block.field.rawValue))
    row.bind(2, Int64(block.level))
    row.bind(3, word: block.page.rawValue)
    row.bind(4, block.seq.rawValue)
    row.bind(5, block.count.map { Int64($0) })
    try row.run()
  }

  private func insert(_ span: OwnershipSpan) throws(JournalError) {
    let row = statements.ownershipSpan
    row.bind(1, Int64(span.space.rawValue))
    row.bind(2, word: span.pages.first.rawValue)
    row.bind(3, span.from.rawValue)
    row.bind(4, word: span.pages.count == 1 ? nil : span.pages.count)
    row.bind(5, (span.holding.state?.rawValue).map { Int64($0) })
    row.bind(6, span.holding.owner?.code)
    row.bind(7, word: span.holding.owner?.page?.rawValue)
    row.bind(8, word: span.holding.frame?.rawValue)
    row.bind(9, span.to?.rawValue)
    try row.run()
  }
}

extension OwnershipRows {
  fileprivate mutating func sort() {
    blocks.sort { ($0.space, $0.level, $0.page, $0.seq) < ($1.space, $1.level, $1.page, $1.seq) }
    counts.sort { ($0.field.rawValue, $0.level, $0.page, $0.seq) < ($1.field.rawValue, $1.level, $1.page, $1.seq) }
    spans.sort { ($0.space, $0.pages.first, $0.from) < ($1.space, $1.pages.first, $1.from) }
  }
}
