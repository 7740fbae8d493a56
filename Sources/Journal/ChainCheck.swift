// Why: recomputes what the seals say, in one pass that a live journal does not notice: the end is fixed first,
// then entries are read in short transactions. Not here: SQLite's own structures (JournalReader+Integrity),
// states (the caller, who is told of each entry and seal).

package import PageOwnership

/// What was in a journal when a check of it began; rows that come later are not looked at.
package struct CheckedJournal: Sendable {
  /// The last entry.
  package var seq: SequenceNumber
  /// The spaces.
  package var spaces: [SpaceLife]
  /// Where the import stood, as the importer wrote it; nil if there was none.
  package var importState: String?
}

/// What a check tells on its way.
package struct CheckObserver {
  /// Gets what was there when the check began, before any entry.
  package var begin: (CheckedJournal) throws -> Void
  /// Gets each entry with its rows, without note and source index; nothing more after one that cannot be decoded.
  package var entry: (borrowing EntryFrame, Site) throws -> Void
  /// Gets each seal right after its entry, and the end like one.
  package var seal: (Seal) throws -> Void
  /// Asked now and then; true stops the check.
  package var isCancelled: () -> Bool

  /// Makes an observer.
  package init(
    begin: @escaping (CheckedJournal) throws -> Void,
    entry: @escaping (borrowing EntryFrame, Site) throws -> Void, seal: @escaping (Seal) throws -> Void,
    isCancelled: @escaping () -> Bool = { false }
  ) {
    self.begin = begin
    self.entry = entry
    self.seal = seal
    self.isCancelled = isCancelled
  }
}

/// What was there when the check began.
struct CheckStart {
  var tail: SealTail?
  var last: SequenceNumber
  var genesis: Seal
  /// Where a pruned journal begins, and what it kept from before.
  var anchor: Anchor?
  var anchorRows: AnchorRows?
  /// The seal that the chain goes on from: of the anchor, or the genesis.
  var base: Seal
  var spaces: [SpaceLife]
  var notes: WriterNotes
  var source: ChainSource

  /// Reads it in one transaction.
  init(_ connection: Connection) throws(JournalError) {
    try connection.execute("BEGIN", "read")
    defer { try? connection.execute("COMMIT", "read") }
    tail = try connection.hasSeals() ? SealTail(connection) : nil
    last = try connection.headSeq()
    genesis = try Genesis.seal(connection)
    anchor = try connection.anchor()
    base = genesis
    if let anchor {
      anchorRows = try AnchorRows(anchor, connection)
      base =
        try connection.seal(at: anchor.seq) ?? Seal(seq: anchor.seq, head: ChainHash([]), stateHash: nil)
    }
    spaces = try connection.spaces()
    notes = try WriterNotes(connection)
    source = try ChainSource(connection)
  }
}

/// Holds the chain against the seals.
struct ChainCheck: ~Copyable {
  private let connection: Connection
  private let start: CheckStart
  private let expected: [ExpectedHead]
  private var key: SealKey?
  private var scan: ChainScan
  private var matched: Set<ExpectedHead> = []
  private var isDecoding: Bool
  private(set) var check: JournalCheck

  init(
    _ connection: Connection, _ start: CheckStart, key: SealKey?, expected: [ExpectedHead], base: JournalCheck,
    decodes: Bool
  ) {
    self.connection = connection
    self.start = start
    self.expected = expected
    self.key = key
    isDecoding = decodes
    scan = ChainScan(
      start.source, after: start.base, through: start.last, spaces: SpaceBook(start.spaces, behind: start.anchor),
      decodes: decodes)
    check = base
    check.seq = start.last
  }

  /// Reads everything up to the end that was fixed.
  mutating func run(_ observer: CheckObserver?) throws {
    try observer?.begin(
      CheckedJournal(seq: start.last, spaces: start.spaces, importState: start.notes.importState))
    try checkGenesis()
    try checkAnchor(observer)
    while try scan.next() {
      if isDecoding { isDecoding = scan.isDecoded }
      if isDecoding, let observer, let site = scan.sites[scan.frame.entry.site] {
        try observer.entry(scan.frame, site)
      }
      expect(at: scan.seq)
      if scan.isSealDue { try checkSeal(observer) }
      if scan.seq.rawValue & 0xfff == 0, observer?.isCancelled() == true {
        throw JournalError(.interrupted, "stopped after entry \(scan.seq.rawValue)")
      }
    }
    scan.close()
    try checkTail(observer)
    for head in expected where !matched.contains(head) { noteUnmet(head) }
    check.findings += scan.findings.all
    if start.tail != nil {
      check.coverage = [
        TableCoverage(table: "seal", present: check.sealCount, checked: check.sealCount),
        TableCoverage(table: "seal_tail", present: 1, checked: 1),
      ]
    }
    var taken = scan.taken
    if let kept = start.anchorRows { taken.add(kept.tally) }
    check.coverage += try ChainCoverage.rows(connection, taken, start, isLive: !check.isClean)
  }

