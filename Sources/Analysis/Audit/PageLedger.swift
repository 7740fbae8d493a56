// Why: what must hold of a page concerns all spaces, and some of that no table tells: which guests map it, whether
// the secure world borrows it, whether the hypervisor keeps it in its private range, and who wrote it. Kept
// as runs of equal words, so that it costs what differs. Not here: judging (+Judging).

import PageOwnership
import PageTables

/// Physical pages that a guest maps, in one state.
struct MappedFrames: Sendable {
  var frames: PageRange
  var state: PageState
}

/// What is known of physical pages beside the tables of host and hypervisor.
struct PageLedger: ~Copyable {
  /// How many leaves of guests map the page: owners, lenders, borrowers, 20 bits each.
  private(set) var mappings = RadixMap(default: 0)
  /// Whether the secure world borrows the page.
  private(set) var secure = RadixMap(default: SecureWord.unknown)
  /// 1: the hypervisor has the page outside its linear map.
  private(set) var privates = RadixMap(default: 0)
  /// The invariants that do not hold and were told.
  var broken = RadixMap(default: 0)
  /// The transition that changed the page last, and the one before: its number plus one.
  private var writers = RadixMap(default: 0)
  private var formerWriters = RadixMap(default: 0)
  /// What every guest maps where, as in the index.
  private var guests: [SpaceID: RadixMap] = [:]
  /// Whether the tables of all guests are known to the last page.
  private(set) var areGuestsKnown = false
  private(set) var living: LivingGuests?
  /// The guests of the journal, with their handles.
  var spaces: [Space]

  /// What ``secure`` says.
  enum SecureWord {
    static let unknown: UInt64 = 0
    static let notLent: UInt64 = 1
    static let lent: UInt64 = 2
  }

  static let everything = PageRange(first: PageFrame(0), count: RadixMap.pageEnd)

  init(spaces: [Space]) { self.spaces = spaces }

  // MARK: - guests

  /// Takes over who lives; gives what dead guests mapped, and the physical pages concerned.
  mutating func noteLives(_ image: MachineImage) -> (dead: [SpaceID: [MappedFrames]], touched: [PageRange]) {
    living = LivingGuests(spaces, in: image)
    areGuestsKnown = image.isEveryGuestKnown
    var dead: [SpaceID: [MappedFrames]] = [:]
    var touched: [PageRange] = []
    let now = Set(image.livingGuests)
    for space in guests.keys.sorted() where !now.contains(space) {
      dead[space] = frames(of: space)
      touched += write(space, [(Self.everything, 0)])
      guests[space] = nil
    }
    for space in now.sorted() where guests[space] == nil {
      var word: UInt64 = 0
      image.forEachWord(space, in: PageRange(PageFrame(0))) { word = $1 }
      guests[space] = RadixMap(default: word)
      touched += noteGuest(space, Self.everything, image)
    }
    return (dead, touched)
  }

  /// Whether the tables of all guests are known, once more: something was forgotten or shown.
  mutating func noteKnowledge(_ image: MachineImage) { areGuestsKnown = image.isEveryGuestKnown }

  /// Takes over what a guest's table says of a range; gives the physical pages concerned.
  mutating func noteGuest(_ space: SpaceID, _ range: PageRange, _ image: MachineImage) -> [PageRange] {
    var pieces: [(PageRange, UInt64)] = []
    image.forEachWord(space, in: range) { pieces.append(($0, $1)) }
    return write(space, pieces)
  }

  private mutating func write(_ space: SpaceID, _ pieces: [(PageRange, UInt64)]) -> [PageRange] {
    var changed: [(run: PageRange, old: UInt64, new: UInt64)] = []
    for (piece, word) in pieces {
      guests[space]?.set(piece, word) { old, run in
        if old != word { changed.append((run, old, word)) }
      }
    }
    var touched: [PageRange] = []
    for (run, old, new) in changed {
      if let frames = count(run, old, isGone: true) { touched.append(frames) }
      if let frames = count(run, new, isGone: false), frames != touched.last { touched.append(frames) }
    }
    return touched
  }

