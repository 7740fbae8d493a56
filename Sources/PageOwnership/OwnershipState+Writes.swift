// Why: an index wants to know after each entry where the state may have changed, without comparing all of
// it. Whoever asks gets every place that was written; whether it changed there is for the asker to compare.

/// A place of the state that was written.
package enum OwnershipWrite: Hashable, Sendable {
  /// Holdings of a space.
  case holding(SpaceID, PageRange)
  /// Pins or share counts.
  case count(StateField, PageRange)
  /// A guest was added.
  case birth(SpaceID)
  /// A guest was taken away.
  case death(SpaceID)
}

extension OwnershipState {
  /// From now on keeps note of what is written, until ``takeWrites()`` asks for it.
  package mutating func recordWrites() { writes = [] }

  /// Where it was written since the last call, in order; a place may come several times.
  package mutating func takeWrites() -> [OwnershipWrite] {
    guard let taken = writes, !taken.isEmpty else { return [] }
    writes = []
    return taken
  }

  /// The word (see ``HoldingWord``) of what `space` holds of a page; nil if the space does not exist.
  package func holdingWord(_ space: SpaceID, _ page: PageFrame) -> UInt64? {
    place(of: space).map { holdings[$0].layer.map.get(page) }
  }

  /// Goes through the words (see ``HoldingWord``) of what `space` holds of `range`; none if it does not exist.
  package func forEachHoldingWord(_ space: SpaceID, in range: PageRange, _ body: (PageRange, UInt64) -> Void) {
    guard let place = place(of: space) else { return }
    holdings[place].layer.map.forEachRun(in: range, body)
  }

  /// Goes through the words (see ``CounterWord``) of a counter.
  package func forEachCountWord(_ field: StateField, in range: PageRange, _ body: (PageRange, UInt64) -> Void) {
    (field == .pins ? pins : shareCounts).map.forEachRun(in: range, body)
  }
}
