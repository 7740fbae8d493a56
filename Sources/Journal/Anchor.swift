// Why: a journal whose beginning was dropped begins behind an anchor: the entry, what a check needs to go on with the
// chain from there, and a digest of all that was kept from before. Not here: dropping (JournalWriter+Prune), the rows
// that the digest covers (AnchorRows).

package import PageOwnership

/// Where a pruned journal begins.
package struct Anchor: Hashable, Sendable {
  /// The last entry that was dropped.
  package var seq: SequenceNumber
  /// Nanoseconds of the last dropped entry that told any; nil if none did.
  package var time: Int64?
  /// The own snapshot with the raw words of all tables right after ``seq``.
  package var snapshot: Int64
  /// How much of the tables is known there.
  package var knowledge: Knowledge
  /// The last space that a dropped entry has named.
  var lastSpace: SpaceID
  /// The spaces before it that none has named.
  var loose: [SpaceID]
  /// SHA-256 of the above and of what was kept.
  var digest = ChainHash([])
  /// Which key of the ratchet made the tag; nil without a key.
  var epoch: Int64?
  /// The tag; nil without a key.
  var tag: ChainHash?

  /// How much of the tables a recording has shown.
  package enum Knowledge: Int64, Hashable, Sendable {
    /// What calls and changes saw, nothing more.
    case partial = 0
    /// A snapshot had shown the tables; something may have been forgotten since.
    case shown = 1
    /// Every page of every table.
    case whole = 2
  }

  /// The first entry that is there, if any is.
  package var firstSeq: SequenceNumber { SequenceNumber(seq.rawValue &+ 1) }

  /// Whether no dropped entry has named a space.
  func isLoose(_ space: SpaceID) -> Bool { space > lastSpace || loose.contains(space) }
}

extension Anchor {
  static let columns = "seq, time, snapshot, known, last_space, loose, digest, epoch, tag"

  /// Reads the columns of ``columns``. An anchor stands at a seal.
  init(_ row: Cursor) throws(JournalError) {
    let number = row.number(0)
    guard number > 0, number % Seal.interval == 0 else { throw row.damaged(0) }
    seq = SequenceNumber(number)
    time = row.optionalNumber(1)
    snapshot = row.number(2)
    guard let known = Knowledge(rawValue: row.number(3)) else { throw row.damaged(3) }
    knowledge = known
    lastSpace = SpaceID(rawValue: try row.exact(4, as: Int32.self))
    loose = try row.text(5).split(separator: " ").map { word throws(JournalError) in
      guard let number = Int32(word) else { throw row.damaged(5) }
      return SpaceID(rawValue: number)
    }
    digest = try row.coded(6) { ChainHash($0) }
    epoch = row.optionalNumber(7)
    tag = try row.optionallyCoded(8) { ChainHash($0) }
  }

  func bind(to row: InsertStatement) {
    row.bind(1, seq.rawValue)
    row.bind(2, time)
    row.bind(3, snapshot)
    row.bind(4, knowledge.rawValue)
    row.bind(5, Int64(lastSpace.rawValue))
    row.bind(6, loose.map { "\($0.rawValue)" }.joined(separator: " "))
    row.bind(7, digest.description)
    row.bind(8, epoch)
    row.bind(9, tag?.description)
  }
}

extension Connection {
  /// Whether the journal's schema has anchors.
  func hasAnchors() throws(JournalError) -> Bool {
    try number("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'anchor'") != nil
  }

  /// The anchor; nil in a journal that has its beginning.
  func anchor() throws(JournalError) -> Anchor? {
    guard try hasAnchors() else { return nil }
    let row = try Cursor(self, "SELECT \(Anchor.columns) FROM anchor", of: "anchor")
    return try row.step() ? try Anchor(row) : nil
  }

  /// The seal at an entry; nil if there is none.
  func seal(at seq: SequenceNumber) throws(JournalError) -> Seal? {
    guard let seal = try seal(through: seq), seal.seq == seq else { return nil }
    return seal
  }
}

extension JournalReader {
  /// The anchor; nil in a journal that has its beginning. Throws ``JournalError`` `corrupt`, `io`.
  package func anchor() throws(JournalError) -> Anchor? { try connection.anchor() }

  /// The calls that began before the anchor and return behind it, in order. Throws ``JournalError`` `corrupt`, `io`.
  package func callsAcrossAnchor() throws(JournalError) -> [Activation] {
    guard let anchor = try anchor() else { return [] }
    let rows = try Cursor(
      connection,
      "SELECT a.id FROM activation_row a JOIN activation_end e ON e.id = a.id WHERE first_seq <= ?1 AND last_seq > ?1")
    rows.restart(anchor.seq.rawValue)
    let lookup = try ActionLookup(self)
    var calls: [Activation] = []
    while try rows.step() {
      if let (call, _) = try lookup.activation(ActionID(rows.number(0))) { calls.append(call) }
    }
    return calls
  }

  /// Refuses a moment before the anchor; the one of the anchor itself is known.
  ///
  /// - Throws: ``JournalError`` `pruned`, naming what is gone; `corrupt`, `io`.
  package func checkNotPruned(_ seq: SequenceNumber) throws(JournalError) {
    guard let anchor = try anchor(), seq < anchor.seq else { return }
    throw anchor.refusal(path, "entry \(seq.rawValue)")
  }
}

extension Anchor {
  /// What to say to whoever asks for something that was dropped.
  package func refusal(_ path: String, _ what: String) -> JournalError {
    JournalError(
      .pruned, "\(path): \(what) was pruned: entries 1 to \(seq.rawValue) are gone",
      hint: "ask from entry \(seq.rawValue) on, or a copy of the journal from before it was pruned")
  }
}
