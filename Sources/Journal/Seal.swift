// Why: seals as values, and as rows. Not here: what a head covers (SealWriter, ChainScan), tags (SealKey).

package import PageOwnership

/// The head of the chain at an entry.
package struct Seal: Hashable, Sendable {
  /// The entry; 0 for the facts.
  package var seq: SequenceNumber
  /// SHA-256 of everything up to it.
  package var head: ChainHash
  /// The state right after it; nil if the writer did not keep one.
  package var stateHash: StateHash?
  /// Which key of the ratchet made the tag; nil without a key.
  package var epoch: Int64?
  /// The tag; nil without a key.
  package var tag: ChainHash?
  /// A byte for each entry since the seal before.
  var marks: [UInt8] = []

  /// A seal falls due after this many entries.
  package static let interval: Int64 = 1024

  /// Makes a seal without a tag.
  init(seq: SequenceNumber, head: ChainHash, stateHash: StateHash?) {
    self.seq = seq
    self.head = head
    self.stateHash = stateHash
  }
}

/// Where the chain stood at the last commit.
package struct SealTail: Hashable, Sendable {
  /// The last entry, its head, state and tag.
  package var seal: Seal
  /// The digest of what no entry covers.
  package var rest: ChainHash
  /// The spaces that no entry up to the last seal has named.
  var loose: [SpaceID]
}

extension Seal {
  /// The seal with a tag.
  func tagged(_ key: SealKey) -> Seal {
    var seal = self
    seal.epoch = key.epoch
    seal.tag = key.tag(of: self)
    return seal
  }

  static let columns = "seq, head, state_hash, epoch, tag, marks"

  /// Reads the columns of ``columns``.
  init(_ row: Cursor) throws(JournalError) {
    seq = SequenceNumber(row.number(0))
    head = try row.coded(1) { ChainHash($0) }
    stateHash = try row.optionallyCoded(2) { StateHash($0) }
    epoch = row.optionalNumber(3)
    tag = try row.optionallyCoded(4) { ChainHash($0) }
    marks = row.bytes(5)
  }

  func bind(to row: InsertStatement) {
    row.bind(1, seq.rawValue)
    row.bind(2, head.description)
    row.bind(3, stateHash?.description)
    row.bind(4, epoch)
    row.bind(5, tag?.description)
    row.bind(6, marks)
  }
}

extension SealTail {
  /// Reads the one row; nil in a journal without seals.
  init?(_ connection: Connection) throws(JournalError) {
    let row = try Cursor(connection, "SELECT \(Seal.columns), rest, loose FROM seal_tail", of: "seal_tail")
    guard try row.step() else { return nil }
    seal = try Seal(row)
    rest = try row.coded(6) { ChainHash($0) }
    loose = try row.text(7).split(separator: " ").map { word throws(JournalError) in
      guard let number = Int32(word) else { throw row.damaged(7) }
      return SpaceID(rawValue: number)
    }
  }

  func bind(to row: InsertStatement) {
    seal.bind(to: row)
    row.bind(7, rest.description)
    row.bind(8, loose.map { "\($0.rawValue)" }.joined(separator: " "))
  }
}

extension JournalReader {
  /// Where the chain stands at the last commit; nil if an older journal has no seals.
  package func sealTail() throws(JournalError) -> SealTail? {
    try connection.hasSeals() ? SealTail(connection) : nil
  }

  /// The seal at an entry; nil if there is none. Throws ``JournalError`` `corrupt`, `io`.
  package func seal(at seq: SequenceNumber) throws(JournalError) -> Seal? { try connection.seal(at: seq) }
}

extension Connection {
  /// Whether the journal's schema has seals.
  func hasSeals() throws(JournalError) -> Bool {
    try number("SELECT count(*) FROM sqlite_schema WHERE name = 'seal_tail'") == 1
  }

  /// The newest seal at or before an entry; nil if there is none.
  func seal(through seq: SequenceNumber) throws(JournalError) -> Seal? {
    let row = try Cursor(
      self, "SELECT \(Seal.columns) FROM seal WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1", of: "seal")
    row.restart(seq.rawValue)
    return try row.step() ? try Seal(row) : nil
  }
}
