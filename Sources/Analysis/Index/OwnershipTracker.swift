// Why: turns a replay into an index: after each entry it looks where the machine was written, compares with
// what was held there before, and makes the rows of what changed. Sans-I/O: the caller replays, and takes
// the rows away. Not here: how rows are stored (Journal), and cutting runs into blocks (BlockCover).

package import PageOwnership
package import PageTables

/// Follows who holds what, and since which entry.
package struct OwnershipTracker {
  /// The rows since the owner last took them.
  package private(set) var rows = OwnershipRows()
  private let lives: GuestLives
  private let keepsRows: Bool
  private var layers: [LayerKey: TrackedLayer] = [:]
  private var changed: [(key: LayerKey, run: WordRun)] = []

  private static let everything = PageRange(first: PageFrame(0), count: RadixMap.pageEnd)

  /// Begins with the machine right after `seq`, of which no later entry was taken; its writes must be recorded. What it
  /// holds then it holds since then.
  ///
  /// Without `keepsRows` it only tells since when things are so.
  package init(
    lives: GuestLives, _ image: MachineImage, after seq: SequenceNumber = SequenceNumber(0), keepsRows: Bool = true
  ) {
    self.lives = lives
    self.keepsRows = keepsRows
    let counters = [StateField.pins, .shareCount]
    for field in counters {
      layers[LayerKey(space: .host, field: field)] = TrackedLayer(word: HoldingWord.unknown, since: seq)
    }
    for space in image.ownership.spaces { open(space, seq, image) }
    guard seq.rawValue > 0 else { return }
    let writes =
      image.ownership.spaces.map { OwnershipWrite.holding($0, Self.everything) }
      + counters.map { OwnershipWrite.count($0, Self.everything) }
    note(seq, writes, image)
  }

  /// Takes the rows away.
  package mutating func takeRows() -> OwnershipRows {
    defer { rows = OwnershipRows() }
    return rows
  }

  /// The entry that made it so that `space` holds `page` as it does; nil if nothing ever did.
  package func since(_ space: SpaceID, _ page: PageFrame) -> SequenceNumber? {
    guard let since = layers[LayerKey(space: space, field: .holding)]?.since.get(page), since > 1 else { return nil }
    return SequenceNumber(Int64(since >> 1))
  }

  /// The entry that made a counter of `page` what it is; nil if nothing ever did.
  package func since(_ field: StateField, _ page: PageFrame) -> SequenceNumber? {
    guard let since = layers[LayerKey(space: .host, field: field)]?.since.get(page), since > 1 else { return nil }
    return SequenceNumber(Int64(since >> 1))
  }

  /// Takes note of what an entry wrote; `image` is the machine right after it.
  package mutating func note(_ seq: SequenceNumber, _ writes: [OwnershipWrite], _ image: MachineImage) {
    for write in writes {
      switch write {
      case .holding(let space, let pages): compare(LayerKey(space: space, field: .holding), pages, seq, image)
      case .count(let field, let pages): compare(LayerKey(space: .host, field: field), pages, seq, image)
      case .birth(let space): open(space, seq, image)
      case .death(let space): close(space, seq)
      }
    }
    if !changed.isEmpty { emit(seq) }
    if !keepsRows { rows = OwnershipRows() }
  }

  /// Makes the rows of all spans that are still open. Nothing may be noted afterwards.
  package mutating func finish() {
    for (key, layer) in layers where key.field == .holding { closeAll(key.space, layer, nil) }
    layers = [:]
  }

  // MARK: - one layer

  private mutating func open(_ space: SpaceID, _ seq: SequenceNumber, _ image: MachineImage) {
    var word = HoldingWord.unknown
    image.forEachWord(space, in: PageRange(PageFrame(0))) { word = $1 }
    layers[LayerKey(space: space, field: .holding)] = TrackedLayer(word: word, since: seq)
    add(space, seq, level: OwnershipLevel.all[OwnershipLevel.all.count - 1], 0, word)
  }

  private mutating func close(_ space: SpaceID, _ seq: SequenceNumber) {
    guard let layer = layers.removeValue(forKey: LayerKey(space: space, field: .holding)) else { return }
    closeAll(space, layer, seq)
    // A guest that dies with the entry of its birth was never there.
    if layer.born == seq { rows.blocks.removeAll { $0.space == space && $0.seq == seq } }
    changed.removeAll { $0.key.space == space && $0.key.field == .holding }
    rows.blocks.append(
      OwnershipBlock(
        space: space, level: OwnershipLevel.all[OwnershipLevel.all.count - 1], page: PageFrame(0), seq: seq,
        holding: IndexedHolding(state: nil)))
  }

  private mutating func closeAll(_ space: SpaceID, _ layer: TrackedLayer, _ seq: SequenceNumber?) {
    var ended: [(PageRange, UInt64, UInt64)] = []
    layer.words.forEachRun(in: Self.everything) { run, word in
      layer.since.forEachRun(in: run) { part, from in ended.append((part, word, from)) }
    }
    for (pages, word, from) in ended { end(space, pages, word, from, seq) }
  }

  private mutating func compare(_ key: LayerKey, _ pages: PageRange, _ seq: SequenceNumber, _ image: MachineImage) {
    guard let layer = layers[key] else { return }
    var ended: [(PageRange, UInt64, UInt64)] = []
    func take(_ piece: PageRange, _ word: UInt64) {
      layer.words.set(piece, word) { old, run in
        guard old != word else { return }
        layer.since.set(run, UInt64(seq.rawValue) << 1) { from, part in ended.append((part, old, from)) }
        changed.append((key, WordRun(start: run.first.rawValue, end: run.end.rawValue, word: word)))
      }
    }
    if key.field == .holding {
      image.forEachWord(key.space, in: pages, take)
      for (pages, word, from) in ended { end(key.space, pages, word, from, seq) }
    } else {
      image.ownership.forEachCountWord(key.field, in: pages, take)
    }
  }

  // A span that ends with the entry that began it never was. Pages that changed one by one are spans of their own.
  private mutating func end(
    _ space: SpaceID, _ pages: PageRange, _ word: UInt64, _ from: UInt64, _ seq: SequenceNumber?
  ) {
    let since = SequenceNumber(Int64(from >> 1))
    guard since != seq else { return }
    let holding = holding(space, word, pages.first, since)
    guard from & 1 == 1 else {
      return rows.spans.append(OwnershipSpan(space: space, pages: pages, from: since, to: seq, holding: holding))
    }
    for distance in 0..<pages.count {
      let page = PageRange(pages.first.advanced(by: distance))
      rows.spans.append(
        OwnershipSpan(space: space, pages: page, from: since, to: seq, holding: holding.advanced(by: distance)))
    }
  }

  // MARK: - rows

  private mutating func emit(_ seq: SequenceNumber) {
    if changed.count > 1 { changed.sort { ($0.key, $0.run.start) < ($1.key, $1.run.start) } }
    var index = 0
    while index < changed.count {
      let key = changed[index].key
      var runs: [WordRun] = []
      while index < changed.count, changed[index].key == key {
        let run = changed[index].run
        if let last = runs.last, last.end == run.start, last.word == run.word {
          runs[runs.count - 1].end = run.end
        } else {
          runs.append(run)
        }
        index += 1
      }
      cover(key, runs, seq)
    }
    changed.removeAll(keepingCapacity: true)
  }

  private mutating func cover(_ key: LayerKey, _ runs: [WordRun], _ seq: SequenceNumber) {
    var blocks: [(UInt8, UInt64, UInt64)] = []
    // A page must be found by the frame behind it too: a block's frame is a multiple of its size.
    let isGuest = key.space.isGuest
    BlockCover(
      fits: { word, level in
        guard isGuest, let distance = GuestWord.distance(word) else { return true }
        return distance & ((1 << UInt64(level)) - 1) == 0
      }, body: { blocks.append(($0, $1, $2)) }
    ).cover(runs)
    for (level, page, word) in blocks {
      if key.field == .holding, level == 0 {
        layers[key]?.since.set(PageRange(PageFrame(page)), UInt64(seq.rawValue) << 1 | 1)
      } else if key.field == .holding {
        add(key.space, seq, level: level, page, word)
      } else {
        rows.counts.append(
          CountBlock(
            field: key.field, level: level, page: PageFrame(page), seq: seq, count: CounterWord.count(word)))
      }
    }
  }

  private mutating func add(_ space: SpaceID, _ seq: SequenceNumber, level: UInt8, _ page: UInt64, _ word: UInt64) {
    let page = PageFrame(page)
    rows.blocks.append(
      OwnershipBlock(space: space, level: level, page: page, seq: seq, holding: holding(space, word, page, seq)))
  }

  private func holding(_ space: SpaceID, _ word: UInt64, _ page: PageFrame, _ seq: SequenceNumber) -> IndexedHolding {
    let isGuest = space.isGuest
    let held = isGuest ? GuestWord.holding(word, at: page) : HoldingWord.holding(word, at: page.rawValue)
    return IndexedHolding(
      state: held.state, owner: lives.owner(held.annotation, at: seq),
      frame: isGuest ? GuestWord.frame(word, at: page) : nil)
  }
}

/// Which words: holdings of a space, or a counter (under the host).
private struct LayerKey: Hashable, Comparable {
  var space: SpaceID
  var field: StateField

  static func < (left: LayerKey, right: LayerKey) -> Bool {
    (left.space, left.field.rawValue) < (right.space, right.field.rawValue)
  }
}

/// What was held after the last entry, and since which one: twice its number, plus one if its page changed alone.
private final class TrackedLayer {
  let born: SequenceNumber
  var words: RadixMap
  var since: RadixMap

  init(word: UInt64, since seq: SequenceNumber) {
    born = seq
    words = RadixMap(default: word)
    since = RadixMap(default: UInt64(seq.rawValue) << 1)
  }
}
