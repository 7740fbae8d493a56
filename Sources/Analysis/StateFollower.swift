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
  package private(set) var lastSeq = SequenceNumber(0)
  private var births: [(Space, SequenceNumber)]
  private var deaths: [(SpaceID, SequenceNumber)]

  /// Begins before the first entry; a birth at 0 was not seen, so nothing is known of the guest.
  package init(
    generation: Generation, regions: [Region], births: [(Space, SequenceNumber)], deaths: [(SpaceID, SequenceNumber)]
  ) {
    image = MachineImage(generation: generation, regions: regions)
    let guests = births.filter { $0.0.id.isGuest }
    self.births = guests.filter { $0.1.rawValue > 0 }.sorted { $0.1 > $1.1 }
    self.deaths = deaths.sorted { $0.1 > $1.1 }
    for (space, born) in guests where born.rawValue == 0 { image.addGuest(space, isEmpty: false) }
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
