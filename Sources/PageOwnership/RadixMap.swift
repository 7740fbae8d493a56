// Why: the state of a machine is one small word for each of up to 2^52 pages, nearly all of them equal.
// A 512-way radix tree holds it: an aligned block of equal words is one slot, so memory follows what
// differs and not the size of the machine. Not here: writing (+Update), runs (+Runs), changed nodes (+Dirty).

/// A map from page number to a word below 2^62: every page has one.
///
/// Pages from 2^52 on do not exist: reading one gives the word that the map began with, writing one does nothing.
package struct RadixMap: Sendable {
  /// The first page number that does not exist.
  package static let pageEnd: UInt64 = 1 << 52
  /// Which bits a word may use; the others say "this slot is a node".
  package static let wordMask: UInt64 = (1 << 62) - 1

  /// A node of height h has 512 slots of 512^h pages each; the root is node 0 of height 5.
  static let rootHeight = 5
  static let childFlag: UInt64 = 1 << 63
  static let wideFlag: UInt64 = 1 << 62

  let initial: UInt64
  var inner = NodeArena<UInt64>()
  var narrow = NodeArena<UInt8>()
  var wide = NodeArena<UInt64>()
  var cache = LeafCache()
  var dirtyKeys: [NodeKey] = []

  /// A map whose pages all have the word `initial` (bits 63 and 62 are cut off).
  package init(default initial: UInt64) {
    self.initial = initial & Self.wordMask
    _ = inner.allocate(filling: self.initial)
  }

  /// The word of a page.
  package func get(_ page: PageFrame) -> UInt64 {
    let page = page.rawValue
    if page >> 9 == cache.prefix { return leafWord(cache.leaf, Int(page & 511)) }
    guard page < Self.pageEnd else { return initial }
    var height = Self.rootHeight
    var slot = inner.cells[Int(page >> 45)]
    while Self.isNode(slot) {
      height -= 1
      if height == 0 { return leafWord(slot, Int(page & 511)) }
      slot = inner.cells[Self.cell(of: slot, page, height)]
    }
    return slot
  }

  /// How many nodes and leaves the map holds: its memory is this times 0.5 to 4 KiB.
  package var nodeCount: Int { inner.liveCount + narrow.liveCount + wide.liveCount }

  /// How many bytes the nodes take, free ones included.
  package var byteCount: Int { inner.cells.capacity * 8 + narrow.cells.capacity + wide.cells.capacity * 8 }

  static func isNode(_ slot: UInt64) -> Bool { slot & childFlag != 0 }

  static func node(_ slot: UInt64) -> Int { Int(truncatingIfNeeded: slot & 0xffff_ffff) }

  /// Where in the arena the slot of `page` lies, in the inner node that `slot` names.
  static func cell(of slot: UInt64, _ page: UInt64, _ height: Int) -> Int {
    node(slot) << 9 | Int(truncatingIfNeeded: page >> UInt64(height &* 9) & 511)
  }

  func leafWord(_ leaf: UInt64, _ index: Int) -> UInt64 {
    let cell = Self.node(leaf) << 9 | index
    return leaf & Self.wideFlag == 0 ? UInt64(narrow.cells[cell]) : wide.cells[cell]
  }
}

/// The leaf that was written last: changes come in clusters.
struct LeafCache: Sendable {
  /// The page numbers of the leaf, without their last nine bits; none matches at first.
  var prefix: UInt64 = .max
  /// The slot that names the leaf.
  var leaf: UInt64 = 0
  /// The cell of the inner arena that holds that slot.
  var parent = 0
}

/// Nodes of 512 cells in one array, so that copying a map is copying a few references.
struct NodeArena<Cell: FixedWidthInteger & Sendable>: Sendable {
  var cells: ContiguousArray<Cell> = []
  var isDirty: ContiguousArray<Bool> = []
  private var free: ContiguousArray<Int> = []

  var liveCount: Int { isDirty.count - free.count }

  mutating func allocate(filling word: Cell) -> Int {
    guard let node = free.popLast() else {
      // Appending a sequence goes through its iterator, a call for each cell.
      for _ in 0..<512 { cells.append(word) }
      isDirty.append(false)
      return isDirty.count - 1
    }
    fill(node << 9, node << 9 + 512, word)
    isDirty[node] = false
    return node
  }

  mutating func release(_ node: Int) { free.append(node) }

  mutating func fill(_ start: Int, _ end: Int, _ word: Cell) {
    for cell in start..<end { cells[cell] = word }
  }

  /// The end of the run of equal cells that begins at `start`, at most `end`.
  func runEnd(_ start: Int, _ end: Int) -> Int {
    let word = cells[start]
    var cell = start + 1
    while cell < end && cells[cell] == word { cell += 1 }
    return cell
  }

  func isUniform(_ node: Int) -> Bool { runEnd(node << 9, node << 9 + 512) == node << 9 + 512 }
}
