// Why: the writer's end of the chain: each entry with everything that hangs on it, in one order that does
// not depend on where batches and commits fall. Rows that would escape the chain are refused.
// Not here: the bytes (SealRecord), the rows of seals (Seal), checking (ChainScan).

import Crypto
import PageOwnership

/// Computes the seals of a journal as it grows.
struct SealWriter: ~Copyable {
  /// The entry of the last seal.
  private(set) var lastSeal: SequenceNumber
  /// The last entry.
  private(set) var headSeq: SequenceNumber
  private var hasher: SealHasher
  private var marks: [UInt8] = []
  private var sites = SiteDigests()
  /// The spaces that no entry has named.
  private var loose: [SpaceID: (Space, SequenceNumber)] = [:]
  /// The spaces that no entry up to the last seal has named.
  private var looseAtSeal: [SpaceID: (Space, SequenceNumber)] = [:]
  private var births: [SpaceID] = []
  /// The last state that the source told, and after which entry.
  private var state: (seq: SequenceNumber, hash: StateHash)?
  /// Which key the next seal takes; nil without a key.
  private(set) var key: SealKey?

  /// The name of what a head is the hash of.
  static let domain: StaticString = "custody seal v1"

  /// Goes on behind the entries that a scan has read.
  init(_ scan: consuming ChainScan, state: StateHash?, key: SealKey?) {
    (lastSeal, headSeq) = (scan.lastSeal, scan.seq)
    marks = scan.marks
    sites = scan.digests
    self.state = state.map { [headSeq] in (headSeq, $0) }
    self.key = key
    for life in scan.spaces.loose { loose[life.space.id] = (life.space, life.bornSeq) }
    for life in scan.looseAtSeal { looseAtSeal[life.space.id] = (life.space, life.bornSeq) }
    hasher = scan.hasher
  }

  /// Takes the rows of a batch; `seal` gets each seal that falls due.
  ///
  /// - Parameter runs: the source runs that begin in the batch.
  /// - Throws: `invalid` for a row that hangs on no entry of the batch, or out of order; and what `seal` throws.
  mutating func take(
    _ batch: EntryBatch, runs: [(seq: Int64, index: Int64?)], _ seal: (Seal) throws(JournalError) -> Void
  ) throws(JournalError) {
    for (_, site) in batch.sites { sites.append(site.digest) }
    for (space, bornSeq) in batch.spaces {
      loose[space.id] = (space, bornSeq)
      looseAtSeal[space.id] = (space, bornSeq)
    }
    var rows = BatchRows()
    var states = batch.stateHashes[...]
    for entry in batch.entries {
      if headSeq.rawValue &- lastSeal.rawValue == Seal.interval {
        note(&states)
        try seal(sealHere())
      }
      headSeq = entry.seq
      try take(entry, batch, runs, &rows)
      marks.append(hasher.takeMark())
    }
    note(&states)
    try rows.checkEnd(batch, runs)
  }

  /// The seal as it would be at the last entry.
  mutating func sealHere() -> Seal {
    var seal = tailSeal()
    if let key {
      seal = seal.tagged(key)
      self.key?.advance(to: key.epoch + 1)
    }
    lastSeal = headSeq
    looseAtSeal = loose
    marks.removeAll(keepingCapacity: true)
    hasher.restart(Self.domain)
    hasher.raw(seal.head)
    return seal
  }

  /// The tail at the last entry.
  mutating func tail(_ notes: WriterNotes) -> SealTail {
    let spaces = looseAtSeal.keys.sorted()
    let digest = RestDigest.make(sites, spaces.compactMap { looseAtSeal[$0] }, notes)
    var tail = SealTail(seal: tailSeal(), rest: digest, loose: spaces)
    if let key {
      tail.seal.epoch = key.epoch
      tail.seal.tag = key.tag(of: tail)
    }
    return tail
  }

