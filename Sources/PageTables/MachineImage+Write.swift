// Why: what a written word does to the tables and to the ownership that they imply.

package import PageOwnership

extension MachineImage {
  /// Performs a recorded change; a change whose new word was not recorded makes its pages unknown.
  package mutating func apply(_ change: Change) {
    guard let raw = change.new else { return forget(change.table, change.space, change.pages) }
    if let old = change.old, change.table != .vmemmap {
      learnOldBlock(change, old)
    }
    // A leaf that went away leaves zeroes over what it covered; where the walk ends now says nothing.
    let level = raw != 0 ? change.newLevel : change.old == 0 ? 3 : change.oldLevel
    write(change.table, change.space, change.pages, level: level, raw: raw)
  }

  // The old leaf tells what the rest of its block was, where nothing was known.
  private mutating func learnOldBlock(_ change: Change, _ old: UInt64) {
    guard change.oldLevel < change.newLevel, leaf(change.table, change.space, at: change.pages.first) == nil else {
      return
    }
    write(change.table, change.space, PageRange(change.pages.first), level: change.oldLevel, raw: old)
  }

  /// Writes words into a table: `raw` is the first page's; following valid leaves map following pages.
  ///
  /// For the vmemmap, `space` says which half of the word counts: the host's or the hypervisor's.
  package mutating func write(
    _ table: TableKind, _ space: SpaceID, _ pages: PageRange, level: Int8, raw: UInt64
  ) {
    switch table {
    case .hostStage2: writeHost(pages, level: level, raw: raw)
    case .hypStage1: writeHyp(pages, level: level, raw: raw)
    case .guestStage2: writeGuest(space, pages, level: level, raw: raw)
    case .vmemmap: writeFrame(pages, raw: raw, space: space)
    }
  }

  private mutating func writeHost(_ pages: PageRange, level: Int8, raw: UInt64) {
    if let before = hostStage2.leaf(at: pages.first), before.level < level, before.raw != 0 {
      // A page written inside a block leaves the rest of the block zero (spec §6).
      let block = Self.block(at: pages.first, level: before.level)
      setHost(block, LeafWord(level: level, raw: 0))
    }
    Self.put(&hostStage2, pages, level, raw)
    setHost(Self.covered(pages, level: level), LeafWord(level: level, raw: raw))
  }

  // A word that no table of a real machine can hold leaves its pages unknown.
  private static func put(_ table: inout DescriptorTable, _ pages: PageRange, _ level: Int8, _ raw: UInt64) {
    do {
      try table.set(pages: pages, level: level, raw: raw)
    } catch {
      table.forget(pages)
    }
  }

  private mutating func setHost(_ pages: PageRange, _ leaf: LeafWord) {
    guard encoding.keepsHostStateInDescriptors else {
      let meaning = encoding.hostMeaning(leaf, isMemory: nil)
      return setHolding(.host, pages, state: nil, annotation: meaning.annotation)
    }
    forEachRegionRun(pages) { run, isMemory in
      let meaning = encoding.hostMeaning(leaf, isMemory: isMemory)
      setHolding(.host, run, state: meaning.state, annotation: meaning.annotation)
    }
  }

  private mutating func writeHyp(_ pages: PageRange, level: Int8, raw: UInt64) {
    Self.put(&hypStage1, pages, level, raw)
    guard let state = encoding.hypState(LeafWord(level: level, raw: raw)) else { return }
    let covered = Self.covered(pages, level: level)
    setHolding(.hyp, covered, state: state, annotation: OwnerAnnotation.none)
    if state == .owned { setPins(covered, 0) }
  }

  private mutating func writeGuest(_ space: SpaceID, _ pages: PageRange, level: Int8, raw: UInt64) {
    guard let before = guests[space].map({ $0.leaf(at: pages.first) }) else { return }
    Self.put(&guests[space, default: DescriptorTable(isEmpty: false)], pages, level, raw)
    if let before, before.level < level, before.raw & 1 == 1 {
      let block = Self.block(at: pages.first, level: before.level)
      setHolding(space, block, state: .noPage, annotation: OwnerAnnotation.none)
    }
    let state = encoding.guestState(LeafWord(level: level, raw: raw))
    setHolding(space, Self.covered(pages, level: level), state: state, annotation: OwnerAnnotation.none)
  }