  // Adds one leaf a page, or takes one away.
  private mutating func count(_ run: PageRange, _ word: UInt64, isGone: Bool) -> PageRange? {
    guard let frame = GuestWord.frame(word, at: run.first) else { return nil }
    let frames = PageRange(first: frame, count: run.count)
    let unit: UInt64
    switch GuestWord.holding(word, at: run.first).state {
    case .owned: unit = 1
    case .sharedOwned: unit = 1 << 20
    case .sharedBorrowed: unit = 1 << 40
    default: return frames
    }
    var counts: [(PageRange, UInt64)] = []
    mappings.forEachRun(in: frames) { counts.append(($0, $1)) }
    for (run, count) in counts { mappings.set(run, isGone ? count &- unit : count &+ unit) }
    return frames
  }

  /// What a guest maps.
  func frames(of space: SpaceID) -> [MappedFrames] {
    var found: [MappedFrames] = []
    guests[space]?.forEachRun(in: Self.everything) { run, word in
      guard let frame = GuestWord.frame(word, at: run.first) else { return }
      let frames = PageRange(first: frame, count: run.count)
      found.append(MappedFrames(frames: frames, state: GuestWord.holding(word, at: run.first).state))
    }
    return found
  }

  // MARK: - what no table tells

  /// The secure world borrows pages, or does so no longer.
  mutating func noteSecure(_ pages: PageRange, isLent: Bool) {
    secure.set(pages, isLent ? SecureWord.lent : SecureWord.notLent)
  }

  /// What the host does not lend, the secure world does not borrow; the rest stays as it was.
  mutating func noteUnlent(_ pages: PageRange, _ image: MachineImage) {
    var free: [PageRange] = []
    image.ownership.forEachRun(.host, in: pages) { run, holding in
      if holding.state != .unknown, holding.state != .sharedOwned { free.append(run) }
    }
    for run in free { secure.set(run, SecureWord.notLent) }
  }

  /// Nobody knows any more what was lent.
  mutating func forget() {
    secure = RadixMap(default: SecureWord.unknown)
    areGuestsKnown = false
  }

  /// Notes pages that the hypervisor has outside its linear map; at a moment at which no transition is inside them.
  mutating func notePrivates(_ image: MachineImage) {
    var found: [PageRange] = []
    image.ownership.forEachRun(.host, in: Self.everything) { run, holding in
      if holding.state == .noPage, holding.annotation == .hyp { found.append(run) }
    }
    for run in found {
      for page in run.frames.prefix(1 << 16) {
        let leaf = image.leaf(.hypStage1, .hyp, at: page)
        if leaf.map({ !Descriptor($0.raw).isValid }) ?? false { privates.set(PageRange(page), 1) }
      }
    }
  }

  /// A page came into the linear map, or went to somebody else.
  mutating func noteNotPrivate(_ pages: PageRange) { privates.set(pages, 0) }

  // MARK: - who wrote

  /// A transition changed pages.
  mutating func noteWriter(_ id: ActionID, _ pages: PageRange) {
    let word = UInt64(bitPattern: id.rawValue &+ 1) & RadixMap.wordMask
    var former: [(PageRange, UInt64)] = []
    writers.set(pages, word) { old, run in
      if old != word, old != 0 { former.append((run, old)) }
    }
    for (run, old) in former { formerWriters.set(run, old) }
  }

  /// The transitions that changed a page last, newest first, one apart.
  func writers(of page: PageFrame, before id: ActionID?) -> [ActionID] {
    [writers.get(page), formerWriters.get(page)].filter { $0 != 0 }
      .map { ActionID(Int64(bitPattern: $0) &- 1) }.filter { $0 != id }
  }
}
