// Why: what a check of a journal is asked and what it answers, as values that name every table. Not here:
// the checking (ChainCheck), the words (CustodyCLI).

package import PageOwnership

/// Something in a journal that does not hold.
package struct IntegrityFinding: Hashable, Sendable {
  /// The table, view or file that it is about.
  package var structure: String
  /// What does not hold, with the first place where it does not.
  package var message: String
  /// The entry, or the number of the row, where it does not; nil where there is none to name.
  package var place: Int64?

  /// Makes a finding.
  package init(structure: String, message: String, place: Int64? = nil) {
    self.structure = structure
    self.message = message
    self.place = place
  }
}

/// How many rows of a table were looked at.
package struct TableCoverage: Hashable, Sendable {
  /// The table.
  package var table: String
  /// Rows in it, up to the last entry that was checked.
  package var present: Int64
  /// Rows that were checked.
  package var checked: Int64
  /// Why the others were left out; nil if none may be.
  package var skipped: String?

  /// Makes a count.
  package init(table: String, present: Int64, checked: Int64, skipped: String? = nil) {
    self.table = table
    self.present = present
    self.checked = checked
    self.skipped = skipped
  }
}

/// What a check must find at an entry.
package struct ExpectedHead: Hashable, Sendable {
  /// The entry; nil: any seal, or the end.
  package var seq: SequenceNumber?
  /// The head there; nil: the entry must be there.
  package var head: ChainHash?

  /// Reads `SEQ`, `HEAD` or `SEQ:HEAD`; nil for anything else.
  package init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    if parts.count == 1, let head = ChainHash(parts[0]) {
      self.head = head
      return
    }
    guard (1...2).contains(parts.count), let number = Int64(parts[0]), number >= 0 else { return nil }
    seq = SequenceNumber(number)
    guard parts.count == 2 else { return }
    guard let head = ChainHash(parts[1]) else { return nil }
    self.head = head
  }
}

/// What a check found.
package struct JournalCheck: Sendable {
  /// The last entry that was checked: the last one committed when the check began.
  package var seq = SequenceNumber(0)
  /// The entry behind which a pruned journal begins; nil in one that has its beginning.
  package var anchor: SequenceNumber?
  /// The head of the chain there, recomputed; nil if the journal has no seals.
  package var head: ChainHash?
  /// The state hash stored there; nil if none is.
  package var stateHash: StateHash?
  /// What does not hold.
  package var findings: [IntegrityFinding] = []
  /// Rows by table.
  package var coverage: [TableCoverage] = []
  /// Seals whose head was recomputed, and how many of them have a tag that a key was held against.
  package var sealCount: Int64 = 0
  /// Tags that were recomputed.
  package var tagCount: Int64 = 0
  /// What could not be checked, each with the reason.
  package var skipped: [String] = []
  /// Whether the last writer closed in order.
  package var isClean = false
  /// Whether a group that was acknowledged could be missing at the end without leaving a trace.
  package var isEndProven = false
}
