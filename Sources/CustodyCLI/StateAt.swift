// Why: the state of a machine right after an entry. Logical state comes from the nearest own snapshot and the
// entries behind it; raw tables, and states with something unknown in them, come from a replay of everything.

import Analysis
import Journal
import PageOwnership
import PageTables

/// Rebuilds states of a journal.
struct StateAt {
  private let reader: JournalReader

  init(_ reader: JournalReader) { self.reader = reader }

  /// The machine with its raw tables, by a replay of everything up to `seq`.
  func image(_ seq: SequenceNumber) throws -> MachineImage {
    var replay = try JournalReplay(reader)
    try replay.run(through: seq)
    return replay.replay.image
  }

  /// What is held and counted in all spaces right after `seq`.
  func ownership(_ seq: SequenceNumber) throws -> OwnershipState {
    guard let near = try nearState(seq) else { return try image(seq).ownership }
    return near
  }

  // An own snapshot and the changes behind it say the same as everything, if nothing in it was unknown and nothing was
  // lost since: what is known already is not learnt from what was observed. Nil where that is not certain.
  func nearState(_ seq: SequenceNumber) throws -> OwnershipState? {
    let facts = try reader.facts()
    guard let start = try reader.ownSnapshotSeq(through: seq), let generation = facts.generation.value,
      try reader.gaps().allSatisfy({ $0.seq <= start || $0.seq > seq }), let ownership = try own(start),
      isKnown(ownership, facts.regions.value ?? [], TableEncoding(generation))
    else { return nil }
    let lives = try reader.spaces().filter(\.space.id.isGuest)
    var image = MachineImage(
      generation: generation, regions: facts.regions.value ?? [], ownership: ownership)
    var births = lives.filter { $0.bornSeq > start && $0.bornSeq <= seq }.sorted { $0.bornSeq > $1.bornSeq }
    var deaths = lives.compactMap { life in life.diedSeq.map { (life.space.id, $0) } }
      .filter { $0.1 > start && $0.1 <= seq }.sorted { $0.1 > $1.1 }
    // A guest is there from behind its birth on, and gone behind its death.
    func live(before seq: Int64) {
      while let born = births.last, born.bornSeq.rawValue < seq {
        image.addGuest(born.space, isEmpty: true)
        births.removeLast()
      }
      while let (space, died) = deaths.last, died.rawValue < seq {
        image.removeGuest(space)
        deaths.removeLast()
      }
    }
    var isCertain = true
    try reader.forEachChange(from: SequenceNumber(start.rawValue + 1), through: seq) { change in
      live(before: change.seq.rawValue)
      // An empty leaf above tells nothing that is not known, and recorders read it at any level.
      var change = change
      if change.old == 0 { change.oldLevel = change.newLevel }
      image.apply(change)
      if change.new == nil { isCertain = false }
    }
    live(before: seq.rawValue + 1)
    return isCertain ? image.ownership : nil
  }

  // Where the hypervisor's states stand in the metadata, pages that are no memory have none.
  private func isKnown(_ ownership: OwnershipState, _ regions: [Region], _ encoding: TableEncoding) -> Bool {
    let everything = PageRange(first: PageFrame(0), count: 1 << 52)
    let memory = regions.filter { $0.kind == .memory }.map(\.pages)
    for space in ownership.spaces where space != .hyp || encoding.keepsHypStateInDescriptors {
      guard ownership.isKnown(space, in: everything) else { return false }
    }
    return memory.allSatisfy { ownership.isKnown(.hyp, in: $0) && ownership.areCountersKnown(in: $0) }
  }

  /// The own snapshot taken right after `seq`; nil if it cannot be read (`custody verify` tells why).
  func own(_ seq: SequenceNumber) throws -> OwnershipState? {
    var state = OwnershipState()
    for life in try reader.spaces() where life.space.id.isGuest && life.bornSeq <= seq {
      if let died = life.diedSeq, died <= seq { continue }
      state.addSpace(life.space, isEmpty: life.bornSeq.rawValue > 0)
    }
    guard let found = try reader.ownLeaves(through: seq, of: state.spaces), found.seq == seq else { return nil }
    do {
      try state.restore(found.leaves)
    } catch {
      return nil
    }
    return state
  }
}
