// Why: most steps of a history touch other pages than the finding does. What may have led to it is found backward:
// a step counts if it touches a page that the finding or a later step that counts touches. Only a guess: pools of
// table pages and blocks are shared by all. Not here: proving it (Reduction).

package import PageOwnership
package import TransitionRules

/// The pages that a step touches by its arguments.
package struct StepFootprint: Hashable, Sendable {
  /// Physical pages.
  package var physical: PageRange?
  /// Pages of a guest.
  package var guest: SpaceID?
  /// Their numbers in the guest; nil: all of it.
  package var guestPages: PageRange?
  /// Whether it may touch any page.
  package var isEverywhere = false

  /// The footprint of a call.
  package init(_ call: OperationCall) {
    switch call.operation {
    case .hostShareHyp, .hostUnshareHyp: physical = Self.range(call.page, 1)
    case .hostDonateHyp, .hypDonateHost, .hostShareFFA, .hostUnshareFFA: physical = Self.range(call.page, call.count)
    case .pin, .unpin:
      let first = call.address >> 12
      physical = Self.range(first, (call.endAddress &+ 0xfff) >> 12 &- first)
    case .hostFault, .hostForceReclaim: physical = PageRange(PageFrame(containing: call.address))
    case .hostShareGuest:
      physical = Self.range(call.page, call.count)
      guestPages = Self.range(call.guestPage, call.count)
    case .hostDonateGuest:
      physical = Self.range(call.page, 1)
      guestPages = Self.range(call.guestPage, 1)
    case .bootFixup: isEverywhere = true
    default: guestPages = Self.range(call.guestPage, call.count)
    }
    guest = call.guest
  }

  /// The footprint of something that happens to a guest as a whole, or to the machine (nil).
  package init(ofAll guest: SpaceID?) {
    self.guest = guest
    isEverywhere = guest == nil
  }

  // Raw arguments may be anything; the hypervisor computes with byte addresses, so high bits are lost.
  private static func range(_ first: UInt64, _ count: UInt64) -> PageRange {
    PageRange(first: PageFrame(first & (1 << 52 - 1)), count: min(max(1, count), 1 << 40))
  }
}

/// Which steps may have led to one of them.
package enum HistorySlice {
  /// The numbers of the steps up to `last` that may have led to it, in order, `last` included.
  package static func steps(_ steps: [StepFootprint], leadingTo last: Int) -> [Int] {
    guard steps.indices.contains(last) else { return [] }
    var concerned = Concerned()
    concerned.add(steps[last])
    var slice = [last]
    for index in (0..<last).reversed() where concerned.touches(steps[index]) {
      slice.append(index)
      concerned.add(steps[index])
    }
    return slice.reversed()
  }

  private struct Concerned {
    var physical: [PageRange] = []
    var guests: [SpaceID: [PageRange]] = [:]
    var wholeGuests: Set<SpaceID> = []

    func touches(_ step: StepFootprint) -> Bool {
      if step.isEverywhere { return true }
      if let pages = step.physical, Self.meets(physical, pages) { return true }
      guard let guest = step.guest else { return false }
      if wholeGuests.contains(guest) { return true }
      guard let pages = step.guestPages else { return guests[guest] != nil }
      return Self.meets(guests[guest] ?? [], pages)
    }

    mutating func add(_ step: StepFootprint) {
      if let pages = step.physical { Self.add(pages, to: &physical) }
      guard let guest = step.guest else { return }
      if let pages = step.guestPages {
        Self.add(pages, to: &guests[guest, default: []])
      } else {
        wholeGuests.insert(guest)
      }
    }

    // Disjoint ranges in order, so that a look-up is a search.
    private static func meets(_ ranges: [PageRange], _ pages: PageRange) -> Bool {
      let place = firstEnding(behind: pages.first, in: ranges)
      return place < ranges.count && ranges[place].first < pages.end
    }

    private static func firstEnding(behind page: PageFrame, in ranges: [PageRange]) -> Int {
      var low = 0
      var high = ranges.count
      while low < high {
        let middle = (low + high) / 2
        if ranges[middle].end > page { high = middle } else { low = middle + 1 }
      }
      return low
    }

    private static func add(_ pages: PageRange, to ranges: inout [PageRange]) {
      let start = firstEnding(behind: pages.first, in: ranges)
      var end = start
      var low = pages.first
      var high = pages.end
      while end < ranges.count, ranges[end].first < pages.end {
        low = min(low, ranges[end].first)
        high = max(high, ranges[end].end)
        end += 1
      }
      ranges.replaceSubrange(start..<end, with: [PageRange(first: low, count: high.rawValue - low.rawValue)])
    }
  }
}
