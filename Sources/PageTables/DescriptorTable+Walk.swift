// Why: snapshots, comparisons and listings read a table as runs of like leaves, the way recorders write them.

package import PageOwnership

/// A run of like leaves of a table.
package struct LeafRun: Hashable, Sendable {
  /// The pages that the leaves cover, whole leaves only.
  package var pages: PageRange
  /// The level of the leaves.
  package var level: Int8
  /// The first descriptor; the output address of following valid ones rises.
  package var raw: UInt64

  /// Makes a run.
  package init(pages: PageRange, level: Int8, raw: UInt64) {
    self.pages = pages
    self.level = level
    self.raw = raw
  }

  /// The leaf `page` lies in; `page` must be one of ``pages``.
  package func leaf(at page: PageFrame) -> LeafWord {
    let shift = UInt64(9 * (3 - Int(min(max(level, -2), 3))))
    let offset = ((page.rawValue &- pages.first.rawValue) >> shift) << shift
    return LeafWord(level: level, raw: Descriptor(raw).advanced(byPages: offset).rawValue)
  }

  /// Takes `next` in if it continues the run: consecutive, same level, same bits, output address contiguous.
  fileprivate mutating func absorb(_ next: LeafRun) -> Bool {
    guard next.level == level, next.pages.first == pages.end else { return false }
    guard Descriptor(raw).advanced(byPages: pages.count).rawValue == next.raw else { return false }
    pages.count += next.pages.count
    return true
  }
}

extension DescriptorTable {
  /// An image that holds exactly these runs; everything else is known to be zero.
  /// - Throws: ``DescriptorTableError`` if a run cannot be.
  package init(runs: some Sequence<LeafRun>) throws(DescriptorTableError) {
    self.init(isEmpty: true)
    for run in runs { try set(pages: run.pages, level: run.level, raw: run.raw) }
  }

  /// Goes through the leaves that cover `range`, in order, as runs; zero and unknown ones are left out.
  ///
  /// A leaf that lies in the range only in part comes whole.
  package func forEachLeaf(in range: PageRange, _ body: (LeafRun) -> Void) {
    var pending: LeafRun?
    visit(range) { cell, level, start in
      guard kinds[cell] == .leaf, words[cell] != 0 else { return }
      let pages = PageRange(first: PageFrame(start), count: 1 << Self.shift(level))
      let next = LeafRun(pages: pages, level: level, raw: words[cell])
      if pending?.absorb(next) == true { return }
      if let done = pending { body(done) }
      pending = next
    }
    if let pending { body(pending) }
  }

  /// Goes through the unknown pages of `range`, in order, as runs cut to the range.
  package func forEachUnknown(in range: PageRange, _ body: (PageRange) -> Void) {
    var pending: PageRange?
    visit(range) { cell, level, start in
      guard kinds[cell] == .unknown else { return }
      let first = max(start, range.first.rawValue)
      let end = min(start + 1 << Self.shift(level), range.end.rawValue)
      if let run = pending, run.end.rawValue == first {
        pending?.count += end - first
        return
      }
      if let done = pending { body(done) }
      pending = PageRange(first: PageFrame(first), count: end - first)
    }
    if let pending { body(pending) }
  }

  /// Hears of every slot that is no node, in order.
  private func visit(_ range: PageRange, _ body: (_ cell: Int, _ level: Int8, _ start: UInt64) -> Void) {
    let end = min(range.end.rawValue, Self.pageEnd)
    guard range.first.rawValue < end else { return }
    visit(range.first.rawValue, end, node: 0, level: Self.rootLevel, base: 0, body)
  }

  private func visit(
    _ first: UInt64, _ end: UInt64, node: Int, level: Int8, base: UInt64,
    _ body: (_ cell: Int, _ level: Int8, _ start: UInt64) -> Void
  ) {
    let shift = Self.shift(level)
    let lowest = Int((max(first, base) - base) >> shift)
    let highest = Int(min((end - 1 - base) >> shift, 511))
    for index in lowest...highest {
      let cell = node << 9 | index
      let start = base + UInt64(index) << shift
      if kinds[cell] == .node {
        visit(first, end, node: Int(words[cell]), level: level + 1, base: start, body)
      } else {
        body(cell, level, start)
      }
    }
  }
}