  private mutating func writeFrame(_ pages: PageRange, raw: UInt64, space: SpaceID) {
    let meaning = encoding.frame(raw)
    if space == .host {
      ownership.apply(
        OwnershipUpdate(
          space: .host, pages: pages, state: meaning.host, annotation: nil, pins: nil, shareCount: meaning.shareCount))
      return
    }
    if let hyp = meaning.hyp {
      let pins = hyp == .owned ? 0 : UInt32(meaning.references)
      return ownership.apply(
        OwnershipUpdate(
          space: .hyp, pages: pages, state: hyp, annotation: OwnerAnnotation.none, pins: pins, shareCount: nil))
    }
    // ≤ 6.15: only the count; for a page that the hypervisor owns it is the allocator's, not pins.
    var owned: [PageRange] = []
    ownership.forEachRun(.hyp, in: pages) { run, holding in
      if holding.state == .owned { owned.append(run) }
    }
    setPins(pages, UInt32(meaning.references))
    for run in owned { setPins(run, 0) }
  }

  /// Makes pages of a table unknown.
  package mutating func forget(_ table: TableKind, _ space: SpaceID, _ pages: PageRange) {
    isWhollyKnown = false
    switch table {
    case .hostStage2:
      hostStage2.forget(pages)
      setHolding(.host, pages, state: encoding.keepsHostStateInDescriptors ? .unknown : nil, annotation: .unknown)
    case .hypStage1:
      hypStage1.forget(pages)
      if encoding.keepsHypStateInDescriptors { setHolding(.hyp, pages, state: .unknown, annotation: .unknown) }
    case .guestStage2:
      guests[space]?.forget(pages)
      setHolding(space, pages, state: .unknown, annotation: .unknown)
    case .vmemmap:
      let isElsewhere = space == .hyp ? encoding.keepsHypStateInDescriptors : encoding.keepsHostStateInDescriptors
      if !isElsewhere { setHolding(space, pages, state: .unknown, annotation: nil) }
      ownership.forgetCounters(in: pages)
    }
  }

  private mutating func setHolding(
    _ space: SpaceID, _ pages: PageRange, state: PageState?, annotation: OwnerAnnotation?
  ) {
    ownership.apply(
      OwnershipUpdate(space: space, pages: pages, state: state, annotation: annotation, pins: nil, shareCount: nil))
  }

  private mutating func setPins(_ pages: PageRange, _ pins: UInt32) {
    ownership.apply(
      OwnershipUpdate(space: .hyp, pages: pages, state: nil, annotation: nil, pins: pins, shareCount: nil))
  }

  /// The aligned block of a level that holds a page.
  static func block(at page: PageFrame, level: Int8) -> PageRange {
    let size = pagesPerLeaf(level)
    return PageRange(first: PageFrame(page.rawValue & ~(size - 1)), count: size)
  }

  /// How many pages a leaf of a level maps; levels outside -2…3 count as the nearest.
  package static func pagesPerLeaf(_ level: Int8) -> UInt64 { 1 << (9 * UInt64(3 - Int(max(-2, min(3, level))))) }

  /// The pages that leaves of a level cover when they are written over a run.
  static func covered(_ pages: PageRange, level: Int8) -> PageRange {
    let size = pagesPerLeaf(level)
    let first = pages.first.rawValue & ~(size - 1)
    let end = pages.first.rawValue &+ max(1, pages.count)
    let (rounded, overflow) = end.addingReportingOverflow(size - 1)
    let last = overflow ? UInt64.max & ~(size - 1) : rounded & ~(size - 1)
    return PageRange(first: PageFrame(first), count: last - first)
  }

  /// Splits a run at the borders of memory; `nil` where no region is known.
  func forEachRegionRun(_ pages: PageRange, _ body: (PageRange, Bool?) -> Void) {
    guard !regions.isEmpty else { return body(pages, nil) }
    var position = pages.first.rawValue
    let end = pages.end.rawValue
    while position < end {
      let page = PageFrame(position)
      let region = regions.first { $0.pages.contains(page) }
      let border =
        region?.pages.end.rawValue
        ?? regions.map(\.pages.first.rawValue).filter { $0 > position }.min() ?? end
      let stop = min(end, border)
      body(PageRange(first: page, count: stop - position), region.map { $0.kind == .memory } ?? false)
      position = stop
    }
  }
}
