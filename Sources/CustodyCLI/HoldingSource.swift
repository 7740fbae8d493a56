// Why: what a space holds of a page at one entry, and since when, has two sources with one answer: the index,
// and where there is none, a replay. Not here: what the answers of all spaces mean together (OwnerReport).

import Analysis
import Journal
import PageOwnership
import PageTables

/// What a space holds of a page.
struct HeldPage: Equatable {
  /// What is held; unknown if the space does not exist.
  var holding = Holding.unknown
  /// The physical page behind a guest's page.
  var frame: PageFrame?
  /// The entry that made it so; nil if nothing ever did.
  var since: SequenceNumber?
  /// Whether the space is a guest that died before.
  var isGone = false
}

/// Where the answers about one entry come from.
enum HoldingSources {
  /// The index if it reaches `seq`, else a replay through it.
  static func source(
    of reader: JournalReader, _ asked: [AskedPages], _ lives: GuestLives, at seq: SequenceNumber
  ) throws -> any HoldingSource {
    if let index = try OwnershipIndex(reader), index.validTo >= seq { return IndexedSource(index, lives, at: seq) }
    return try ReplayedSource(reader, asked, at: seq)
  }
}

/// Answers what was held at one entry.
protocol HoldingSource {
  /// What a space holds of a page.
  func held(_ space: SpaceID, _ page: PageFrame) throws -> HeldPage
  /// The guest pages that have a physical page behind them, by guest and gfn.
  func guestPages(behind page: PageFrame) throws -> [GuestPage]
  /// A counter of a page, nil if unknown, and the entry that made it so; nil if nothing ever did.
  func count(_ field: StateField, of page: PageFrame) throws -> (count: UInt32?, since: SequenceNumber?)
  /// Nothing more is asked for now.
  func release()
}

/// Answers from the index.
struct IndexedSource: HoldingSource {
  private let index: OwnershipIndex
  private let lives: GuestLives
  private let seq: SequenceNumber
  private let living: ClosedRange<SpaceID>?

  /// Answers for right after `seq`, which the index must reach.
  init(_ index: OwnershipIndex, _ lives: GuestLives, at seq: SequenceNumber) {
    self.index = index
    self.lives = lives
    self.seq = seq
    living = lives.range(at: seq)
  }

  func held(_ space: SpaceID, _ page: PageFrame) throws -> HeldPage {
    guard let (found, since) = try index.holding(of: space, page, at: seq) else { return HeldPage() }
    let entry = since.rawValue > 0 ? since : nil
    guard let state = found.state else { return HeldPage(since: entry, isGone: true) }
    let holding = Holding(state, lives.annotation(found.owner))
    return HeldPage(holding: holding, frame: found.frame, since: entry)
  }

  func guestPages(behind page: PageFrame) throws -> [GuestPage] {
    guard let living else { return [] }
    return try Set(index.guestPages(behind: page, in: living)).sorted().filter { place in
      try held(place.space, place.page).frame == page
    }
  }

  func count(_ field: StateField, of page: PageFrame) throws -> (count: UInt32?, since: SequenceNumber?) {
    try index.count(field, of: page, at: seq)
  }

  func release() { index.release() }
}

/// Answers from a replay.
struct ReplayedSource: HoldingSource {
  private let image: MachineImage
  private let tracker: OwnershipTracker
  private let deaths: [SpaceID: SequenceNumber]
  private var guests: [PageFrame: [GuestPage]] = [:]

  /// Replays a journal through `seq`, for questions about the pages of `asked`.
  init(_ reader: JournalReader, _ asked: [AskedPages], at seq: SequenceNumber) throws {
    var replay = try JournalReplay(reader)
    var tracker = try replay.makeTracker(keepsRows: false)
    try replay.run(through: seq) { replay in
      replay.tell(&tracker)
      return true
    }
    image = replay.replay.image
    self.tracker = tracker
    let died = try reader.spaces().compactMap { life in life.diedSeq.map { (life.space.id, $0) } }
    deaths = Dictionary(died.filter { $0.1 <= seq }) { first, _ in first }
    for pages in physicalRanges(asked) {
      image.forEachGuestMapping(of: pages) { guests[$1, default: []].append($0) }
    }
  }

  private func physicalRanges(_ asked: [AskedPages]) -> [PageRange] {
    var ranges: [PageRange] = []
    var behind: Set<PageFrame> = []
    for item in asked {
      switch item {
      case .physical(let pages): ranges.append(pages)
      case .guest(let space, let pages):
        for page in pages.frames {
          if let frame = image.physicalPage(of: GuestPage(space, page)) { behind.insert(frame) }
        }
      }
    }
    return ranges + behind.sorted().map { PageRange($0) }
  }

  func held(_ space: SpaceID, _ page: PageFrame) throws -> HeldPage {
    if let died = deaths[space] { return HeldPage(since: died, isGone: true) }
    return HeldPage(
      holding: image.ownership.holding(space, page),
      frame: space.isGuest ? image.physicalPage(of: GuestPage(space, page)) : nil, since: tracker.since(space, page))
  }

  // Ranges that overlap find a page twice.
  func guestPages(behind page: PageFrame) throws -> [GuestPage] { Set(guests[page] ?? []).sorted() }

  func count(_ field: StateField, of page: PageFrame) throws -> (count: UInt32?, since: SequenceNumber?) {
    let count = field == .pins ? image.ownership.pins(page) : image.ownership.shareCount(page)
    return (count, tracker.since(field, page))
  }

  func release() {}
}
