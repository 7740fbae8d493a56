// Why: a machine as its raw tables show it, and the ownership that they imply, kept in step: the one
// place where a raw word becomes a state. Import uses it to infer what a check found, replay uses it to
// compare a journal with everything that was observed.
// Not here: the order of entries (Analysis) and where words come from (Capture, Journal).

package import PageOwnership

/// All tables of a machine, with the logical ownership that they imply.
package struct MachineImage: Sendable {
  /// The rules in force.
  package let generation: Generation
  /// Where this generation keeps what.
  package let encoding: TableEncoding
  /// The implied ownership, pins and share counts, with their hash.
  package internal(set) var ownership = OwnershipState()
  var hostStage2 = DescriptorTable(isEmpty: false)
  var hypStage1 = DescriptorTable(isEmpty: false)
  var guests: [SpaceID: DescriptorTable] = [:]
  /// The regions of memory.
  package let regions: [Region]
  /// True once a snapshot has shown every page of every table and nothing was forgotten since.
  package internal(set) var isWhollyKnown = false

  /// A machine of which nothing was seen yet.
  package init(generation: Generation, regions: [Region]) {
    self.generation = generation
    encoding = TableEncoding(generation)
    self.regions = regions
  }

  /// A guest was born; `isEmpty` if its table is known to be empty.
  package mutating func addGuest(_ space: Space, isEmpty: Bool) {
    guests[space.id] = DescriptorTable(isEmpty: isEmpty)
    if !isEmpty { isWhollyKnown = false }
    ownership.addSpace(space, isEmpty: isEmpty)
  }

  /// A guest died: nothing is held in its space any more.
  package mutating func removeGuest(_ space: SpaceID) {
    guests[space] = nil
    ownership.removeSpace(space)
  }

  /// The leaves of the logical state that changed since the last call, for an own snapshot.
  package mutating func takeDirtyLeaves() -> [LeafImage] { ownership.takeDirtyLeaves() }

  /// Something unseen happened: nothing is certain any more, for no page of any space.
  package mutating func forgetEverything() {
    isWhollyKnown = false
    hostStage2 = DescriptorTable(isEmpty: false)
    hypStage1 = DescriptorTable(isEmpty: false)
    for space in guests.keys { guests[space] = DescriptorTable(isEmpty: false) }
    let all = PageRange(first: PageFrame(0), count: Self.pageLimit)
    for space in [SpaceID.host, .hyp] + guests.keys.sorted() {
      ownership.apply(
        OwnershipUpdate(space: space, pages: all, state: .unknown, annotation: .unknown, pins: nil, shareCount: nil))
    }
    ownership.forgetCounters()
  }

  /// One past the last frame number that a 64-bit address can have.
  static let pageLimit: UInt64 = 1 << 52

  /// Whether a hypervisor page (by the linear map's numbers) lies in the linear map at all; private
  /// mappings and fixmap slots do not, change without a transition and say nothing of ownership.
  package static func isLinear(_ page: PageFrame) -> Bool { page.rawValue < 1 << 36 }

  /// The leaf that the tables show for a page; nil if unknown.
  package func leaf(_ table: TableKind, _ space: SpaceID, at page: PageFrame) -> LeafWord? {
    self.table(table, space)?.leaf(at: page)
  }

  /// A table; nil for the vmemmap and for the tables of guests that do not live.
  func table(_ table: TableKind, _ space: SpaceID) -> DescriptorTable? {
    switch table {
    case .hostStage2: hostStage2
    case .hypStage1: hypStage1
    case .guestStage2: guests[space]
    case .vmemmap: nil
    }
  }
}
