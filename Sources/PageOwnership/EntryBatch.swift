// Why: the unit in which a source hands its findings to a journal: everything that belongs together,
// in arrays that are reused. Not here: when a batch is committed (Journal).

/// Rows on their way into a journal, in order of their sequence numbers.
package struct EntryBatch: Sendable {
  /// New sites with their numbers.
  package var sites: [(SiteID, Site)] = []
  /// New spaces with the entry that gave birth to them.
  package var spaces: [(Space, SequenceNumber)] = []
  /// Spaces that died, with the entry that ended them.
  package var spaceEnds: [(SpaceID, SequenceNumber)] = []
  /// Activations that began.
  package var activations: [Activation] = []
  /// Activations that ended.
  package var activationEnds: [ActionEnd] = []
  /// Transitions that began.
  package var transitions: [Transition] = []
  /// Transitions that ended.
  package var transitionEnds: [ActionEnd] = []
  /// The entries.
  package var entries: [Entry] = []
  /// What memory did under them.
  package var changes: [Change] = []
  /// What begin entries saw.
  package var observations: [Observation] = []
  /// Snapshots that came with the recording.
  package var snapshots: [Snapshot] = []
  /// Their content.
  package var snapshotRanges: [SnapshotRange] = []
  /// Holes.
  package var gaps: [Gap] = []
  /// Own snapshots: the leaves that changed since the last one, with the entry after which they hold.
  package var leaves: [(SequenceNumber, LeafImage)] = []
  /// The state right after some entries, in order: a seal keeps it where one falls due.
  package var stateHashes: [(SequenceNumber, StateHash)] = []

  /// An empty batch.
  package init() {}

  /// Whether there is nothing in it.
  package var isEmpty: Bool {
    entries.isEmpty && sites.isEmpty && spaces.isEmpty && spaceEnds.isEmpty && leaves.isEmpty
  }

  /// Empties the batch and keeps its memory.
  package mutating func removeAll() {
    sites.removeAll(keepingCapacity: true)
    spaces.removeAll(keepingCapacity: true)
    spaceEnds.removeAll(keepingCapacity: true)
    activations.removeAll(keepingCapacity: true)
    activationEnds.removeAll(keepingCapacity: true)
    transitions.removeAll(keepingCapacity: true)
    transitionEnds.removeAll(keepingCapacity: true)
    entries.removeAll(keepingCapacity: true)
    changes.removeAll(keepingCapacity: true)
    observations.removeAll(keepingCapacity: true)
    snapshots.removeAll(keepingCapacity: true)
    snapshotRanges.removeAll(keepingCapacity: true)
    gaps.removeAll(keepingCapacity: true)
    leaves.removeAll(keepingCapacity: true)
    stateHashes.removeAll(keepingCapacity: true)
  }
}
