// Why: state hashes in seals and the writer's own snapshots are derived, so they can be wrong without anybody
// noticing: here the state is followed through the journal and held against both, in the one pass that
// checks the chain.

import Analysis
import Capture
import Journal
import PageOwnership
import PageTables

/// Follows the state of a journal and compares.
final class StateCheck {
  private let reader: JournalReader
  private var follower: StateFollower?
  private var snapshots: [SequenceNumber: Snapshot] = [:]
  private var lives: [SpaceLife] = []
  private var dues: [SequenceNumber] = []
  private var own = OwnershipState()
  private var ownSpaces: Set<SpaceID> = []
  /// How many state hashes and own snapshots were compared, how many leaves they had, and what was found.
  private(set) var hashesCompared = 0
  private(set) var hashesMissing = 0
  private(set) var snapshotsCompared = 0
  private(set) var leavesRead: Int64 = 0
  private(set) var findings: [IntegrityFinding] = []

  /// Prepares to follow a journal.
  init(_ reader: JournalReader) { self.reader = reader }

  /// What hears of entries and seals.
  var observer: CheckObserver {
    CheckObserver(
      begin: { [self] journal in try begin(journal) }, entry: { [self] frame, site in try take(frame, site) },
      seal: { [self] seal in compare(seal) }, isCancelled: { Interrupt.isRequested })
  }

  // One that does not name its generation has no states.
  private func begin(_ journal: CheckedJournal) throws {
    lives = journal.spaces
    let unwritten = journal.importState.flatMap { ImportState($0)?.unwrittenGuests } ?? []
    if try reader.facts().generation.value != nil {
      follower = StateFollower(try reader.replayStart(unwritten: unwritten))
    }
    for snapshot in try reader.snapshots() where snapshot.origin == .observed { snapshots[snapshot.seq] = snapshot }
    dues = try reader.ownSnapshotSeqs().reversed()
    // The machine of an anchor is the first own snapshot.
    if let anchor = try reader.anchor(), dues.last == anchor.seq {
      dues.removeLast()
      try compareOwn(anchor.seq)
    }
  }

  private func take(_ frame: borrowing EntryFrame, _ site: Site) throws {
    let seq = frame.entry.seq
    follower?.take(seq, site, changes: frame.changes, observations: frame.observations)
    if site.kind == .snapshot, let snapshot = snapshots[seq] {
      var content = SnapshotImage(guests: snapshot.guests)
      try reader.forEachSnapshotRange(of: snapshot.id) { content.add($0) }
      follower?.take(content)
    }
    if dues.last == seq {
      dues.removeLast()
      try compareOwn(seq)
    }
  }

  private func compare(_ seal: Seal) {
    guard let follower, seal.seq == follower.lastSeq else { return }
    guard let stored = seal.stateHash else {
      hashesMissing += 1
      return
    }
    hashesCompared += 1
    let followed = follower.image.ownership.hash
    guard stored != followed else { return }
    note(
      "seal", "the seal at entry \(seal.seq.rawValue) says state hash \(stored), its entries give \(followed)", seal.seq
    )
  }

  // What was read at earlier own snapshots is still there: only the leaves of this one are added.
  private func compareOwn(_ seq: SequenceNumber) throws {
    snapshotsCompared += 1
    for life in lives where life.space.id.isGuest && life.bornSeq <= seq {
      if let died = life.diedSeq, died <= seq {
        if ownSpaces.remove(life.space.id) != nil { own.removeSpace(life.space.id) }
      } else if ownSpaces.insert(life.space.id).inserted {
        own.addSpace(life.space, isEmpty: life.bornSeq.rawValue > 0)
      }
    }
    let living = Set(own.spaces)
    var leaves: [LeafImage] = []
    try reader.forEachOwnLeaf(at: seq) { leaf in
      leavesRead += 1
      if living.contains(leaf.space) { leaves.append(leaf) }
    }
    do {
      try own.restore(leaves)
    } catch {
      return note("snapshot_leaf", "the own snapshot at entry \(seq.rawValue) cannot be read: \(error)", seq)
    }
    guard let followed = follower?.image.ownership.hash, own.hash != followed else { return }
    note(
      "snapshot_leaf",
      "the own snapshot at entry \(seq.rawValue) gives state hash \(own.hash), its entries give \(followed)", seq)
  }

  private func note(_ structure: String, _ message: String, _ seq: SequenceNumber) {
    // One wrong entry makes every later state wrong: the first few tell enough.
    if findings.count < 20 {
      findings.append(IntegrityFinding(structure: structure, message: message, place: seq.rawValue))
    }
  }
}
