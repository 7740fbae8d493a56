// Why: own snapshots are rebuildable, so they can be wrong without anybody noticing: here each is rebuilt
// from its leaves and compared with a replay.

import Analysis
import Journal
import PageOwnership
import PageTables

/// Compares every own snapshot of a journal with a replay.
struct OwnSnapshotCheck {
  private let reader: JournalReader
  /// How many were compared, and what was found.
  private(set) var compared = 0
  private(set) var findings: [String] = []

  init(_ reader: JournalReader) { self.reader = reader }

  /// Replays through `last` and compares on the way.
  consuming func run(through last: SequenceNumber) throws -> OwnSnapshotCheck {
    var dues: [SequenceNumber] = []
    var due = last
    while let seq = try reader.ownSnapshotSeq(through: due) {
      dues.append(seq)
      due = SequenceNumber(seq.rawValue - 1)
    }
    var replay = try JournalReplay(reader)
    for seq in dues.reversed() {
      try replay.run(through: seq)
      try compare(seq, replay.replay.image.ownership)
    }
    return self
  }

  private mutating func compare(_ seq: SequenceNumber, _ replayed: OwnershipState) throws {
    compared += 1
    var rebuilt = OwnershipState()
    for life in try reader.spaces() where life.space.id.isGuest && life.bornSeq <= seq {
      if let died = life.diedSeq, died <= seq { continue }
      rebuilt.addSpace(life.space, isEmpty: life.bornSeq.rawValue > 0)
    }
    let living = Set(rebuilt.spaces)
    var leaves: [LeafImage] = []
    _ = try reader.ownLeaves(through: seq) { if living.contains($1.space) { leaves.append($1) } }
    do {
      try rebuilt.restore(leaves)
    } catch {
      findings.append("the own snapshot at entry \(seq.rawValue) cannot be read: \(error)")
      return
    }
    if rebuilt.hash != replayed.hash {
      findings.append(
        "the own snapshot at entry \(seq.rawValue) gives state hash \(rebuilt.hash), a replay gives \(replayed.hash)")
    }
  }
}
