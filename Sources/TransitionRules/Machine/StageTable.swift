// Why: a page table as its leaves show it: where a leaf lies on a level below its neighbours' there is a
// table page, so that splits, folds and the use of table pages need no tree. Not here: writing (+Map,
// +Unmap), what words mean (Leaf).

package import PageOwnership
import PageTables

/// One page table of a machine.
package struct StageTable: Hashable, Sendable {
  var leaves: RunList<Leaf>
  /// The level where a walk begins.
  package let startLevel: Int8

  /// An empty table for addresses of `addressBits` bits; those are cut to what arm64 can have.
  package init(addressBits: Int, startLevel: Int8) {
    self.startLevel = min(max(startLevel, -1), 3)
    let pages: UInt64 = 1 << UInt64(min(max(addressBits, 13), 52) - 12)
    leaves = RunList(.empty(self.startLevel), end: pages)
  }

  /// The first page that the table cannot hold.
  package var pageEnd: UInt64 { leaves.end }

  /// The leaf that answers for a page; for pages beyond the end that of the last one.
  package func leaf(at page: UInt64) -> Leaf { leaves[page] }

  /// Goes through the maximal runs of equal leaves in `range`, in order.
  package func forEachRun(in range: PageRange, _ body: (PageRange, Leaf) -> Void) {
    var page = range.first.rawValue
    let end = min(range.end.rawValue, pageEnd)
    while page < end {
      let index = leaves.index(of: page)
      let next = min(leaves.end(ofRun: index), end)
      body(PageRange(first: PageFrame(page), count: next &- page), leaves.runs[index].value)
      page = next
    }
  }

  /// How many runs of equal leaves the table has: its memory is this times 24 bytes.
  package var runCount: Int { leaves.runs.count }

  /// Puts leaves of one kind on a range, as a snapshot shows them; table pages are not counted.
  package mutating func put(_ range: PageRange, _ leaf: Leaf) {
    leaves.set(range.first.rawValue, range.end.rawValue, to: leaf)
  }

  /// The pages that a walk of a range of bytes visits; nil if it leaves the table (`-ERANGE`).
  ///
  /// The corresponding kernel function is `kvm_pgtable_walk`: an end that wraps is an end before the begin, and the
  /// walk visits nothing.
  func walk(_ address: UInt64, _ size: UInt64) -> Range<UInt64>? {
    let start = address & ~0xfff
    let end = (start &+ size &+ 0xfff) & ~0xfff
    let limit = pageEnd << 12
    guard start <= limit, end <= limit else { return nil }
    return start >> 12..<max(start, end) >> 12
  }

  /// How many table pages the table has below its root.
  package var tableCount: Int {
    var count = 0
    var page: UInt64 = 0
    let size = Leaf.pageCount(startLevel)
    while page < pageEnd {
      let index = leaves.index(of: page)
      if leaves.runs[index].value.level > startLevel {
        count += tableCount(below: startLevel, at: page)
        page &+= size
      } else {
        page = max(page &+ size, leaves.end(ofRun: index) & ~(size &- 1))
      }
    }
    return count
  }

  /// How many table pages hang below an entry of `level` that covers `page`.
  func tableCount(below level: Int8, at page: UInt64) -> Int {
    let size = Leaf.pageCount(level)
    let start = page & ~(size &- 1)
    var count = 1
    guard level < 2 else { return count }
    var child = start
    while child < start &+ size {
      let index = leaves.index(of: child)
      let childSize = Leaf.pageCount(level &+ 1)
      if leaves.runs[index].value.level > level &+ 1 {
        count += tableCount(below: level &+ 1, at: child)
        child &+= childSize
      } else {
        child = max(child &+ childSize, leaves.end(ofRun: index) & ~(childSize &- 1))
      }
    }
    return count
  }
}

/// Where table pages come from and go to.
struct TablePool: Hashable, Sendable {
  var free: Int

  mutating func take() -> Bool {
    guard free > 0 else { return false }
    free -= 1
    return true
  }

  mutating func give(_ count: Int) { free += count }
}
