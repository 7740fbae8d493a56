// Why: an importer tells the writer the state at every seal and the leaves of its own snapshots; so does this, at the
// same entries, from the changes alone.

import PageOwnership
import PageTables

/// Follows the entries with the state that they make.
struct StateStamp {
  private var image: MachineImage
  private let interval: Int64?
  private static let sealInterval: Int64 = 1024

  init(_ generation: Generation, _ regions: [Region], interval: Int64?) {
    image = MachineImage(generation: generation, regions: regions)
    self.interval = interval
  }

  /// Takes the snapshot that a journal begins with.
  mutating func begin(_ batch: EntryBatch, _ spaces: [Space]) {
    var content = SnapshotImage(guests: spaces.map(\.id))
    for range in batch.snapshotRanges { content.add(range) }
    image = MachineImage(
      generation: image.generation, regions: image.regions, showing: content, guests: spaces)
  }

  /// Adds what is due at the entries of a batch from index `first` on.
  mutating func follow(_ batch: inout EntryBatch, from first: Int) {
    var changes = batch.changes.suffix(while: { $0.seq >= batch.entries[first].seq })
    for entry in batch.entries[first...] {
      while let change = changes.first, change.seq <= entry.seq {
        image.apply(change)
        changes.removeFirst()
      }
      if entry.seq.rawValue % Self.sealInterval == 0 { batch.stateHashes.append((entry.seq, image.ownership.hash)) }
      if let interval, entry.seq.rawValue % interval == 0 {
        for leaf in image.takeDirtyLeaves() { batch.leaves.append((entry.seq, leaf)) }
      }
    }
  }
}

extension Array {
  /// The elements at the end that all satisfy a condition.
  fileprivate func suffix(while isWanted: (Element) -> Bool) -> ArraySlice<Element> {
    var start = endIndex
    while start > startIndex, isWanted(self[start - 1]) { start -= 1 }
    return self[start...]
  }
}
