// Why: what the kernel's table code does when something is mapped: blocks where they fit, tables where they
// do not, whole blocks dropped for one page, tables folded into blocks. Not here: taking away (+Unmap).

import PageOwnership

/// What is to be written, and how.
struct LeafWrite {
  /// The word of every leaf, relative if valid.
  var word: UInt64
  /// Whether only leaves of page size may be written.
  var isPageOnly: Bool
}

extension StageTable {
  /// Writes leaves over pages of stage 2. Gives 0 or `-ENOMEM`; what was written before stays.
  ///
  /// The corresponding kernel functions are `kvm_pgtable_stage2_map`, `_set_owner` and `_annotate`.
  mutating func write(_ pages: Range<UInt64>, _ leaf: LeafWrite, _ pool: inout some PageSource) -> Int64 {
    var page = pages.lowerBound
    while page < pages.upperBound {
      let result = writeOne(&page, pages.upperBound, leaf, &pool)
      if result != 0 { return result }
    }
    return 0
  }

  private mutating func writeOne(
    _ page: inout UInt64, _ end: UInt64, _ write: LeafWrite, _ pool: inout some PageSource
  ) -> Int64 {
    var found = leaves[page]
    var level = startLevel
    while true {
      if allows(write, level, page, end) {
        let isTable = level < found.level
        let next = stretch(page, end, level, write)
        if isTable { pool.give(tableCount(below: level, at: page)) }
        if isTable || Self.needsUpdate(found.word, write) {
          leaves.set(page, next, to: Leaf(word: write.word, level: level))
        }
        page = next
        return 0
      }
      if level >= found.level {
        // A block is replaced by a table whose other entries are filled lazily.
        guard pool.take() else { return Errno.noMemory }
        found = .empty(level &+ 1)
        let block = page & ~(Leaf.pageCount(level) &- 1)
        leaves.set(block, block &+ Leaf.pageCount(level), to: found)
      }
      level &+= 1
    }
  }

  /// How far the same step repeats itself: over equal pages of one table, else one leaf.
  private func stretch(_ page: UInt64, _ end: UInt64, _ level: Int8, _ write: LeafWrite) -> UInt64 {
    guard level == 3 else { return page &+ Leaf.pageCount(level) }
    let table = (page | 511) &+ 1
    let index = leaves.index(of: page)
    guard leaves.runs[index].value.level == 3 else { return page &+ 1 }
    return min(end, leaves.end(ofRun: index), write.isPageOnly ? .max : table)
  }

  private func allows(_ write: LeafWrite, _ level: Int8, _ page: UInt64, _ end: UInt64) -> Bool {
    if level == 3 { return true }
    guard !write.isPageOnly, level >= 1, write.word & 1 != 0 else { return false }
    let size = Leaf.pageCount(level)
    let target = page &+ write.word >> 12
    return size <= end &- page && (page | target & 0xf_ffff_ffff) & (size &- 1) == 0
  }

  /// A mapping whose permissions alone would change is left to the next fault.
  private static func needsUpdate(_ old: UInt64, _ write: LeafWrite) -> Bool {
    guard old & 1 != 0 else { return true }
    return (old ^ write.word) & ~Leaf.stage2Permissions != 0
  }

  /// Maps one page of the hypervisor's stage 1. Gives 0, `-ENOMEM`, or `-EINVAL` (with two warnings) for a page that is
  /// mapped otherwise than in its software bits.
  ///
  /// The corresponding kernel function is `kvm_pgtable_hyp_map`, one page at a time.
  mutating func mapHyp(_ page: UInt64, _ word: UInt64, _ pool: inout some PageSource) -> Int64 {
    var found = leaves[page]
    while found.level < 3 {
      guard pool.take() else { return Errno.noMemory }
      let block = page & ~(Leaf.pageCount(found.level) &- 1)
      let next = Leaf.empty(found.level &+ 1)
      leaves.set(block, block &+ Leaf.pageCount(found.level), to: next)
      found = next
    }
    if found.isValid && (found.word ^ word) & ~Leaf.softwareMask != 0 { return Errno.invalid }
    leaves.set(page, page &+ 1, to: Leaf(word: word, level: 3))
    return 0
  }
}

/// Where a table page comes from when one is needed.
protocol PageSource {
  mutating func take() -> Bool
  mutating func give(_ count: Int)
}

extension TablePool: PageSource {}
