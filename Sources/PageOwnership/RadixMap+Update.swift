// Why: every change of the state is one of these writes: keep some bits of the old words, set the others.
// State and annotation of one page change at different moments, so a plain store would lose one of them.

/// What a write does to each word: keeps the bits of `keep`, then sets `bits`.
struct WordEdit {
  var keep: UInt64
  var bits: UInt64

  func callAsFunction(_ old: UInt64) -> UInt64 { (old & keep | bits) & RadixMap.wordMask }
}

/// Who hears of old and new words, run by run.
typealias WordObserver = (_ old: UInt64, _ new: UInt64, _ start: UInt64, _ end: UInt64) -> Void

extension RadixMap {
  /// Gives all pages of `range` one word; `body` hears the old words, run by run, in order.
  package mutating func set(_ range: PageRange, _ word: UInt64, body: (UInt64, PageRange) -> Void = { _, _ in }) {
    update(range, WordEdit(keep: 0, bits: word)) { old, _, start, end in
      body(old, PageRange(first: PageFrame(start), count: end - start))
    }
  }

  /// Edits the words of `range`; `body` hears old and new words, run by run, in order.
  mutating func update(_ range: PageRange, _ edit: WordEdit, body: WordObserver) {
    let start = range.first.rawValue
    let end = min(range.end.rawValue, Self.pageEnd)
    guard start < end else { return }
    if end - start == 1 {
      let (old, new) = exchange(start, edit)
      body(old, new, start, end)
    } else {
      cache = LeafCache()
      updateInner(NodeKey(height: Self.rootHeight, index: 0), 0, start, end, edit, body)
    }
  }

  /// Edits the word of one existing page: the hot path.
  mutating func exchange(_ page: UInt64, _ edit: WordEdit) -> (old: UInt64, new: UInt64) {
    if page >> 9 != cache.prefix {
      if let word = seekLeaf(page, edit) { return (word, word) }
    }
    let old = leafWord(cache.leaf, Int(page & 511))
    let new = edit(old)
    if new != old {
      let leaf = write(new, cache.leaf, Int(page & 511), Int(page & 511) + 1)
      if leaf != cache.leaf {
        cache.leaf = leaf
        inner.cells[cache.parent] = leaf
      }
      markLeaf(leaf, page >> 9)
    }
    return (old, new)
  }

  /// Puts the leaf of `page` into the cache, making it if need be; if the edit changes nothing there, gives the word.
  private mutating func seekLeaf(_ page: UInt64, _ edit: WordEdit) -> UInt64? {
    var height = Self.rootHeight
    var cell = Int(page >> 45)
    while true {
      var slot = inner.cells[cell]
      if !Self.isNode(slot) {
        if edit(slot) == slot { return slot }
        slot = split(cell, NodeKey(height: height - 1, index: page >> UInt64(height * 9)))
      }
      height -= 1
      if height == 0 {
        cache = LeafCache(prefix: page >> 9, leaf: slot, parent: cell)
        return nil
      }
      cell = Self.cell(of: slot, page, height)
    }
  }

  /// Replaces a word in an inner node by a node full of that word.
  private mutating func split(_ cell: Int, _ key: NodeKey) -> UInt64 {
    let word = inner.cells[cell]
    let slot: UInt64
    if key.height > 0 {
      let node = inner.allocate(filling: word)
      markInner(node, key)
      slot = UInt64(node) | Self.childFlag
    } else if let code = UInt8(exactly: word) {
      slot = UInt64(narrow.allocate(filling: code)) | Self.childFlag
    } else {
      slot = UInt64(wide.allocate(filling: word)) | Self.childFlag | Self.wideFlag
    }
    inner.cells[cell] = slot
    return slot
  }

  /// Fills part of a leaf; gives the slot that names it, a new one if it had to widen.
  private mutating func write(_ word: UInt64, _ leaf: UInt64, _ start: Int, _ end: Int) -> UInt64 {
    let base = Self.node(leaf) << 9
    if leaf & Self.wideFlag != 0 {
      wide.fill(base + start, base + end, word)
    } else if let code = UInt8(exactly: word) {
      narrow.fill(base + start, base + end, code)
    } else {
      return write(word, widen(leaf), start, end)
    }
    return leaf
  }