  private mutating func checkGenesis() throws(JournalError) {
    guard let tail = start.tail else { return }
    expect(at: SequenceNumber(0))
    if tail.seal.seq != start.last {
      note("seal_tail", "it ends at entry \(tail.seal.seq.rawValue), the entries at \(start.last.rawValue)", start.last)
    }
    guard let stored = try connection.seal(through: SequenceNumber(0)), stored.seq.rawValue == 0 else {
      return note("seal", "the seal of the facts is missing", SequenceNumber(0))
    }
    if stored.head != start.genesis.head {
      note("fact", "facts, regions or fixed spaces are not those that were sealed", SequenceNumber(0))
    }
    if !stored.marks.isEmpty { note("seal", "the seal of the facts has marks", SequenceNumber(0)) }
    if stored.stateHash != .empty { note("seal", "the seal of the facts has another state", SequenceNumber(0)) }
    checkTag(stored)
    check.sealCount += 1
  }

  // What was kept from before is under one digest; from its seal the chain goes on.
  private mutating func checkAnchor(_ observer: CheckObserver?) throws {
    guard let anchor = start.anchor, let rows = start.anchorRows else { return }
    check.anchor = anchor.seq
    guard let stored = try connection.seal(at: anchor.seq) else {
      return note(
        "anchor", "the seal at entry \(anchor.seq.rawValue), where the journal begins, is missing", anchor.seq)
    }
    if rows.digest != anchor.digest {
      note(
        "anchor", "what was kept of the entries up to \(anchor.seq.rawValue) is not what it was when they were pruned",
        anchor.seq)
    }
    expect(at: anchor.seq)
    checkTag(stored, jump: Self.longestJump(over: anchor.seq.rawValue))
    checkTag(of: anchor)
    check.sealCount += 1
    try observer?.seal(stored)
  }

  private mutating func checkSeal(_ observer: CheckObserver?) throws {
    guard start.tail != nil else { return }
    let computed = scan.sealHere()
    guard let stored = try connection.seal(through: scan.seq), stored.seq == scan.seq else {
      note("seal", "the seal of entry \(scan.seq.rawValue) is missing", scan.seq)
      return scan.restart(after: computed)
    }
    check.sealCount += 1
    compare(computed, stored, "seal")
    checkTag(stored)
    try observer?.seal(stored)
    // What follows is judged by itself.
    scan.restart(after: stored)
  }

  private mutating func checkTail(_ observer: CheckObserver?) throws {
    guard let tail = start.tail else { return }
    let computed = scan.sealHere()
    check.head = computed.head
    check.stateHash = tail.seal.stateHash
    if tail.seal.seq == scan.seq { compare(computed, tail.seal, "seal_tail") }
    let loose = scan.looseAtSeal
    let rest = RestDigest.make(start.source.digests, loose.map { ($0.space, $0.bornSeq) }, start.notes)
    if rest != tail.rest || loose.map(\.space.id) != tail.loose {
      note("seal_tail", "sites, unnamed spaces, import_state or writer_state are not those of the last commit", nil)
    }
    checkTag(of: tail)
    try observer?.seal(tail.seal)
    let count = try connection.number("SELECT count(*) FROM seal WHERE seq <= \(start.last.rawValue)") ?? 0
    if count != check.sealCount { note("seal", "\(count) seals are there, \(check.sealCount) belong there", nil) }
  }

  // Epochs rise; a key of the ratchet can't be turned back.
  private mutating func checkTag(_ seal: Seal, jump: Int64 = longestJump) {
    guard key != nil else { return }
    guard advance(to: seal, jump), key?.tag(of: seal) == seal.tag else {
      return note("seal", "the seal at \(seal.seq.rawValue) has no tag of this key", seal.seq)
    }
    check.tagCount += 1
    key?.advance(to: (seal.epoch ?? 0) &+ 1)
  }

