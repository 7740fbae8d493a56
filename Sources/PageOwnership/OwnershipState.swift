// Why: what a replay computes: of every space the state and annotation of every page, plus the two
// counters of the page's metadata. One value that imports, replays, audits and queries share.
// Not here: descriptors (PageTables), who may do what (Analysis).

/// What of a space a word is about.
package enum StateField: UInt8, Hashable, Sendable, CaseIterable {
  /// State and annotation.
  case holding = 0
  /// How many times the hypervisor pinned the page (`refcount`).
  case pins = 1
  /// To how many guests the host lent the page (`host_share_guest_count`).
  case shareCount = 2
}

/// The logical state of a machine at one moment.
package struct OwnershipState: Sendable {
  /// Host and hypervisor at 0 and 1, then the living guests by rising number.
  var holdings: [SpaceHoldings]
  var pins: StateLayer
  var shareCounts: StateLayer
  /// The hash of the whole state: of holdings and counters of all spaces that live.
  package internal(set) var hash = StateHash.empty
  /// Where it was written since somebody last asked; nil while nobody asks.
  var writes: [OwnershipWrite]?

  /// A machine of which nothing is known: host and hypervisor exist, all their pages are unknown.
  package init() {
    let host = Space(id: .host, kind: .host, handle: nil, incarnation: 0, isProtected: nil)
    let hyp = Space(id: .hyp, kind: .hyp, handle: nil, incarnation: 0, isProtected: nil)
    holdings = [host, hyp].map { SpaceHoldings($0, unseen: HoldingWord.unknown) }
    pins = StateLayer(HashKey(hyp, field: .pins), unseen: CounterWord.unknown)
    shareCounts = StateLayer(HashKey(host, field: .shareCount), unseen: CounterWord.unknown)
  }

  /// The spaces that exist, by rising number.
  package var spaces: [SpaceID] { holdings.map(\.id) }

  /// Adds a guest, in place of one with the same number; host, hypervisor and secure world are left alone.
  ///
  /// - Parameter isEmpty: True for a newborn: its pages are known to be absent. Else they are unknown.
  package mutating func addSpace(_ space: Space, isEmpty: Bool) {
    guard space.id.isGuest else { return }
    removeSpace(space.id)
    var added = SpaceHoldings(space, unseen: HoldingWord.unknown)
    if isEmpty {
      let everything = PageRange(first: PageFrame(0), count: RadixMap.pageEnd)
      hash = hash &+ added.layer.update(everything, WordEdit(keep: 0, bits: Self.absent))
    }
    holdings.insert(added, at: holdings.firstIndex { $0.id > space.id } ?? holdings.count)
    writes?.append(.birth(space.id))
  }

  /// Takes a guest away: it died, its pages are nobody's view any more. Host and hypervisor stay.
  package mutating func removeSpace(_ space: SpaceID) {
    guard space.isGuest, let place = place(of: space) else { return }
    hash = hash &- holdings[place].layer.hash
    holdings.remove(at: place)
    writes?.append(.death(space))
  }

  private static let absent = HoldingWord.word(Holding(.noPage), at: 0)

  /// What `space` holds of `page`; unknown if the space does not exist.
  package func holding(_ space: SpaceID, _ page: PageFrame) -> Holding {
    guard let place = place(of: space) else { return .unknown }
    return HoldingWord.holding(holdings[place].layer.map.get(page), at: page.rawValue)
  }

  /// How many times the hypervisor pinned a page; nil if unknown.
  package func pins(_ page: PageFrame) -> UInt32? { CounterWord.count(pins.map.get(page)) }

  /// To how many guests the host lent a page; nil if unknown.
  package func shareCount(_ page: PageFrame) -> UInt32? { CounterWord.count(shareCounts.map.get(page)) }

  /// Goes through what `space` holds of `range`, in order. The gfn of a guest annotation is that of the run's
  /// first page and rises with the page. A space that does not exist has no runs.
  package func forEachRun(_ space: SpaceID, in range: PageRange, _ body: (PageRange, Holding) -> Void) {
    guard let place = place(of: space) else { return }
    holdings[place].layer.map.forEachRun(in: range) { body($0, HoldingWord.holding($1, at: $0.first.rawValue)) }
  }

  /// Goes through the pins of `range`, in order; nil for unknown.
  package func forEachPinRun(in range: PageRange, _ body: (PageRange, UInt32?) -> Void) {
    pins.map.forEachRun(in: range) { body($0, CounterWord.count($1)) }
  }

  /// Goes through the share counts of `range`, in order; nil for unknown.
  package func forEachShareCountRun(in range: PageRange, _ body: (PageRange, UInt32?) -> Void) {
    shareCounts.map.forEachRun(in: range) { body($0, CounterWord.count($1)) }
  }

  /// Whether of no page of a range it is unknown what a space holds of it.
  package func isKnown(_ space: SpaceID, in range: PageRange) -> Bool {
    guard let place = place(of: space) else { return false }
    var isKnown = true
    holdings[place].layer.map.forEachRun(in: range) { if $1 == HoldingWord.unknown { isKnown = false } }
    return isKnown
  }

  /// Whether of all pages of a range it is known how often they are pinned and lent.
  package func areCountersKnown(in range: PageRange) -> Bool {
    var isKnown = true
    for layer in [pins, shareCounts] {
      layer.map.forEachRun(in: range) { if $1 == CounterWord.unknown { isKnown = false } }
    }
    return isKnown
  }

  /// How many bytes the trees take.
  package var byteCount: Int {
    holdings.reduce(pins.map.byteCount + shareCounts.map.byteCount) { $0 + $1.layer.map.byteCount }
  }

  func place(of space: SpaceID) -> Int? {
    if space == .host { return 0 }
    if space == .hyp { return 1 }
    var low = 2
    var high = holdings.count
    while low < high {
      let middle = (low + high) / 2
      if holdings[middle].id < space { low = middle + 1 } else { high = middle }
    }
    return low < holdings.count && holdings[low].id == space ? low : nil
  }
}

/// The holdings of one space.
struct SpaceHoldings: Sendable {
  let id: SpaceID
  var layer: StateLayer

  init(_ space: Space, unseen: UInt64) {
    id = space.id
    layer = StateLayer(HashKey(space, field: .holding), unseen: unseen)
  }
}

/// One field of one space: the words and their hash, always together.
struct StateLayer: Sendable {
  let key: HashKey
  var map: RadixMap
  var hash = StateHash.empty

  init(_ key: HashKey, unseen: UInt64) {
    self.key = key
    map = RadixMap(default: unseen)
  }

  /// Edits words; gives how much the hash grew.
  mutating func update(_ range: PageRange, _ edit: WordEdit) -> StateHash {
    var growth = StateHash.empty
    if range.count == 1 && range.first.rawValue < RadixMap.pageEnd {
      let page = range.first.rawValue
      let (old, new) = map.exchange(page, edit)
      if old == new { return growth }
      growth = key.difference(old, new, page, page + 1)
    } else {
      map.update(range, edit) { [key] old, new, start, end in
        if old != new { growth = growth &+ key.difference(old, new, start, end) }
      }
    }
    hash = hash &+ growth
    return growth
  }
}
