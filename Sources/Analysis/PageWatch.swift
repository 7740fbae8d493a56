// Why: follows pages through a replay and tells when what a space says of them changes: the base of "since
// when" and of a page's history. It sees states, not rows, so that blocks, snapshots and gaps count too.
// Not here: reading entries (the caller), wording.

package import PageOwnership
package import PageTables

/// What changed for a page.
package enum PageAspect: Hashable, Sendable {
  /// What the host or the hypervisor says of the physical page.
  case holding(SpaceID)
  /// What a guest says of its page that is mapped to the physical page before or after.
  case guest(GuestPage)
  /// How many pins there are.
  case pins
  /// To how many guests the host lent the page.
  case shareCount
}

/// The value of an aspect.
package enum AspectValue: Hashable, Sendable {
  /// A state and an annotation; the guest page that the annotation means, if it lived; of a guest page also
  /// whether it still maps the page that is followed.
  case holding(Holding, named: GuestPage? = nil, isMapped: Bool = true)
  /// A count; nil if unknown.
  case count(UInt32?)
  /// The guest died.
  case gone
}

/// One change of one aspect of one page.
package struct PageEvent: Hashable, Sendable {
  /// The entry that did it.
  package var seq: SequenceNumber
  /// The physical page, or of a followed guest page its gfn.
  package var page: PageFrame
  /// What changed.
  package var aspect: PageAspect
  /// What it was.
  package var before: AspectValue
  /// What it is.
  package var after: AspectValue
}

