// Why: a scenario goes on where a journal ends, and "what would happen" is asked of a recorded state: both need
// a machine that an engine can work on, made of a replayed one. Not here: replaying (Analysis).

package import PageOwnership
package import PageTables

/// A guest as a journal knows it.
package struct RestoredGuest: Hashable, Sendable {
  /// Its space; the handle counts from there.
  package var space: Space
  /// Whether it lives.
  package var isAlive: Bool
  /// Whether the hypervisor's table of VMs has it.
  package var isKnown: Bool
  /// Pages that its vCPU's memcache had before the guest got any table.
  package var memcache: Int

  /// Makes a guest.
  package init(space: Space, isAlive: Bool, isKnown: Bool, memcache: Int) {
    self.space = space
    self.isAlive = isAlive
    self.isKnown = isKnown
    self.memcache = memcache
  }
}

extension Machine {
  /// The machine that a replay shows. Table pages exist where something is mapped or named: a table that is empty is
  /// taken as given back. The pools are left empty.
  ///
  /// - Parameter references: The reference counts of pages that the hypervisor owns, where a word showed them.
  package init(
    restoring image: MachineImage, shape: MachineShape, guests: [RestoredGuest], references: [PageFrame: UInt16] = [:]
  ) {
    self.init(shape: shape, hostTablePages: 0, hypTablePages: 0)
    var runs: [(pages: PageRange, leaf: Leaf)] = []
    image.forEachLeaf(.hostStage2, .host) { Self.collect($0, offset: 0, &runs) }
    _ = host.fill(runs)
    runs.removeAll()
    image.forEachLeaf(.hypStage1, .hyp) { Self.collect($0, offset: shape.hypOffset >> 12, &runs) }
    _ = hyp.fill(runs)
    for guest in guests { self.guests.append(Self.guest(guest, image, shape)) }
    for region in shape.regions { restoreFrames(region.pages, image) }
    for (page, count) in references where frame(page).hyp == .owned || image.isOwnedByHyp(page) {
      updateFrames(PageRange(page)) { $0.references = count }
    }
  }

  private static func collect(_ run: LeafRun, offset: UInt64, _ runs: inout [(pages: PageRange, leaf: Leaf)]) {
    let first = run.pages.first.advanced(by: offset)
    let leaf = Leaf(LeafWord(level: run.level, raw: run.raw), at: first.rawValue)
    runs.append((PageRange(first: first, count: run.pages.count), leaf))
  }

  private static func guest(_ told: RestoredGuest, _ image: MachineImage, _ shape: MachineShape) -> GuestMachine {
    var guest = GuestMachine(
      space: told.space.id, handle: told.space.handle ?? VMHandle(rawValue: 0),
      isProtected: told.space.isProtected ?? false, memcache: told.memcache, shape: shape)
    guest.isKnown = told.isKnown
    guest.hasTable = told.isAlive
    var runs: [(pages: PageRange, leaf: Leaf)] = []
    image.forEachLeaf(.guestStage2, told.space.id) { collect($0, offset: 0, &runs) }
    guest.memcache = max(0, told.memcache - guest.table.fill(runs))
    return guest
  }

  private mutating func restoreFrames(_ pages: PageRange, _ image: MachineImage) {
    let encoding = image.encoding
    if !encoding.keepsHostStateInDescriptors {
      image.ownership.forEachRun(.host, in: pages) { run, holding in updateFrames(run) { $0.host = holding.state } }
    }
    if !encoding.keepsHypStateInDescriptors {
      image.ownership.forEachRun(.hyp, in: pages) { run, holding in updateFrames(run) { $0.hyp = holding.state } }
    }
    image.ownership.forEachPinRun(in: pages) { run, pins in
      updateFrames(run) { $0.references = UInt16(clamping: pins ?? 0) }
    }
    image.ownership.forEachShareCountRun(in: pages) { run, count in updateFrames(run) { $0.shareCount = count ?? 0 } }
  }

  /// Fills the pools so that tables and free pages together are as many as on `start`, where so many were free.
  package mutating func fillPools(as start: Machine, free: (host: Int, hyp: Int)) {
    freeTables = (
      free.host + start.host.tableCount - host.tableCount, free.hyp + start.hyp.tableCount - hyp.tableCount
    )
  }
}

extension MachineImage {
  fileprivate func isOwnedByHyp(_ page: PageFrame) -> Bool { ownership.holding(.hyp, page).state == .owned }
}
