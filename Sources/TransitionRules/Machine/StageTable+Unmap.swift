// Why: what the kernel's table code does when something is taken away: entries are cleared, tables that
// became empty go back to their pool, but only those that the walk leaves in order. Edits of permissions and
// access flags walk the same leaves.

import PageOwnership

extension StageTable {
  /// Clears pages of stage 2 with everything that they hold, annotations too.
  ///
  /// The corresponding kernel function is `kvm_pgtable_stage2_unmap`.
  mutating func unmap(_ pages: Range<UInt64>, _ pool: inout some PageSource) {
    guard !pages.isEmpty else { return }
    _ = clear(startLevel, pages.lowerBound, pages.upperBound, stopsAtInvalid: false, &pool)
  }

  /// Clears pages of the hypervisor's stage 1; gives how many, which is less if a page was not mapped.
  ///
  /// The corresponding kernel function is `kvm_pgtable_hyp_unmap`.
  mutating func unmapHyp(_ pages: Range<UInt64>, _ pool: inout some PageSource) -> UInt64 {
    guard !pages.isEmpty else { return 0 }
    let stop = clear(startLevel, pages.lowerBound, pages.upperBound, stopsAtInvalid: true, &pool)
    return stop &- pages.lowerBound
  }

  /// Clears `lower..<upper` inside one table of `level`; gives where it stopped.
  private mutating func clear(
    _ level: Int8, _ lower: UInt64, _ upper: UInt64, stopsAtInvalid: Bool, _ pool: inout some PageSource
  ) -> UInt64 {
    let size = Leaf.pageCount(level)
    var page = lower
    while page < upper {
      let index = leaves.index(of: page)
      let found = leaves.runs[index].value
      if found.level > level {
        let block = page & ~(size &- 1)
        let end = min(upper, block &+ size)
        let stop = clear(level &+ 1, page, end, stopsAtInvalid: stopsAtInvalid, &pool)
        if stop < end { return stop }
        releaseIfEmpty(level, block, &pool)
        page = end
        continue
      }
      if stopsAtInvalid && (!found.isValid || upper &- page < size || page & (size &- 1) != 0) { return page }
      let whole = stopsAtInvalid ? upper : upper &+ size &- 1
      let next = min(leaves.end(ofRun: index), whole & ~(size &- 1))
      if !found.isEmpty { leaves.set(page & ~(size &- 1), next, to: .empty(level)) }
      page = min(next, upper)
    }
    return upper
  }

  /// Gives back the table below an entry of `level` if nothing is left in it.
  private mutating func releaseIfEmpty(_ level: Int8, _ block: UInt64, _ pool: inout some PageSource) {
    let index = leaves.index(of: block)
    let end = block &+ Leaf.pageCount(level)
    guard leaves.runs[index].value == .empty(level &+ 1), leaves.end(ofRun: index) >= end else { return }
    leaves.set(block, end, to: .empty(level))
    pool.give(1)
  }

  /// Changes the words of valid leaves in a range, whole blocks where the range touches them.
  mutating func editLeaves(_ pages: Range<UInt64>, _ change: (UInt64) -> UInt64) {
    var page = pages.lowerBound
    while page < pages.upperBound {
      let index = leaves.index(of: page)
      let found = leaves.runs[index].value
      let mask = Leaf.pageCount(found.level) &- 1
      let next = min(leaves.end(ofRun: index), (pages.upperBound &+ mask) & ~mask)
      if found.isValid {
        leaves.set(page & ~mask, next, to: Leaf(word: change(found.word), level: found.level))
      }
      page = next
    }
  }
}