  // Of the key at the moment of pruning; seals behind the anchor may be older than that, so the walk's key stays back.
  private mutating func checkTag(of anchor: Anchor) {
    guard var later = key else { return }
    let jump = Self.longestJump(over: max(0, start.last.rawValue &- anchor.seq.rawValue))
    guard let epoch = anchor.epoch, epoch >= later.epoch, epoch &- later.epoch <= jump else {
      return note("anchor", "the anchor at \(anchor.seq.rawValue) has no tag of this key", anchor.seq)
    }
    later.advance(to: epoch)
    guard later.tag(of: anchor) == anchor.tag else {
      return note("anchor", "the anchor at \(anchor.seq.rawValue) has another tag than this key gives", anchor.seq)
    }
    check.tagCount += 1
  }

  private mutating func checkTag(of tail: SealTail) {
    guard key != nil else { return }
    guard advance(to: tail.seal, Self.longestJump), key?.tag(of: tail) == tail.seal.tag else {
      return note("seal_tail", "the end has no tag of this key", tail.seal.seq)
    }
    check.tagCount += 1
  }

  private mutating func advance(to seal: Seal, _ jump: Int64) -> Bool {
    guard let epoch = seal.epoch, let at = key?.epoch, epoch >= at, epoch &- at <= jump else { return false }
    key?.advance(to: epoch)
    return true
  }

  // Crashes skip a few epochs; a hostile number must not cost minutes.
  private static let longestJump: Int64 = 1 << 20

  // Where seals were pruned their epochs are skipped too.
  private static func longestJump(over entries: Int64) -> Int64 {
    longestJump + min(entries / Seal.interval, longestJump << 4)
  }

  private mutating func compare(_ computed: Seal, _ stored: Seal, _ structure: String) {
    guard computed.head != stored.head || computed.marks != stored.marks else { return }
    let first = scan.lastSeal.rawValue &+ 1
    let place = zip(computed.marks, stored.marks).enumerated().first { $1.0 != $1.1 }.map { first &+ Int64($0.offset) }
    if let place, computed.head != stored.head {
      note("entry_row", "entry \(place), or a row that hangs on it, is not what was sealed", SequenceNumber(place))
    } else if computed.head != stored.head {
      let last = computed.seq.rawValue
      note("entry_row", "one of the entries \(first) to \(last) is not what was sealed", SequenceNumber(first))
    } else {
      note(structure, "the marks of the seal at \(stored.seq.rawValue) are wrong", stored.seq)
    }
  }

  private mutating func expect(at seq: SequenceNumber) {
    for head in expected where head.seq == seq || head.seq == nil && isSealed(seq) {
      if head.head == nil || head.head == headHere(seq) { matched.insert(head) }
    }
  }

  private func isSealed(_ seq: SequenceNumber) -> Bool { seq.rawValue % Seal.interval == 0 || seq == start.last }

  private mutating func headHere(_ seq: SequenceNumber) -> ChainHash {
    if seq.rawValue == 0 { return start.genesis.head }
    return seq == start.base.seq ? start.base.head : scan.sealHere().head
  }

  private mutating func noteUnmet(_ head: ExpectedHead) {
    guard let seq = head.seq else {
      let gone = start.anchor.map { "; those before entry \($0.seq.rawValue) were pruned" } ?? ""
      return note("seal", "no seal has the expected head \(head.head.map { "\($0)" } ?? "")\(gone)", nil)
    }
    if let anchor = start.anchor, seq < anchor.seq {
      return note(
        "entry_row",
        "entry \(seq.rawValue) was expected, but entries 1 to \(anchor.seq.rawValue) were pruned: what they were is "
          + "proven by a head kept of entry \(anchor.seq.rawValue) or later", seq)
    }
    guard seq <= start.last else {
      return note(
        "entry_row", "the journal ends at \(start.last.rawValue), but entry \(seq.rawValue) was expected", seq)
    }
    note("entry_row", "the history up to entry \(seq.rawValue) is not the expected one: its head differs", seq)
  }

  private mutating func note(_ structure: String, _ message: String, _ seq: SequenceNumber?) {
    scan.findings.note(IntegrityFinding(structure: structure, message: message, place: seq?.rawValue))
  }
}
