// Why: what a hypervisor's write to one descriptor does to its neighbours, as seen in all recordings:
// a page written into a block leaves the block's other pages unmapped, a block written over a table drops it.

package import PageOwnership

extension DescriptorTable {
  /// Writes leaves of one level over `pages`: `raw` is the first; the output address of a valid one rises.
  ///
  /// A leaf that covers only a part of `pages` is written whole. A leaf written inside a coarser block turns the block
  /// into a table whose other entries are zero; a zero written there removes the block. What lay below a written leaf
  /// is gone. Zeros cost what they cover, other leaves what they are, at most ``leafLimit``.
  /// - Throws: ``DescriptorTableError``; nothing is written then.
  package mutating func set(pages: PageRange, level: Int8, raw: UInt64) throws(DescriptorTableError) {
    guard (Self.rootLevel...3).contains(level) else { throw .badLevel(level) }
    guard pages.count > 0, pages.end.rawValue <= Self.pageEnd else { throw .badPages(pages) }
    let shift = Self.shift(level)
    let start = (pages.first.rawValue >> shift) << shift
    let end = ((pages.end.rawValue - 1) >> shift + 1) << shift
    let write = LeafWrite(start: start, end: end, level: level, first: Descriptor(raw))
    if raw != 0 && write.leafCount > Self.leafLimit { throw .tooManyLeaves(write.leafCount) }
    self.write(write, node: 0, level: Self.rootLevel, base: 0)
  }

  private struct LeafWrite {
    var start: UInt64
    var end: UInt64
    var level: Int8
    var first: Descriptor
    var isZero: Bool { first.rawValue == 0 }
    var leafCount: UInt64 { (end - start) >> DescriptorTable.shift(level) }
  }

  private mutating func write(_ leaves: LeafWrite, node: Int, level: Int8, base: UInt64) {
    let shift = Self.shift(level)
    let lowest = Int((max(leaves.start, base) - base) >> shift)
    let highest = Int(min((leaves.end - 1 - base) >> shift, 511))
    for index in lowest...highest {
      let start = base + UInt64(index) << shift
      let isCovered = leaves.start <= start && start + 1 << shift <= leaves.end
      if level == leaves.level || leaves.isZero && isCovered {
        put(node << 9 | index, .leaf, leaves.first.advanced(byPages: start &- leaves.start).rawValue)
      } else if let child = descend(node << 9 | index, isZero: leaves.isZero) {
        write(leaves, node: child, level: level + 1, base: start)
      }
    }
  }

  /// The node below a slot, made if need be; nil if a zero ends at this slot.
  private mutating func descend(_ cell: Int, isZero: Bool) -> Int? {
    switch kinds[cell] {
    case .node:
      return Int(words[cell])
    case .leaf where isZero:
      words[cell] = 0
      return nil
    case .leaf:
      return grow(cell, .leaf)
    case .unknown:
      return grow(cell, .unknown)
    }
  }

  private mutating func grow(_ cell: Int, _ kind: Kind) -> Int {
    let child = allocate(kind)
    words[cell] = UInt64(child)
    kinds[cell] = .node
    return child
  }

  /// Makes `pages` unknown again; a block that covers only a part of them is unknown as a whole, for it is one word.
  package mutating func forget(_ pages: PageRange) {
    let end = min(pages.end.rawValue, Self.pageEnd)
    guard pages.first.rawValue < end else { return }
    forget(pages.first.rawValue, end, node: 0, level: Self.rootLevel, base: 0)
  }

  private mutating func forget(_ first: UInt64, _ end: UInt64, node: Int, level: Int8, base: UInt64) {
    let shift = Self.shift(level)
    let lowest = Int((max(first, base) - base) >> shift)
    let highest = Int(min((end - 1 - base) >> shift, 511))
    for index in lowest...highest {
      let cell = node << 9 | index
      let start = base + UInt64(index) << shift
      let isCovered = first <= start && start + 1 << shift <= end
      if isCovered || kinds[cell] == .leaf && words[cell] != 0 {
        put(cell, .unknown, 0)
      } else if kinds[cell] != .unknown {
        let child = kinds[cell] == .node ? Int(words[cell]) : grow(cell, .leaf)
        forget(first, end, node: child, level: level + 1, base: start)
      }
    }
  }
}
