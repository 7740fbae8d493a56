// Why: two states of one machine, compared space by space as ranges of pages: snapshots with each other, and a
// snapshot with what a replay gives. Not here: raw words (Replay compares those), words for people.

package import PageOwnership

/// A run of pages of one space of which two states say different things.
package struct OwnershipDifference: Hashable, Sendable {
  /// What differs.
  package enum What: Hashable, Sendable {
    /// State or annotation; the gfn of an annotation is that of the first page.
    case holding(Holding, Holding)
    /// The number of pins.
    case pins(UInt32, UInt32)
    /// The number of guests that borrow.
    case shareCount(UInt32, UInt32)
    /// The guest lives in the first state only.
    case onlyBefore
    /// The guest lives in the second state only.
    case onlyAfter
  }

  /// Whose view it is, by the first state's number; of ``What/onlyAfter`` by the second's.
  package var space: SpaceID
  /// The pages, in that space's numbers; none for a guest as a whole.
  package var pages: PageRange
  /// What differs.
  package var what: What
}

/// Everything in which two states differ, and how much could not be compared.
package struct OwnershipDiff: Sendable {
  /// The differences, by space and page.
  package private(set) var differences: [OwnershipDifference] = []
  /// Pages that one of the states knows and the other does not.
  package private(set) var pagesUnknown: UInt64 = 0

  private static let everything = PageRange(first: PageFrame(0), count: 1 << 52)

  /// Compares two states.
  ///
  /// - Parameter counterpart: The number in the second state of a space of the first; nil if it is not there. Without
  ///   it both count spaces alike, as the states of one journal do.
  package init(
    from before: OwnershipState, to after: OwnershipState, counterpart: (SpaceID) -> SpaceID? = { $0 }
  ) {
    var strangers = Set(after.spaces)
    for space in before.spaces {
      guard let other = counterpart(space), strangers.remove(other) != nil else {
        note(space, .onlyBefore)
        continue
      }
      compareHoldings(space, before, other, after)
    }
    for space in strangers.sorted() { note(space, .onlyAfter) }
    compareCounts(before, after)
  }

  private mutating func note(_ space: SpaceID, _ what: OwnershipDifference.What) {
    let none = PageRange(first: PageFrame(0), count: 0)
    differences.append(OwnershipDifference(space: space, pages: none, what: what))
  }

  private mutating func compareHoldings(
    _ space: SpaceID, _ before: OwnershipState, _ otherSpace: SpaceID, _ after: OwnershipState
  ) {
    var borders: Set<UInt64> = []
    before.forEachRun(space, in: Self.everything) { run, _ in borders.insert(run.first.rawValue) }
    after.forEachRun(otherSpace, in: Self.everything) { run, _ in borders.insert(run.first.rawValue) }
    for pages in Self.stretches(borders) {
      // Runs rise together, so the first page speaks for all.
      let one = before.holding(space, pages.first)
      let other = after.holding(otherSpace, pages.first)
      guard one != other else { continue }
      if one.state == .unknown || other.state == .unknown {
        pagesUnknown += pages.count
      } else {
        differences.append(OwnershipDifference(space: space, pages: pages, what: .holding(one, other)))
      }
    }
  }

  private mutating func compareCounts(_ before: OwnershipState, _ after: OwnershipState) {
    var borders: Set<UInt64> = []
    for state in [before, after] {
      state.forEachPinRun(in: Self.everything) { run, _ in borders.insert(run.first.rawValue) }
      state.forEachShareCountRun(in: Self.everything) { run, _ in borders.insert(run.first.rawValue) }
    }
    for pages in Self.stretches(borders) {
      if let one = before.pins(pages.first), let other = after.pins(pages.first), one != other {
        differences.append(OwnershipDifference(space: .hyp, pages: pages, what: .pins(one, other)))
      }
      if let one = before.shareCount(pages.first), let other = after.shareCount(pages.first), one != other {
        differences.append(OwnershipDifference(space: .host, pages: pages, what: .shareCount(one, other)))
      }
    }
  }

  private static func stretches(_ borders: Set<UInt64>) -> [PageRange] {
    let starts = borders.sorted()
    return starts.enumerated().map { index, start in
      let end = index + 1 < starts.count ? starts[index + 1] : everything.end.rawValue
      return PageRange(first: PageFrame(start), count: end - start)
    }
  }
}