/// Follows pages through a replay.
package struct PageWatch: Sendable {
  /// The physical pages that are followed, in order of the ranges given.
  package let ranges: [PageRange]
  /// The guest pages that are followed by their gfn.
  package let guestRanges: [(space: SpaceID, pages: PageRange)]
  private let spaces: [Space]
  private var views: [PageFrame: PageView] = [:]
  private var mapped: [PageFrame: Set<GuestPage>] = [:]
  private var mappedTo: [GuestPage: PageFrame] = [:]
  private var guestHoldings: [GuestPage: AspectValue] = [:]
  private var guests: LivingGuests?
  private var livingGuests: [SpaceID] = []

  /// More pages than this are not followed at once.
  package static let pageLimit: UInt64 = 1 << 18

  /// Follows physical pages, and guest pages by their gfn.
  package init(ranges: [PageRange], guestRanges: [(space: SpaceID, pages: PageRange)] = [], spaces: [Space]) {
    self.ranges = ranges
    self.guestRanges = guestRanges
    self.spaces = spaces
  }

  /// What all spaces say of a followed page now; nil before the first entry.
  package func view(of page: PageFrame) -> PageView? { views[page] }

  /// Takes note of an entry that the image has taken; `onEvent` hears of each change, in order.
  package mutating func note(
    _ entry: Entry, _ kind: EntryKind, changes: [Change], observations: [Observation], _ image: MachineImage,
    onEvent: (PageEvent) -> Void
  ) {
    let living = image.livingGuests
    let isAnew = guests == nil || kind == .lost || kind == .snapshot || living != livingGuests
    if isAnew {
      livingGuests = living
      guests = LivingGuests(spaces, in: image)
      findMappings(image)
      for range in ranges { for page in range.frames { refresh(page, entry.seq, image, onEvent) } }
      for (space, pages) in guestRanges {
        for page in pages.frames { refresh(GuestPage(space, page), entry.seq, image, onEvent) }
      }
      return
    }
    for change in changes { note(change, entry.seq, image, onEvent) }
    for seen in observations { note(seen, entry.seq, image, onEvent) }
  }

  private mutating func note(
    _ change: Change, _ seq: SequenceNumber, _ image: MachineImage, _ onEvent: (PageEvent) -> Void
  ) {
    let reach = MachineImage.reach(of: change)
    if change.table == .guestStage2 {
      noteGuest(change.space, reach, seq, image, onEvent)
    } else {
      for range in ranges { for page in range.intersection(reach).frames { refresh(page, seq, image, onEvent) } }
    }
  }

  private mutating func note(
    _ seen: Observation, _ seq: SequenceNumber, _ image: MachineImage, _ onEvent: (PageEvent) -> Void
  ) {
    for range in ranges { for page in range.intersection(seen.pages).frames { refresh(page, seq, image, onEvent) } }
    if let space = seen.guestSpace, let page = seen.guestPage {
      noteGuest(space, PageRange(page), seq, image, onEvent)
    }
  }

  // Pages of a guest changed: whoever was mapped there before or is now.
  private mutating func noteGuest(
    _ space: SpaceID, _ reach: PageRange, _ seq: SequenceNumber, _ image: MachineImage, _ onEvent: (PageEvent) -> Void
  ) {
    var concerned: Set<PageFrame> = []
    for (place, page) in mappedTo where place.space == space && reach.contains(place.page) { concerned.insert(page) }
    if !ranges.isEmpty {
      for page in reach.frames.prefix(Int(Self.pageLimit)) {
        let place = GuestPage(space, page)
        guard let physical = image.physicalPage(of: place), ranges.contains(where: { $0.contains(physical) }) else {
          continue
        }
        map(place, to: physical)
        concerned.insert(physical)
      }
    }
    for page in concerned.sorted() { refresh(page, seq, image, onEvent) }
    for (owner, pages) in guestRanges where owner == space {
      for page in pages.intersection(reach).frames { refresh(GuestPage(space, page), seq, image, onEvent) }
    }
  }

  private mutating func findMappings(_ image: MachineImage) {
    for range in ranges { image.forEachGuestMapping(of: range) { map($0, to: $1) } }
  }

  private mutating func map(_ place: GuestPage, to page: PageFrame) {
    if let before = mappedTo[place], before != page { mapped[before]?.insert(place) }
    mappedTo[place] = page
    mapped[page, default: []].insert(place)
  }

  // MARK: - comparing

  private mutating func refresh(
    _ page: PageFrame, _ seq: SequenceNumber, _ image: MachineImage, _ onEvent: (PageEvent) -> Void
  ) {
    guard let guests else { return }
    let places = mapped[page] ?? []
    let there = places.filter { image.physicalPage(of: $0) == page }
    let view = image.view(of: page, mappings: Array(there), guests: guests)
    if let before = views[page] {
      guard before != view else { return }
      tell(before, view, seq, image, onEvent)
    } else {
      tell(Self.unseen(page), view, seq, image, onEvent)
    }
    for gone in places.subtracting(there) where mappedTo[gone] == page { mappedTo[gone] = nil }
    mapped[page] = there.isEmpty ? nil : there
    views[page] = view
  }

  private static func unseen(_ page: PageFrame) -> PageView {
    PageView(
      page: page, host: .unknown, hyp: .unknown, guests: [], pins: nil, shareCount: nil, namedGuest: nil)
  }

  private func tell(
    _ before: PageView, _ after: PageView, _ seq: SequenceNumber, _ image: MachineImage,
    _ onEvent: (PageEvent) -> Void
  ) {
    func event(_ aspect: PageAspect, _ old: AspectValue, _ new: AspectValue) {
      guard old != new else { return }
      onEvent(PageEvent(seq: seq, page: after.page, aspect: aspect, before: old, after: new))
    }
    event(
      .holding(.host), .holding(before.host, named: before.namedGuest), .holding(after.host, named: after.namedGuest))
    event(.holding(.hyp), .holding(before.hyp), .holding(after.hyp))
    for place in Set(before.guests.map(\.place)).union(after.guests.map(\.place)).sorted() {
      let old = before.guests.first { $0.place == place }?.holding
      let new = after.guests.first { $0.place == place }?.holding
      event(
        .guest(place), old.map { .holding($0) } ?? .holding(Holding(.noPage), isMapped: false),
        new.map { .holding($0) } ?? left(place, image))
    }
    event(.shareCount, .count(before.shareCount), .count(after.shareCount))
    event(.pins, .count(before.pins), .count(after.pins))
  }

  private func left(_ place: GuestPage, _ image: MachineImage) -> AspectValue {
    guard livingGuests.contains(place.space) else { return .gone }
    return .holding(image.ownership.holding(place.space, place.page), isMapped: false)
  }

  private mutating func refresh(
    _ place: GuestPage, _ seq: SequenceNumber, _ image: MachineImage, _ onEvent: (PageEvent) -> Void
  ) {
    let isAlive = livingGuests.contains(place.space)
    let holding = image.ownership.holding(place.space, place.page)
    let now: AspectValue = isAlive ? .holding(holding, isMapped: image.physicalPage(of: place) != nil) : .gone
    let before = guestHoldings[place] ?? .gone
    guard before != now else { return }
    guestHoldings[place] = now
    onEvent(PageEvent(seq: seq, page: place.page, aspect: .guest(place), before: before, after: now))
  }
}

extension PageRange {
  /// The frames that both ranges hold.
  package func intersection(_ other: PageRange) -> PageRange {
    let low = max(first, other.first)
    let high = min(end, other.end)
    return PageRange(first: low, count: low < high ? high.rawValue - low.rawValue : 0)
  }

  /// The frames, in order.
  package var frames: LazyMapSequence<Range<UInt64>, PageFrame> {
    (first.rawValue..<end.rawValue).lazy.map { PageFrame($0) }
  }
}
