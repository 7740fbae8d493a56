// Why: the state that an operation reads and writes: three kinds of tables, the metadata, the pools. A
// value: a copy is a moment, two moments are equal exactly if all that rules can see is equal. Not here: what
// is allowed (Engine), how it began (MachineShape and whoever makes one).

package import PageOwnership

/// A guest of a machine.
package struct GuestMachine: Hashable, Sendable {
  /// Its number, as journals name it.
  package let space: SpaceID
  /// The handle that the hypervisor knows it by.
  package let handle: VMHandle
  /// Whether it is a protected guest.
  package let isProtected: Bool
  /// Whether the hypervisor's table of VMs has it.
  package var isKnown = true
  /// Whether its stage 2 exists.
  package var hasTable = true
  /// Its stage 2.
  package var table: StageTable
  /// Pages that its vCPU's memcache still holds.
  package var memcache: Int
  /// Table pages that it gave back and may use again.
  package var freeTables = 0

  /// Makes a guest with an empty table.
  package init(space: SpaceID, handle: VMHandle, isProtected: Bool, memcache: Int, shape: MachineShape) {
    self.space = space
    self.handle = handle
    self.isProtected = isProtected
    self.memcache = max(0, memcache)
    table = StageTable(addressBits: shape.addressBits, startLevel: shape.stage2Start)
  }
}

/// The source of a guest's table pages: those it gave back, then its vCPU's memcache.
struct GuestPool: PageSource {
  var free: Int
  var memcache: Int

  mutating func take() -> Bool {
    if free > 0 {
      free -= 1
    } else if memcache > 0 {
      memcache -= 1
    } else {
      return false
    }
    return true
  }

  mutating func give(_ count: Int) { free += count }
}

/// The state of a machine at one moment.
package struct Machine: Hashable, Sendable {
  /// The host's stage 2.
  package var host: StageTable
  /// The hypervisor's stage 1, by the pages of its own addresses.
  package var hyp: StageTable
  var frames: RunList<FrameWord>
  /// The guests, in the order of their numbers.
  package var guests: [GuestMachine] = []
  var hostPool: TablePool
  var hypPool: TablePool

  /// A machine on which nothing is mapped and the host owns everything.
  package init(shape: MachineShape, hostTablePages: Int, hypTablePages: Int) {
    host = StageTable(addressBits: shape.addressBits, startLevel: shape.stage2Start)
    hyp = StageTable(addressBits: shape.hypAddressBits, startLevel: shape.stage1Start)
    frames = RunList(.untouched, end: 1 << 52)
    hostPool = TablePool(free: max(0, hostTablePages))
    hypPool = TablePool(free: max(0, hypTablePages))
  }

  /// Table pages that the pools of the host's stage 2 and of the hypervisor still have; written by whoever keeps some
  /// away from the rules.
  package var freeTables: (host: Int, hyp: Int) {
    get { (hostPool.free, hypPool.free) }
    set {
      hostPool.free = max(0, newValue.host)
      hypPool.free = max(0, newValue.hyp)
    }
  }

  /// The metadata of a page.
  package func frame(_ page: PageFrame) -> FrameWord { frames[page.rawValue & ((1 << 52) - 1)] }

  /// Changes the metadata of pages.
  package mutating func updateFrames(_ pages: PageRange, _ change: (inout FrameWord) -> Void) {
    frames.update(pages.first.rawValue, pages.end.rawValue) { word in
      var word = word
      change(&word)
      return word
    }
  }

  /// Where a guest stands in ``guests``; nil for one that does not exist.
  package func place(of space: SpaceID) -> Int? {
    for place in guests.indices where guests[place].space == space { return place }
    return nil
  }

  /// How many runs of equal pages the machine takes: its memory is about this times 24 bytes.
  package var runCount: Int {
    guests.reduce(host.runCount + hyp.runCount + frames.runs.count) { $0 + $1.table.runCount }
  }
}