  /// Copies a leaf into a wide one; the write that needs it marks it as changed.
  private mutating func widen(_ leaf: UInt64) -> UInt64 {
    let old = Self.node(leaf)
    let new = wide.allocate(filling: 0)
    for index in 0..<512 { wide.cells[new << 9 + index] = UInt64(narrow.cells[old << 9 + index]) }
    narrow.release(old)
    return UInt64(new) | Self.childFlag | Self.wideFlag
  }

  private mutating func updateInner(
    _ key: NodeKey, _ node: Int, _ start: UInt64, _ end: UInt64, _ edit: WordEdit, _ body: WordObserver
  ) {
    let shift = UInt64(key.height * 9)
    let base = key.index << (shift + 9)
    var index = Int((max(start, base) - base) >> shift)
    let last = Int((min(end, key.end) - 1 - base) >> shift)
    while index <= last {
      let cell = node << 9 + index
      let slotKey = NodeKey(height: key.height - 1, index: key.index << 9 + UInt64(index))
      if Self.isNode(inner.cells[cell]) {
        updateChild(slotKey, cell, start, end, edit, body)
        if !Self.isNode(inner.cells[cell]) { markInner(node, key) }
        index += 1
      } else {
        let next = inner.runEnd(cell, node << 9 + last + 1) - node << 9
        let runEnd = min(end, base + UInt64(next) << shift)
        updateWords(key, node, index..<next, max(start, slotKey.start), runEnd, edit, body)
        index = next
      }
    }
  }

  /// Edits a run of equal words of an inner node; its first and last slot may be covered only in part.
  private mutating func updateWords(
    _ key: NodeKey, _ node: Int, _ slots: Range<Int>, _ start: UInt64, _ end: UInt64, _ edit: WordEdit,
    _ body: WordObserver
  ) {
    let old = inner.cells[node << 9 + slots.lowerBound]
    let new = edit(old)
    body(old, new, start, end)
    guard new != old else { return }
    for index in slots {
      let slotKey = NodeKey(height: key.height - 1, index: key.index << 9 + UInt64(index))
      if start <= slotKey.start && slotKey.end <= end {
        inner.cells[node << 9 + index] = new
        markInner(node, key)
      } else {
        _ = split(node << 9 + index, slotKey)
        updateChild(slotKey, node << 9 + index, start, end, edit) { _, _, _, _ in }
      }
    }
  }

  /// Edits below a slot that is a node, and makes it a word again if that left it uniform.
  private mutating func updateChild(
    _ key: NodeKey, _ cell: Int, _ start: UInt64, _ end: UInt64, _ edit: WordEdit, _ body: WordObserver
  ) {
    let slot = inner.cells[cell]
    if key.height > 0 {
      updateInner(key, Self.node(slot), start, end, edit, body)
    } else {
      inner.cells[cell] = updateLeaf(key, slot, start, end, edit, body)
    }
    if start <= key.start && key.end <= end { collapse(cell, key.height) }
  }

  private mutating func updateLeaf(
    _ key: NodeKey, _ slot: UInt64, _ start: UInt64, _ end: UInt64, _ edit: WordEdit, _ body: WordObserver
  ) -> UInt64 {
    var leaf = slot
    var index = Int(max(start, key.start) - key.start)
    let last = Int(min(end, key.end) - key.start)
    while index < last {
      let base = Self.node(leaf) << 9
      let isWide = leaf & Self.wideFlag != 0
      let next = (isWide ? wide.runEnd(base + index, base + last) : narrow.runEnd(base + index, base + last)) - base
      let old = leafWord(leaf, index)
      let new = edit(old)
      body(old, new, key.start + UInt64(index), key.start + UInt64(next))
      if new != old {
        leaf = write(new, leaf, index, next)
        markLeaf(leaf, key.index)
      }
      index = next
    }
    return leaf
  }

  private mutating func collapse(_ cell: Int, _ height: Int) {
    let slot = inner.cells[cell]
    let node = Self.node(slot)
    if height > 0 {
      guard !Self.isNode(inner.cells[node << 9]), inner.isUniform(node) else { return }
      inner.cells[cell] = inner.cells[node << 9]
      inner.release(node)
    } else if slot & Self.wideFlag != 0 {
      guard wide.isUniform(node) else { return }
      inner.cells[cell] = wide.cells[node << 9]
      wide.release(node)
    } else {
      guard narrow.isUniform(node) else { return }
      inner.cells[cell] = UInt64(narrow.cells[node << 9])
      narrow.release(node)
    }
  }
}