  private mutating func tailSeal() -> Seal {
    var seal = Seal(
      seq: headSeq, head: hasher.value(endingWith: headSeq.rawValue),
      stateHash: state?.seq == headSeq ? state?.hash : nil)
    seal.marks = marks
    return seal
  }

  private mutating func note(_ states: inout ArraySlice<(SequenceNumber, StateHash)>) {
    while let (seq, hash) = states.first, seq <= headSeq {
      state = (seq, hash)
      states.removeFirst()
    }
  }
}

extension SealWriter {
  private mutating func take(
    _ entry: Entry, _ batch: EntryBatch, _ runs: [(seq: Int64, index: Int64?)], _ rows: inout BatchRows
  ) throws(JournalError) {
    guard let site = sites[entry.site.rawValue] else {
      throw JournalError(.invalid, "entry \(entry.seq.rawValue) has no site")
    }
    hasher.add(entry, site: site)
    mention(entry.space)
    if let note = entry.note { hasher.add(note: note) }
    if rows.run < runs.count, runs[rows.run].seq == entry.seq.rawValue {
      hasher.add(runAt: runs[rows.run].index)
      rows.run += 1
    }
    while rows.gap < batch.gaps.count, batch.gaps[rows.gap].seq == entry.seq {
      hasher.add(batch.gaps[rows.gap])
      rows.gap += 1
    }
    while rows.change < batch.changes.count, batch.changes[rows.change].seq == entry.seq {
      let change = batch.changes[rows.change]
      hasher.add(change)
      mention(change.space)
      mention(change.owner)
      rows.change += 1
    }
    while rows.observation < batch.observations.count, batch.observations[rows.observation].seq == entry.seq {
      hasher.add(batch.observations[rows.observation])
      mention(batch.observations[rows.observation].guestSpace)
      rows.observation += 1
    }
    if let action = entry.action { takeAction(action, entry.seq, batch, &rows) }
    takeRare(entry.seq, batch, &rows)
    if !births.isEmpty { takeBirths() }
  }

  private mutating func takeAction(
    _ action: ActionID, _ seq: SequenceNumber, _ batch: EntryBatch, _ rows: inout BatchRows
  ) {
    if let row = batch.activations.at(rows.activation), row.firstSeq == seq, row.id == action {
      hasher.add(row)
      rows.activation += 1
    }
    if let row = batch.transitions.at(rows.transition), row.firstSeq == seq, row.id == action {
      hasher.add(row)
      mention(row.source.space)
      mention(row.target.space)
      rows.transition += 1
    }
    if let row = batch.activationEnds.at(rows.activationEnd), row.lastSeq == seq, row.id == action {
      hasher.add(activationEnd: row)
      rows.activationEnd += 1
    }
    if let row = batch.transitionEnds.at(rows.transitionEnd), row.lastSeq == seq, row.id == action {
      hasher.add(transitionEnd: row)
      rows.transitionEnd += 1
    }
  }

  private mutating func takeRare(_ seq: SequenceNumber, _ batch: EntryBatch, _ rows: inout BatchRows) {
    if let first = batch.spaceEnds.at(rows.spaceEnd), first.1 == seq {
      var dead: [SpaceID] = []
      while let (space, died) = batch.spaceEnds.at(rows.spaceEnd), died == seq {
        dead.append(space)
        rows.spaceEnd += 1
      }
      for space in dead.sorted() {
        hasher.add(deathOf: space)
        mention(space)
      }
    }
    while let snapshot = batch.snapshots.at(rows.snapshot), snapshot.seq == seq {
      rows.snapshot += 1
      take(snapshot, batch, &rows)
    }
  }

  // Derived snapshots may be deleted and made again: they are held against the entries instead.
  private mutating func take(_ snapshot: Snapshot, _ batch: EntryBatch, _ rows: inout BatchRows) {
    let isObserved = snapshot.origin == .observed
    if isObserved {
      hasher.add(snapshot)
      for guest in snapshot.guests { mention(guest) }
    }
    while let range = batch.snapshotRanges.at(rows.range), range.snapshot == snapshot.id {
      if isObserved {
        hasher.add(range)
        mention(range.space)
      }
      rows.range += 1
    }
  }

