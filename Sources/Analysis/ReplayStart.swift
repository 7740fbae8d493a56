// Why: a journal begins with nothing known, or, where its beginning was pruned, with the machine that its anchor keeps.
// Replays, followers and audits begin the same way. Not here: where an anchor is kept (Journal).

package import PageOwnership
package import PageTables

/// Where a replay begins, and which guests come and go from there on.
package struct ReplayStart: Sendable {
  /// The machine.
  package var image: MachineImage
  /// The entry after which it is so; 0: before the first.
  package var seq: SequenceNumber
  /// Guests that are still to be born, the next one last.
  package var births: [(Space, SequenceNumber)]
  /// Guests that are still to die, the next one last.
  package var deaths: [(SpaceID, SequenceNumber)]

  /// Begins before the first entry; a birth at 0 was not seen, so nothing is known of the guest.
  package init(
    generation: Generation, regions: [Region], births: [(Space, SequenceNumber)], deaths: [(SpaceID, SequenceNumber)]
  ) {
    self.init(
      MachineImage(generation: generation, regions: regions), after: SequenceNumber(0), births: births, deaths: deaths)
  }

  /// Begins with a machine that is so after an entry; of a guest that was not seen to be born, and that it does not
  /// have, nothing is known.
  package init(
    _ image: MachineImage, after seq: SequenceNumber, births: [(Space, SequenceNumber)],
    deaths: [(SpaceID, SequenceNumber)]
  ) {
    self.image = image
    self.seq = seq
    let guests = births.filter { $0.0.id.isGuest }
    self.births = guests.filter { $0.1 > seq }.sorted { $0.1 > $1.1 }
    self.deaths = deaths.filter { $0.1 > seq }.sorted { $0.1 > $1.1 }
    let known = Set(image.livingGuests).union(deaths.filter { $0.1 <= seq }.map(\.0))
    for (space, born) in guests where born.rawValue == 0 && !known.contains(space.id) {
      self.image.addGuest(space, isEmpty: false)
    }
  }
}
