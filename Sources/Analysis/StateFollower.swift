// Why: the state of a machine after each entry, as its importer had it, at the least cost: nothing is compared
// and nothing is kept of transitions. Used to verify state hashes and own snapshots, and to resume an
// import. Not here: what differs from what was observed (Replay).

package import PageOwnership
package import PageTables

/// Follows a journal entry by entry.
package struct StateFollower: Sendable {
  /// The machine as the entries so far leave it.
  package private(set) var image: MachineImage
  /// The last entry taken.
  package private(set) var lastSeq: SequenceNumber
  private var births: [(Space, SequenceNumber)]
  private var deaths: [(SpaceID, SequenceNumber)]

  /// Begins to follow.
  package init(_ start: ReplayStart) {
    image = start.image
    lastSeq = start.seq
    births = start.births
    deaths = start.deaths
  }

  /// Takes the next entry with its changes and observations.
  package mutating func take(_ seq: SequenceNumber, _ site: Site, changes: [Change], observations: [Observation]) {
    lastSeq = seq
    if site.kind == .lost { image.forgetEverything() }
    for observation in observations { image.learn(from: observation) }
    for change in changes { image.apply(change) }
    if let born = births.last?.1, born <= seq { takeBirths(seq) }
    if let died = deaths.last?.1, died <= seq { takeDeaths(seq) }
  }

  /// Takes the content of the snapshot whose entry came last.
  package mutating func take(_ content: SnapshotImage) {
    image.adopt(content, after: image.compare(with: content), keeping: [])
  }

  /// The leaves of the logical state that changed since the last call.
  package mutating func takeDirtyLeaves() -> [LeafImage] { image.takeDirtyLeaves() }

  private mutating func takeBirths(_ seq: SequenceNumber) {
    while let (space, born) = births.last, born <= seq {
      births.removeLast()
      image.addGuest(space, isEmpty: true)
    }
  }

  private mutating func takeDeaths(_ seq: SequenceNumber) {
    while let (space, died) = deaths.last, died <= seq {
      deaths.removeLast()
      image.removeGuest(space)
    }
  }
}