  @inline(__always)
  private mutating func mention(_ space: SpaceID?) {
    if !loose.isEmpty, let space, loose[space] != nil, !births.contains(space) { births.append(space) }
  }

  private mutating func takeBirths() {
    for space in births.sorted() {
      if let (value, bornSeq) = loose.removeValue(forKey: space) { hasher.add(value, bornSeq: bornSeq) }
    }
    births.removeAll(keepingCapacity: true)
  }
}

/// How far the rows of a batch were taken.
private struct BatchRows {
  var run = 0
  var gap = 0
  var change = 0
  var observation = 0
  var activation = 0
  var transition = 0
  var activationEnd = 0
  var transitionEnd = 0
  var spaceEnd = 0
  var snapshot = 0
  var range = 0

  /// A row that no entry took would be in the journal and in no seal.
  func checkEnd(_ batch: EntryBatch, _ runs: [(seq: Int64, index: Int64?)]) throws(JournalError) {
    let left: [(String, Int)] = [
      ("source_run", runs.count - run), ("gap", batch.gaps.count - gap), ("change", batch.changes.count - change),
      ("observation", batch.observations.count - observation),
      ("activation", batch.activations.count - activation), ("transition", batch.transitions.count - transition),
      ("end of an activation", batch.activationEnds.count - activationEnd),
      ("end of a transition", batch.transitionEnds.count - transitionEnd),
      ("end of a space", batch.spaceEnds.count - spaceEnd), ("snapshot", batch.snapshots.count - snapshot),
      ("range of a snapshot", batch.snapshotRanges.count - range),
    ]
    guard let (what, count) = left.first(where: { $0.1 > 0 }) else { return }
    throw JournalError(
      .invalid, "\(count) rows (\(what)) hang on no entry of their batch, or are out of order: no seal would hold them")
  }
}

extension Array {
  /// An element, or nil beyond the end.
  @inline(__always)
  fileprivate func at(_ index: Int) -> Element? { index < count ? self[index] : nil }
}

/// The digests of a journal's sites.
struct SiteDigests: Sendable {
  private var digests: [ChainHash] = []
  private var hash = SHA256()

  /// Adds the next site.
  mutating func append(_ digest: ChainHash) {
    digests.append(digest)
    digest.withBytes { hash.update(bufferPointer: $0) }
  }

  /// The digest of a site; nil if there is none.
  @inline(__always)
  subscript(site: Int32) -> ChainHash? {
    site > 0 && Int(site) <= digests.count ? digests[Int(site) - 1] : nil
  }

  /// How many sites there are.
  var count: Int { digests.count }

  /// SHA-256 of all digests, in order.
  var value: ChainHash {
    let copy = hash
    return ChainHash(copy.finalize())
  }
}

/// The writer's own notes, as stored.
struct WriterNotes: Hashable, Sendable {
  /// Where the import stands; nil if none made the journal.
  var importState: String?
  /// Whether the import is complete.
  var isComplete = false
  /// The clean mark.
  var isClean = false
}

/// The digest of what no entry covers.
enum RestDigest {
  static func make(_ sites: SiteDigests, _ loose: [(Space, SequenceNumber)], _ notes: WriterNotes) -> ChainHash {
    var hasher = SealHasher("custody rest v1")
    hasher.raw(sites.value)
    for (space, bornSeq) in loose { hasher.add(space, bornSeq: bornSeq) }
    if let importState = notes.importState {
      hasher.begin(.importState)
      hasher.add(Int64(notes.isComplete ? 1 : 0))
      hasher.add(importState)
      hasher.end()
    }
    hasher.begin(.writerState)
    hasher.add(Int64(notes.isClean ? 1 : 0))
    hasher.end()
    return hasher.value(endingWith: Int64(sites.count))
  }
}
