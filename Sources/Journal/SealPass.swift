// Why: what seals cost is measured beside appending, on the same batches. Not here: writing them.

package import PageOwnership

/// Computes the seals of batches that it does not write.
package struct SealPass: ~Copyable {
  private var seals: SealWriter
  private var isFirst = true
  /// The head of the chain at the last entry that was taken, in hex.
  package var head: String {
    mutating get { seals.tail(WriterNotes()).seal.head.description }
  }

  /// Goes on where a journal ends. Throws ``JournalError``.
  package init(after reader: JournalReader) throws(JournalError) {
    seals = try JournalWriter.resumeSeals(reader.connection, key: nil)
  }

  /// Takes a batch without source indices. Throws ``JournalError`` `invalid` for rows that hang on no entry.
  package mutating func take(_ batch: EntryBatch) throws(JournalError) {
    var runs: [(seq: Int64, index: Int64?)] = []
    if isFirst, let first = batch.entries.first { runs.append((first.seq.rawValue, nil)) }
    isFirst = false
    try seals.take(batch, runs: runs) { _ throws(JournalError) in }
  }
}
