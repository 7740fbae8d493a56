// Why: hashes, listings and comparisons read a map as runs of equal words; how the tree cuts the pages
// must not show.

extension RadixMap {
  /// Goes through the words of `range` in order; neighbours with equal words come as one run.
  package func forEachRun(in range: PageRange, _ body: (PageRange, UInt64) -> Void) {
    let end = min(range.end.rawValue, Self.pageEnd)
    guard range.first.rawValue < end else { return }
    var pending = PendingRun(start: range.first.rawValue, word: get(range.first))
    visit(NodeKey(height: Self.rootHeight, index: 0), 0, range.first.rawValue, end) { start, word in
      if word == pending.word { return }
      body(PageRange(first: PageFrame(pending.start), count: start - pending.start), pending.word)
      pending = PendingRun(start: start, word: word)
    }
    body(PageRange(first: PageFrame(pending.start), count: end - pending.start), pending.word)
  }

  private struct PendingRun {
    var start: UInt64
    var word: UInt64
  }

  private func visit(
    _ key: NodeKey, _ node: Int, _ start: UInt64, _ end: UInt64, _ body: (_ start: UInt64, _ word: UInt64) -> Void
  ) {
    let shift = UInt64(key.height * 9)
    var index = Int((max(start, key.start) - key.start) >> shift)
    let last = Int((min(end, key.end) - 1 - key.start) >> shift)
    while index <= last {
      let slot = inner.cells[node << 9 + index]
      let slotKey = NodeKey(height: key.height - 1, index: key.index << 9 + UInt64(index))
      if !Self.isNode(slot) {
        body(max(start, slotKey.start), slot)
        index = inner.runEnd(node << 9 + index, node << 9 + last + 1) - node << 9
        continue
      }
      if slotKey.height > 0 {
        visit(slotKey, Self.node(slot), start, end, body)
      } else {
        visitLeaf(slotKey, slot, start, end, body)
      }
      index += 1
    }
  }

  private func visitLeaf(
    _ key: NodeKey, _ leaf: UInt64, _ start: UInt64, _ end: UInt64, _ body: (_ start: UInt64, _ word: UInt64) -> Void
  ) {
    var index = Int(max(start, key.start) - key.start)
    let last = Int(min(end, key.end) - key.start)
    let base = Self.node(leaf) << 9
    while index < last {
      body(key.start + UInt64(index), leafWord(leaf, index))
      let isWide = leaf & Self.wideFlag != 0
      index = (isWide ? wide.runEnd(base + index, base + last) : narrow.runEnd(base + index, base + last)) - base
    }
  }
}
