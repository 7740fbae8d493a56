// Why: what `owner` tells, found once for all formats: a replay that follows the pages asked for, and of each
// thing said the entry that made it so. Not here: words and columns.

import Analysis
import Journal
import PageOwnership
import PageTables

/// What one space says of a run of pages.
struct OwnerFact {
  /// Who says it.
  var space: SpaceID
  /// The first page, in that space's numbers.
  var page: PageFrame
  /// What is said.
  var holding: Holding
  /// The entry that made it so; nil if nothing ever did.
  var since: SequenceNumber?
}

/// One answer: a run of pages of which every space says the same since the same entries.
struct OwnerAnswer {
  /// Physical pages; nil for a guest's pages with nothing behind them.
  var pages: PageRange?
  /// The guest page that was asked for, if one was.
  var asked: GuestPage?
  /// How many pages the run has.
  var count: UInt64
  /// Who owns them.
  var owner: DerivedOwner
  /// What each space says.
  var facts: [OwnerFact]
  /// What all spaces say of the first page; nil without one.
  var view: PageView?

  /// Takes the next page in if it continues the run.
  mutating func absorb(_ next: OwnerAnswer) -> Bool {
    guard owner == next.owner, facts.count == next.facts.count, view?.pins == next.view?.pins,
      view?.shareCount == next.view?.shareCount, follows(next.pages?.first, pages?.first, count),
      asked?.space == next.asked?.space, follows(next.asked?.page, asked?.page, count)
    else { return false }
    for (mine, theirs) in zip(facts, next.facts) {
      guard mine.space == theirs.space, mine.since == theirs.since, follows(theirs.page, mine.page, count),
        Self.isSame(mine.holding, theirs.holding, distance: count)
      else { return false }
    }
    count += next.count
    pages?.count += next.count
    return true
  }

  private func follows(_ next: PageFrame?, _ first: PageFrame?, _ count: UInt64) -> Bool {
    next == first.map { $0.advanced(by: count) }
  }

  private static func isSame(_ left: Holding, _ right: Holding, distance: UInt64) -> Bool {
    guard case .guest(let handle, let gfn) = left.annotation else { return left == right }
    return right == Holding(left.state, .guest(handle: handle, gfn: gfn.advanced(by: distance)))
  }
}

/// The pages of one question.
enum AskedPages {
  case physical(PageRange)
  case guest(SpaceID, PageRange)

  /// How many pages.
  var count: UInt64 {
    switch self {
    case .physical(let pages), .guest(_, let pages): pages.count
    }
  }
}

/// Answers who owns pages at one entry.
struct OwnerReport {
  private struct Key: Hashable {
    var page: PageFrame
    var aspect: PageAspect
  }

  private let spaces: [Space]
  private let asked: [AskedPages]
  private var physical: [GuestPage: PageFrame] = [:]
  private var watch: PageWatch
  private var since: [Key: SequenceNumber] = [:]
  private var image: MachineImage

  /// Replays a journal through `seq`.
  init(_ reader: JournalReader, _ asked: [AskedPages], at seq: SequenceNumber) throws {
    spaces = try reader.spaces().map(\.space)
    self.asked = asked
    var guestRanges: [(space: SpaceID, pages: PageRange)] = []
    var ranges: [PageRange] = []
    for item in asked {
      switch item {
      case .physical(let pages): ranges.append(pages)
      case .guest(let space, let pages): guestRanges.append((space, pages))
      }
    }
    if !guestRanges.isEmpty {
      let now = try StateAt(reader).image(seq)
      for (space, pages) in guestRanges {
        for place in pages.frames.map({ GuestPage(space, $0) }) { physical[place] = now.physicalPage(of: place) }
      }
      ranges += Set(physical.values).sorted().map { PageRange($0) }
    }
    watch = PageWatch(ranges: ranges, guestRanges: guestRanges, spaces: spaces)
    var replay = try JournalReplay(reader)
    image = replay.replay.image
    try follow(&replay, through: seq)
    image = replay.replay.image
  }

  private mutating func follow(_ replay: inout JournalReplay, through seq: SequenceNumber) throws {
    var watch = watch
    var since: [Key: SequenceNumber] = [:]
    try replay.follow(through: seq) { frame, site, replay in
      watch.note(
        frame.entry, site.kind, changes: frame.changes, observations: frame.observations, replay.image
      ) { since[Key(page: $0.page, aspect: $0.aspect)] = $0.seq }
      return true
    }
    self.watch = watch
    self.since = since
  }

  /// The answers, in the order of the questions; consecutive pages with one answer are one.
  func forEachAnswer(_ body: (OwnerAnswer) throws -> Void) throws {
    for item in asked {
      var pending: OwnerAnswer?
      func take(_ next: OwnerAnswer) throws {
        if pending?.absorb(next) == true { return }
        if let pending { try body(pending) }
        pending = next
      }
      switch item {
      case .physical(let pages): for page in pages.frames { try take(answer(page, asked: nil)) }
      case .guest(let space, let pages): for page in pages.frames { try take(answer(GuestPage(space, page))) }
      }
      if let pending { try body(pending) }
    }
  }

  private func answer(_ place: GuestPage) -> OwnerAnswer {
    if let page = physical[place] { return answer(page, asked: place) }
    let fact = OwnerFact(
      space: place.space, page: place.page, holding: image.ownership.holding(place.space, place.page),
      since: since[Key(page: place.page, aspect: .guest(place))])
    let owner: DerivedOwner = fact.holding.state == .unknown ? .unknown : .nobody
    return OwnerAnswer(pages: nil, asked: place, count: 1, owner: owner, facts: [fact], view: nil)
  }

  private func answer(_ page: PageFrame, asked: GuestPage?) -> OwnerAnswer {
    let view =
      watch.view(of: page)
      ?? image.view(of: page, mappings: [], guests: LivingGuests(spaces, in: image))
    func fact(_ space: SpaceID, _ place: PageFrame, _ holding: Holding, _ aspect: PageAspect) -> OwnerFact {
      OwnerFact(space: space, page: place, holding: holding, since: since[Key(page: page, aspect: aspect)])
    }
    var facts = [
      fact(.host, page, view.host, .holding(.host)), fact(.hyp, page, view.hyp, .holding(.hyp)),
    ]
    facts += view.guests.map { fact($0.place.space, $0.place.page, $0.holding, .guest($0.place)) }
    // Named as the owner, and its own table does not have the page (yet, or any more).
    if let named = view.namedGuest, !view.guests.contains(where: { $0.place == named }) {
      facts.append(fact(named.space, named.page, image.ownership.holding(named.space, named.page), .guest(named)))
    }
    return OwnerAnswer(
      pages: PageRange(page), asked: asked, count: 1, owner: view.owner, facts: facts, view: view)
  }
}
