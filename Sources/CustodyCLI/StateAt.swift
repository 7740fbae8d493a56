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

  // An own snapshot and what follows it say the same as everything, if everything was known when it was taken and
  // nothing was lost since. Nil where that is not certain.
  private func nearState(_ seq: SequenceNumber) throws -> OwnershipState? {
    guard let start = try reader.ownSnapshotSeq(through: seq), try isCertain(from: start, through: seq),
      let generation = try reader.facts().generation.value, let ownership = try own(start)
    else { return nil }
    let lives = try reader.spaces().filter(\.space.id.isGuest)
    var image = MachineImage(
      generation: generation, regions: try reader.facts().regions.value ?? [], ownership: ownership)
    var births = lives.filter { $0.bornSeq > start && $0.bornSeq <= seq }.sorted { $0.bornSeq > $1.bornSeq }
    var deaths = lives.compactMap { life in life.diedSeq.map { (life.space.id, $0) } }
      .filter { $0.1 > start && $0.1 <= seq }.sorted { $0.1 > $1.1 }
    try reader.forEachEntry(from: SequenceNumber(start.rawValue + 1), through: seq) { frame in
      for change in frame.changes { image.apply(change) }
      while let born = births.last, born.bornSeq <= frame.entry.seq {
        image.addGuest(born.space, isEmpty: true)
        births.removeLast()
      }
      while let (space, died) = deaths.last, died <= frame.entry.seq {
        image.removeGuest(space)
        deaths.removeLast()
      }
      return true
    }
    return image.ownership
  }

  private func isCertain(from start: SequenceNumber, through seq: SequenceNumber) throws -> Bool {
    guard try reader.gaps().allSatisfy({ $0.seq > seq }) else { return false }
    guard try reader.snapshots().contains(where: { $0.origin == .observed && $0.seq <= start }) else { return false }
    let unseen = try reader.number("SELECT 1 FROM change_row WHERE new IS NULL AND seq <= \(seq.rawValue) LIMIT 1")
    return unseen == nil
  }

  /// The own snapshot taken right after `seq`; nil if it cannot be read (`custody verify` tells why).
  func own(_ seq: SequenceNumber) throws -> OwnershipState? {
    var state = OwnershipState()
    for life in try reader.spaces() where life.space.id.isGuest && life.bornSeq <= seq {
      if let died = life.diedSeq, died <= seq { continue }
      state.addSpace(life.space, isEmpty: life.bornSeq.rawValue > 0)
    }
    let living = Set(state.spaces)
    var leaves: [LeafImage] = []
    let found = try reader.ownLeaves(through: seq) { if living.contains($1.space) { leaves.append($1) } }
    guard found == seq else { return nil }
    do {
      try state.restore(leaves)
    } catch {
      return nil
    }
    return state
  }
}
