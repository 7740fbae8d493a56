// Why: the one place where a change becomes state. State and annotation live in different pieces of
// memory since 6.14, so an update carries only what its piece says and the rest stays.

/// What a change says of a run of pages of one space; nil leaves a field as it is.
package struct OwnershipUpdate: Hashable, Sendable {
  /// The space whose view changes.
  package var space: SpaceID
  /// The pages, in that space's numbers.
  package var pages: PageRange
  /// The new state.
  package var state: PageState?
  /// The new annotation; the gfn of a guest is that of the first page and rises with the page.
  package var annotation: OwnerAnnotation?
  /// The new number of pins; pages of the hypervisor's linear map, whatever the space.
  package var pins: UInt32?
  /// The new number of guests that borrow the page from the host, whatever the space.
  package var shareCount: UInt32?

  /// Makes an update.
  package init(
    space: SpaceID, pages: PageRange, state: PageState? = nil, annotation: OwnerAnnotation? = nil,
    pins: UInt32? = nil, shareCount: UInt32? = nil
  ) {
    self.space = space
    self.pages = pages
    self.state = state
    self.annotation = annotation
    self.pins = pins
    self.shareCount = shareCount
  }
}

extension OwnershipState {
  /// Applies a change. Cheap for any length: it costs what differs in the range, not the number of pages.
  ///
  /// A space that does not exist has no holdings to change; the counters change all the same.
  package mutating func apply(_ update: OwnershipUpdate) {
    if let count = update.pins {
      writes?.append(.count(.pins, update.pages))
      hash = hash &+ pins.update(update.pages, WordEdit(keep: 0, bits: CounterWord.word(count)))
    }
    if let count = update.shareCount {
      writes?.append(.count(.shareCount, update.pages))
      hash = hash &+ shareCounts.update(update.pages, WordEdit(keep: 0, bits: CounterWord.word(count)))
    }
    if let place = place(of: update.space), let edit = Self.holdingEdit(update) {
      writes?.append(.holding(update.space, update.pages))
      hash = hash &+ holdings[place].layer.update(update.pages, edit)
    }
  }

  /// Makes the pins and share counts of pages unknown again, by default of all.
  package mutating func forgetCounters(in pages: PageRange? = nil) {
    let pages = pages ?? PageRange(first: PageFrame(0), count: RadixMap.pageEnd)
    let edit = WordEdit(keep: 0, bits: CounterWord.unknown)
    writes?.append(.count(.pins, pages))
    writes?.append(.count(.shareCount, pages))
    hash = hash &+ pins.update(pages, edit) &+ shareCounts.update(pages, edit)
  }

  private static func holdingEdit(_ update: OwnershipUpdate) -> WordEdit? {
    var edit = WordEdit(keep: .max, bits: 0)
    if let state = update.state {
      edit.keep &= ~HoldingWord.stateMask
      edit.bits |= HoldingWord.bits(state)
    }
    if let annotation = update.annotation {
      edit.keep &= HoldingWord.stateMask
      edit.bits |= HoldingWord.bits(annotation, at: update.pages.first.rawValue)
    }
    return edit.keep == .max ? nil : edit
  }
}
