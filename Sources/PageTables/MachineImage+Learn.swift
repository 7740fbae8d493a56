// Why: what somebody saw of a page makes it known again where nothing was known.

package import PageOwnership

extension MachineImage {
  /// Takes over what an observation shows of pages that are unknown; known ones stay as they are.
  package mutating func learn(from observation: Observation) {
    let page = observation.pages.first
    if let frame = observation.frame, !observation.isUnordered {
      learnFrames(observation.pages, frame)
    }
    if let leaf = observation.host { learn(.hostStage2, .host, page, leaf) }
    if let leaf = observation.hyp, Self.isLinear(page) { learn(.hypStage1, .hyp, page, leaf) }
    if let leaf = observation.guest, let space = observation.guestSpace, let page = observation.guestPage {
      learn(.guestStage2, space, page, leaf)
    }
  }

  private mutating func learn(_ table: TableKind, _ space: SpaceID, _ page: PageFrame, _ leaf: LeafWord) {
    guard self.leaf(table, space, at: page) == nil else { return }
    // A zero leaf of a coarse level says nothing of pages that were seen to be mapped.
    let level = leaf.raw == 0 ? 3 : leaf.level
    write(table, space, PageRange(page), level: level, raw: leaf.raw)
  }

  private mutating func learnFrames(_ pages: PageRange, _ frame: UInt64) {
    let word = LeafWord(level: 3, raw: frame)
    for offset in 0..<min(pages.count, 512) {
      let page = pages.first.advanced(by: offset)
      for half in [SpaceID.host, .hyp] where compare(.vmemmap, half, at: page, seen: word) == .unknown {
        write(.vmemmap, half, PageRange(page), level: 3, raw: frame)
      }
    }
  }

  /// The page's `struct hyp_page` as far as its logical content gives it; nil where that is unknown.
  ///
  /// The order is left at 0; for a page of the hypervisor the count is, too.
  package func frameWord(at page: PageFrame) -> UInt64? {
    guard let pins = ownership.pins(page) else { return nil }
    guard encoding.frameByteCount == 8 else { return UInt64(pins & 0xffff) }
    let host = ownership.holding(.host, page).state
    guard host != .unknown, let count = ownership.shareCount(page), let hostBits = encoding.stateNumber(host) else {
      return nil
    }
    let word = UInt64(pins & 0xffff) | UInt64(count) << 32 | UInt64(hostBits) << 24
    if encoding.keepsHypStateInDescriptors { return word }
    let hyp = ownership.holding(.hyp, page).state
    guard hyp != .unknown, let hypBits = encoding.stateNumber(hyp) else { return nil }
    return word | UInt64(hypBits ^ 3) << 28
  }
}

extension TableEncoding {
  /// The number that the vmemmap of this generation has for a state; nil if it has none.
  package func stateNumber(_ state: PageState) -> UInt8? {
    switch state {
    case .owned: 0
    case .sharedOwned: 1
    case .sharedBorrowed: 2
    case .noPage: noPageNumber
    default: nil
    }
  }
}
