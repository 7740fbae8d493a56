// Why: a history disagrees with a table that was observed: since which entry does each page? One pass forward, in
// which a page is looked at where an entry wrote it. Sans-I/O: the caller replays. Not here: what differs in the end
// (OwnershipDiff).

package import PageOwnership

/// Follows since when a history disagrees with a fixed table.
package struct DisagreementTracker {
  /// What a history said of a page right before it began to disagree.
  package enum Before: UInt64, Hashable, Sendable {
    /// The same as the table.
    case agreed = 2
    /// Nothing: the state was not known, or the guest was not there.
    case unknown = 3
  }

  /// How a disagreement began that was not interrupted since.
  package struct Beginning: Hashable, Sendable {
    /// The first entry after which both disagree; 0: from where the journal begins.
    package var seq: SequenceNumber
    /// What was before it.
    package var before: Before

    /// Makes a beginning.
    package init(seq: SequenceNumber, before: Before) {
      self.seq = seq
      self.before = before
    }
  }

  private struct Layer: Hashable {
    var space: SpaceID
    var field: StateField
  }

  private let table: OwnershipState
  private var maps: [Layer: RadixMap] = [:]

  // Words of the maps: the two say the same, one of them does not know, else entry times four plus `Before`.
  private static let agrees: UInt64 = 0
  private static let unknown: UInt64 = 1
  private static let everything = PageRange(first: PageFrame(0), count: RadixMap.pageEnd)

  /// Begins with the state before the first entry; its writes must be recorded.
  package init(_ table: OwnershipState, _ state: OwnershipState) {
    self.table = table
    for space in state.spaces { open(Layer(space: space, field: .holding), SequenceNumber(0), state) }
    for field in [StateField.pins, .shareCount] { open(Layer(space: .host, field: field), SequenceNumber(0), state) }
  }

  /// Takes note of what an entry wrote; `state` is the one right after it.
  package mutating func note(_ seq: SequenceNumber, _ writes: [OwnershipWrite], _ state: OwnershipState) {
    for write in writes {
      switch write {
      case .holding(let space, let pages): compare(Layer(space: space, field: .holding), pages, seq, state)
      case .count(let field, let pages): compare(Layer(space: .host, field: field), pages, seq, state)
      case .birth(let space): open(Layer(space: space, field: .holding), seq, state)
      case .death(let space): maps[Layer(space: space, field: .holding)] = nil
      }
    }
  }

  /// Goes through the pages of a difference between the state now and the table, in order, with how it began; of a
  /// guest that only one of them has nothing is told.
  package func forEachBeginning(of difference: OwnershipDifference, _ body: (PageRange, Beginning) -> Void) {
    let layer: Layer
    switch difference.what {
    case .holding: layer = Layer(space: difference.space, field: .holding)
    case .pins: layer = Layer(space: .host, field: .pins)
    case .shareCount: layer = Layer(space: .host, field: .shareCount)
    case .onlyBefore, .onlyAfter: return
    }
    maps[layer]?.forEachRun(in: difference.pages) { pages, word in
      guard let before = Before(rawValue: word & 3) else { return }
      body(pages, Beginning(seq: SequenceNumber(Int64(word >> 2)), before: before))
    }
  }

  private mutating func open(_ layer: Layer, _ seq: SequenceNumber, _ state: OwnershipState) {
    maps[layer] = RadixMap(default: Self.unknown)
    compare(layer, Self.everything, seq, state)
  }

  private mutating func compare(
    _ layer: Layer, _ pages: PageRange, _ seq: SequenceNumber, _ state: OwnershipState
  ) {
    // Taken out, so that it is changed in place.
    guard var map = maps.removeValue(forKey: layer) else { return }
    forEachVerdict(layer, pages, state) { run, word in
      guard word > Self.unknown else { return map.set(run, word) }
      var begun: [(PageRange, UInt64)] = []
      map.forEachRun(in: run) { part, old in
        if old == Self.agrees { begun.append((part, Before.agreed.rawValue)) }
        if old == Self.unknown { begun.append((part, Before.unknown.rawValue)) }
      }
      for (part, before) in begun { map.set(part, UInt64(seq.rawValue) << 2 | before) }
    }
    maps[layer] = map
  }

  // Agrees, unknown, or any greater word.
  private func forEachVerdict(
    _ layer: Layer, _ pages: PageRange, _ state: OwnershipState, _ body: (PageRange, UInt64) -> Void
  ) {
    func judge(_ isKnown: Bool, _ isEqual: Bool) -> UInt64 {
      isKnown ? isEqual ? Self.agrees : .max : Self.unknown
    }
    switch layer.field {
    case .holding:
      state.forEachRun(layer.space, in: pages) { run, _ in
        // Of a space that the table does not have no page is known.
        guard table.spaces.contains(layer.space) else { return body(run, Self.unknown) }
        table.forEachRun(layer.space, in: run) { part, seen in
          let held = state.holding(layer.space, part.first)
          body(part, judge(held.state != .unknown && seen.state != .unknown, held == seen))
        }
      }
    case .pins:
      state.forEachPinRun(in: pages) { run, held in
        table.forEachPinRun(in: run) { body($0, judge(held != nil && $1 != nil, held == $1)) }
      }
    case .shareCount:
      state.forEachShareCountRun(in: pages) { run, held in
        table.forEachShareCountRun(in: run) { body($0, judge(held != nil && $1 != nil, held == $1)) }
      }
    }
  }
}
