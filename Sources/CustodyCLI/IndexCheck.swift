// Why: whoever answers from the index relies on every row of it: all of them are made again by a replay and
// compared. Not here: mending, which `custody index --rebuild` does.

import Journal
import PageOwnership

/// Compares the index of a journal with a replay.
struct IndexCheck {
  private let reader: JournalReader
  /// Up to which entry the index is valid; nil if there is none.
  private(set) var validTo: SequenceNumber?
  /// How many rows were compared, and what was found.
  private(set) var compared: Int64 = 0
  private(set) var findings: [IntegrityFinding] = []

  init(_ reader: JournalReader) { self.reader = reader }

  /// Replays as far as the index goes, and compares.
  consuming func run() throws -> IndexCheck {
    guard let last = try reader.indexedSeq() else { return self }
    validTo = last
    let head = try reader.headSeq()
    guard last <= head else {
      findings = [
        IntegrityFinding(
          structure: "ownership_index", message: "valid to entry \(last.rawValue), the journal ends at \(head.rawValue)"
        )
      ]
      return self
    }
    let comparison = try IndexComparison(reader)
    _ = try IndexRowSource(reader).forEachBatch(through: last) { try comparison.compare($0) }
    for table in try comparison.tablesWithMore() {
      var keys: Set<[Int64]> = []
      _ = try IndexRowSource(reader).forEachBatch(through: last) {
        keys.formUnion(IndexComparison.keys(of: table, in: $0))
      }
      try comparison.findExtra(in: table, keys: keys)
    }
    compared = comparison.rowCount
    findings = comparison.findings
    return self
  }
}
