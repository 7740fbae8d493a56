// Why: a journal stores states as small images of the nodes that changed, not as whole machines.
// Not here: where images are kept and which ones a moment needs (Journal).

/// A changed node of the state, as stored.
package struct LeafImage: Hashable, Sendable {
  /// The space; the host for share counts, the hypervisor for pins.
  package var space: SpaceID
  /// Which field: a ``StateField`` raw value.
  package var field: UInt8
  /// 0 for 512 pages, 1 for 512·512, up to 5.
  package var level: UInt8
  /// The first page divided by 512^(level+1).
  package var index: UInt64
  /// Runs of its 512 slots, as varint pairs: how many slots, then 0 for "see finer images" or the word plus one.
  package var body: [UInt8]

  /// Makes an image.
  package init(space: SpaceID, field: UInt8, level: UInt8, index: UInt64, body: [UInt8]) {
    self.space = space
    self.field = field
    self.level = level
    self.index = index
    self.body = body
  }
}

/// Why an image cannot be a part of a state.
package enum LeafImageError: Error, Hashable, Sendable {
  /// No such space exists in the state.
  case noSpace(SpaceID)
  /// The field's number means nothing, or not for that space.
  case noField(UInt8)
  /// No such node: the level is above 5, or the index too big.
  case noNode(level: UInt8, index: UInt64)
  /// The body does not hold exactly 512 slots of words.
  case badBody
}

extension OwnershipState {
  /// The nodes that changed since the last call: spaces by rising number, coarse nodes first.
  package mutating func takeDirtyLeaves() -> [LeafImage] {
    var images: [LeafImage] = []
    for place in holdings.indices {
      holdings[place].layer.takeImages(holdings[place].id, .holding, into: &images)
    }
    pins.takeImages(.hyp, .pins, into: &images)
    shareCounts.takeImages(.host, .shareCount, into: &images)
    return images
  }

  /// All nodes: what ``restore(_:)`` needs where no older images are, in the same order.
  package var allLeaves: [LeafImage] {
    var images: [LeafImage] = []
    for space in holdings { space.layer.addImages(space.id, .holding, to: &images) }
    pins.addImages(.hyp, .pins, to: &images)
    shareCounts.addImages(.host, .shareCount, to: &images)
    return images
  }

  /// Puts images back, in the given order; afterwards nothing counts as changed.
  ///
  /// Order them by the moment they were taken at, coarse ones first within a moment; the guests must have been added.
  /// - Throws: ``LeafImageError`` at the first image that cannot be; those before it are then in the state.
  package mutating func restore(_ leaves: some Sequence<LeafImage>) throws(LeafImageError) {
    for leaf in leaves { try restore(leaf) }
    for place in holdings.indices { holdings[place].layer.map.forgetDirtyNodes() }
    pins.map.forgetDirtyNodes()
    shareCounts.map.forgetDirtyNodes()
  }

  private mutating func restore(_ leaf: LeafImage) throws(LeafImageError) {
    guard let field = StateField(rawValue: leaf.field) else { throw .noField(leaf.field) }
    let key = NodeKey(height: Int(leaf.level), index: leaf.index)
    guard RadixMap.hasPlace(for: key) else { throw .noNode(level: leaf.level, index: leaf.index) }
    switch (field, leaf.space) {
    case (.holding, _):
      guard let place = place(of: leaf.space) else { throw .noSpace(leaf.space) }
      let runs = try SlotRun.decode(leaf.body, isWord: HoldingWord.isCanonical)
      hash = hash &+ holdings[place].layer.restore(key, runs)
    case (.pins, .hyp):
      hash = hash &+ pins.restore(key, try SlotRun.decode(leaf.body, isWord: CounterWord.isCanonical))
    case (.shareCount, .host):
      hash = hash &+ shareCounts.restore(key, try SlotRun.decode(leaf.body, isWord: CounterWord.isCanonical))
    default:
      throw .noField(leaf.field)
    }
  }
}

extension StateLayer {
  fileprivate mutating func takeImages(_ space: SpaceID, _ field: StateField, into images: inout [LeafImage]) {
    map.takeDirtyNodes { images.append(LeafImage(space, field, $0, $1)) }
  }

  fileprivate func addImages(_ space: SpaceID, _ field: StateField, to images: inout [LeafImage]) {
    map.forEachNode { images.append(LeafImage(space, field, $0, $1)) }
  }

  fileprivate mutating func restore(_ key: NodeKey, _ runs: [SlotRun]) -> StateHash {
    var growth = StateHash.empty
    var page = key.start
    for run in runs {
      let count = UInt64(run.count) << UInt64(key.height * 9)
      if let word = run.word {
        growth = growth &+ update(PageRange(first: PageFrame(page), count: count), WordEdit(keep: 0, bits: word))
      }
      page += count
    }
    return growth
  }
}

extension LeafImage {
  fileprivate init(_ space: SpaceID, _ field: StateField, _ key: NodeKey, _ runs: [SlotRun]) {
    self.init(
      space: space, field: field.rawValue, level: UInt8(key.height), index: key.index, body: SlotRun.encode(runs))
  }
}
