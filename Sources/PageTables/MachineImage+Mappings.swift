// Why: "which guests map this page?" runs against the direction of the tables, so all their leaves are read.
// Not here: who followed which page over time (Analysis).

package import PageOwnership

extension MachineImage {
  /// A machine whose ownership is known and whose raw tables are not; nothing unknown may be left in `ownership`.
  package init(generation: Generation, regions: [Region], ownership: OwnershipState) {
    self.init(generation: generation, regions: regions)
    for space in ownership.spaces where space.isGuest { guests[space] = DescriptorTable(isEmpty: false) }
    self.ownership = ownership
  }

  /// The guests that live, by number.
  package var livingGuests: [SpaceID] { guests.keys.sorted() }

  /// The physical page that a guest's page is mapped to; nil if unmapped, unknown or no such guest lives.
  package func physicalPage(of guest: GuestPage) -> PageFrame? {
    guard let leaf = leaf(.guestStage2, guest.space, at: guest.page) else { return nil }
    return Self.physicalPage(leaf, at: guest.page)
  }

  /// The physical page that a leaf maps `page` to; nil if it is invalid.
  package static func physicalPage(_ leaf: LeafWord, at page: PageFrame) -> PageFrame? {
    guard Descriptor(leaf.raw).isValid else { return nil }
    let block = Descriptor(leaf.raw).outputAddress(level: leaf.level) >> 12
    return PageFrame(block &+ (page.rawValue & (pagesPerLeaf(leaf.level) - 1)))
  }

  /// The pages that a write to a run of leaves can reach: whole leaves of the coarser of the two levels.
  ///
  /// A zero says nothing of its level: the pages around a new leaf stay what they were.
  package static func reach(of change: Change) -> PageRange {
    guard change.table != .vmemmap else { return change.pages }
    if change.old == 0 { return covered(change.pages, level: change.newLevel) }
    if change.new == 0 { return covered(change.pages, level: change.oldLevel) }
    return covered(change.pages, level: min(change.oldLevel, change.newLevel))
  }

  /// Goes through every guest page that is mapped to one of `pages`, by guest and gfn.
  package func forEachGuestMapping(of pages: PageRange, _ body: (GuestPage, PageFrame) -> Void) {
    for space in livingGuests {
      guests[space]?.forEachLeaf(in: Self.everyPage) { run in
        guard Descriptor(run.raw).isValid else { return }
        let first = Descriptor(run.raw).outputAddress(level: run.level) >> 12
        let low = max(first, pages.first.rawValue)
        let high = min(first &+ run.pages.count, pages.end.rawValue)
        guard low < high else { return }
        for page in low..<high {
          body(GuestPage(space, PageFrame(run.pages.first.rawValue &+ (page - first))), PageFrame(page))
        }
      }
    }
  }

  private static let everyPage = PageRange(first: PageFrame(0), count: pageLimit)
}
