// Why: an image of one page table, to compare what a recording says was there with what must have been.
// It mirrors the table's own radix, because a write to a block or to a table has effects that only the
// tree explains. Not here: writing (+Write), listings (+Walk), the meaning of words (TableEncoding).

package import PageOwnership

/// Why a table cannot be written as asked.
package enum DescriptorTableError: Error, Hashable, Sendable {
  /// Leaves exist on levels -2 to 3.
  case badLevel(Int8)
  /// The pages lie beyond 2^52 or are none.
  case badPages(PageRange)
  /// More leaves than any table of a real machine has.
  case tooManyLeaves(UInt64)
}

/// The leaves of one page table, or what is known of them.
///
/// A node of 512 slots for each table of the original: level 3 slots are pages, level 2 slots 2 MiB, and so on up to
/// the level that covers 2^52 pages.
package struct DescriptorTable: Sendable {
  /// The first page number that does not exist.
  package static let pageEnd: UInt64 = 1 << 52
  /// How many leaves one write may make.
  package static let leafLimit: UInt64 = 1 << 24

  static let rootLevel: Int8 = -2

  /// What a slot holds; `words` has the descriptor or the number of the node.
  enum Kind: UInt8, Sendable {
    case unknown, leaf, node
  }

  var words: ContiguousArray<UInt64> = []
  var kinds: ContiguousArray<Kind> = []
  var free: ContiguousArray<Int> = []

  /// An image of an empty table (every leaf is known to be zero), or of one that nobody saw.
  package init(isEmpty: Bool) {
    _ = allocate(isEmpty ? .leaf : .unknown)
  }

  /// The leaf that answers for a page: nil if unknown; zero with the level where a walk would end, 0 for those that
  /// real tables do not have.
  package func leaf(at page: PageFrame) -> LeafWord? {
    guard page.rawValue < Self.pageEnd else { return nil }
    var node = 0
    var level = Self.rootLevel
    while true {
      let cell = node << 9 | Self.index(page.rawValue, level)
      switch kinds[cell] {
      case .unknown: return nil
      case .leaf: return LeafWord(level: words[cell] == 0 ? max(level, 0) : level, raw: words[cell])
      case .node:
        node = Int(words[cell])
        level += 1
      }
    }
  }

  /// How many nodes of 4.5 KiB the image holds.
  package var nodeCount: Int { kinds.count >> 9 - free.count }

  /// How many pages one leaf of a level covers, as a shift.
  static func shift(_ level: Int8) -> UInt64 { UInt64(9 * (3 - Int(level))) }

  static func index(_ page: UInt64, _ level: Int8) -> Int { Int(page >> shift(level) & 511) }

  mutating func allocate(_ kind: Kind) -> Int {
    guard let node = free.popLast() else {
      words.append(contentsOf: repeatElement(0, count: 512))
      kinds.append(contentsOf: repeatElement(kind, count: 512))
      return kinds.count >> 9 - 1
    }
    for cell in node << 9..<(node + 1) << 9 {
      words[cell] = 0
      kinds[cell] = kind
    }
    return node
  }

  /// Puts a leaf or "unknown" into a slot; what lay below is gone.
  mutating func put(_ cell: Int, _ kind: Kind, _ word: UInt64) {
    if kinds[cell] == .node { release(Int(words[cell])) }
    kinds[cell] = kind
    words[cell] = word
  }

  private mutating func release(_ node: Int) {
    for cell in node << 9..<(node + 1) << 9 where kinds[cell] == .node { release(Int(words[cell])) }
    free.append(node)
  }
}
