// Why: what a machine is and does not become: its memory, its widths, where the hypervisor maps what. All
// of it is input, because rules alone decide nothing about addresses.

package import PageOwnership

/// What of a machine does not change while it runs.
package struct MachineShape: Hashable, Sendable {
  /// Memory, in rising order without overlaps: memory that may change hands and memory that may not (NOMAP).
  package let regions: [Region]
  /// Bits of a physical address, and of the host's and guests' intermediate addresses.
  package let addressBits: Int
  /// The level where walks of the host's stage 2 and of guests begin.
  package let stage2Start: Int8
  /// Bits of an address of the hypervisor.
  package let hypAddressBits: Int
  /// The level where walks of the hypervisor's stage 1 begin.
  package let stage1Start: Int8
  /// What the hypervisor adds to a physical address to reach it, modulo 2^64 (`hyp_physvirt_offset`, negated).
  package let hypOffset: UInt64

  /// Makes a shape; regions of other kinds are left out, widths cut to what arm64 can have.
  package init(
    regions: [Region], addressBits: Int = 40, stage2Start: Int8 = 1, hypAddressBits: Int = 48, stage1Start: Int8 = 0,
    hypOffset: UInt64
  ) {
    let memory = regions.filter { $0.kind != .mmio && $0.pages.count > 0 }
    self.regions = memory.sorted { $0.pages.first < $1.pages.first }
    self.addressBits = min(max(addressBits, 32), 48)
    self.stage2Start = stage2Start
    self.hypAddressBits = min(max(hypAddressBits, 39), 48)
    self.stage1Start = stage1Start
    self.hypOffset = hypOffset
  }

  /// How many pages the physical address space has.
  package var pageEnd: UInt64 { 1 << UInt64(addressBits - 12) }

  /// The region that holds a byte address, or the gap around it; `kind` is nil for a gap.
  ///
  /// The corresponding kernel function is `find_mem_range`. The last byte is given; the last gap
  /// ends one byte early, as the kernel's does.
  func stretch(at address: UInt64) -> (first: UInt64, last: UInt64, kind: RegionKind?) {
    var low = 0
    var high = regions.count
    var first: UInt64 = 0
    var last = UInt64.max - 1
    while low < high {
      let middle = (low + high) >> 1
      let pages = regions[middle].pages
      if address < pages.first.address {
        high = middle
        last = pages.first.address &- 1
      } else if address >= pages.end.address {
        low = middle + 1
        first = pages.end.address
      } else {
        return (pages.first.address, pages.end.address &- 1, regions[middle].kind)
      }
    }
    return (first, last, nil)
  }

  /// Whether a page has a `struct hyp_page` behind it: those of the regions, rounded out to whole pages of metadata.
  func isBacked(_ page: UInt64, framesPerPage: UInt64) -> Bool {
    let first = page & ~(framesPerPage - 1)
    let last = first | (framesPerPage - 1)
    var low = 0
    var high = regions.count
    while low < high {
      let middle = (low + high) >> 1
      let pages = regions[middle].pages
      if last < pages.first.rawValue {
        high = middle
      } else if first >= pages.end.rawValue {
        low = middle + 1
      } else {
        return true
      }
    }
    return false
  }
}
