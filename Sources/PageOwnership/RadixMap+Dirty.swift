// Why: a snapshot of the state stores only the nodes that changed since the one before. A node's image
// leaves out the slots that are nodes themselves: those have images of their own.

/// Which node of a map: those of height h cover 512^(h+1) pages.
struct NodeKey: Hashable, Sendable {
  /// 0 for leaves, -1 for a single page.
  var height: Int
  /// The page numbers that the node covers, without their last 9·(height+1) bits.
  var index: UInt64

  var start: UInt64 { index << UInt64(height * 9 + 9) }
  var end: UInt64 { (index + 1) << UInt64(height * 9 + 9) }
}

/// Consecutive slots of a node with one word; nil for slots that are nodes.
struct SlotRun: Hashable, Sendable {
  var count: Int
  var word: UInt64?
}

extension RadixMap {
  mutating func markInner(_ node: Int, _ key: NodeKey) {
    if inner.isDirty[node] { return }
    inner.isDirty[node] = true
    dirtyKeys.append(key)
  }

  mutating func markLeaf(_ leaf: UInt64, _ index: UInt64) {
    let node = Self.node(leaf)
    if leaf & Self.wideFlag != 0 {
      if wide.isDirty[node] { return }
      wide.isDirty[node] = true
    } else {
      if narrow.isDirty[node] { return }
      narrow.isDirty[node] = true
    }
    dirtyKeys.append(NodeKey(height: 0, index: index))
  }

  /// Whether a node can be there at all: heights and page numbers end.
  static func hasPlace(for key: NodeKey) -> Bool {
    (0...rootHeight).contains(key.height) && key.index <= (pageEnd - 1) >> UInt64(key.height * 9 + 9)
  }

  /// The nodes that changed since the last call, the coarse ones first, with their slots.
  mutating func takeDirtyNodes(_ body: (NodeKey, [SlotRun]) -> Void) {
    let keys = dirtyKeys.sorted { ($1.height, $0.index) < ($0.height, $1.index) }
    dirtyKeys = []
    for key in keys {
      guard let slot = find(key), clean(slot, key.height) else { continue }
      body(key, slots(slot, key.height))
    }
  }

  /// All nodes, the coarse ones first, with their slots.
  func forEachNode(_ body: (NodeKey, [SlotRun]) -> Void) {
    var nodes: [(slot: UInt64, index: UInt64)] = [(Self.childFlag, 0)]
    for height in (0...Self.rootHeight).reversed() {
      var below: [(slot: UInt64, index: UInt64)] = []
      for (slot, index) in nodes {
        body(NodeKey(height: height, index: index), slots(slot, height))
        guard height > 0 else { continue }
        for cell in 0..<512 {
          let content = inner.cells[Self.node(slot) << 9 + cell]
          if Self.isNode(content) { below.append((content, index << 9 + UInt64(cell))) }
        }
      }
      nodes = below
    }
  }

  /// From now on nothing counts as changed.
  mutating func forgetDirtyNodes() {
    for key in dirtyKeys { if let slot = find(key) { _ = clean(slot, key.height) } }
    dirtyKeys = []
  }

  /// The slot that names a node; nil if it is gone.
  private func find(_ key: NodeKey) -> UInt64? {
    var slot = Self.childFlag
    var height = Self.rootHeight
    while height > key.height {
      slot = inner.cells[Self.cell(of: slot, key.start, height)]
      guard Self.isNode(slot) else { return nil }
      height -= 1
    }
    return slot
  }

  /// Forgets that a node changed; false if it had not.
  private mutating func clean(_ slot: UInt64, _ height: Int) -> Bool {
    let node = Self.node(slot)
    defer {
      if height > 0 {
        inner.isDirty[node] = false
      } else if slot & Self.wideFlag != 0 {
        wide.isDirty[node] = false
      } else {
        narrow.isDirty[node] = false
      }
    }
    if height > 0 { return inner.isDirty[node] }
    return slot & Self.wideFlag != 0 ? wide.isDirty[node] : narrow.isDirty[node]
  }

  private func slots(_ slot: UInt64, _ height: Int) -> [SlotRun] {
    var runs: [SlotRun] = []
    for index in 0..<512 {
      let cell = Self.node(slot) << 9 + index
      let content = height > 0 ? inner.cells[cell] : leafWord(slot, index)
      let word = Self.isNode(content) ? nil : content
      if let last = runs.last, last.word == word {
        runs[runs.count - 1].count += 1
      } else {
        runs.append(SlotRun(count: 1, word: word))
      }
    }
    return runs
  }
}
