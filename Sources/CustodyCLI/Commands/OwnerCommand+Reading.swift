// Why: what `owner` tells, found once for all formats: what each space says of the pages asked for, and the
// entry that made it so. Not here: where that is found (HoldingSource), words and columns.

import Analysis
import Journal
import PageOwnership

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
  /// Whether the space is a guest that died before.
  var isGone = false

  init(_ space: SpaceID, _ page: PageFrame, _ held: HeldPage) {
    self.space = space
    self.page = page
    holding = held.holding
    since = held.since
    isGone = held.isGone
  }
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
        theirs.holding == mine.holding.advanced(by: count)
      else { return false }
    }
    count += next.count
    pages?.count += next.count
    return true
  }

  private func follows(_ next: PageFrame?, _ first: PageFrame?, _ count: UInt64) -> Bool {
    next == first.map { $0.advanced(by: count) }
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
  private let asked: [AskedPages]
  private let source: any HoldingSource
  private let lives: GuestLives
  private let seq: SequenceNumber

  /// Opens the index if it reaches `seq`, else replays through it.
  init(_ reader: JournalReader, _ asked: [AskedPages], at seq: SequenceNumber) throws {
    self.asked = asked
    self.seq = seq
    lives = try reader.guestLives()
    source = try HoldingSources.source(of: reader, asked, lives, at: seq)
  }

  /// Answers from a source that is open already.
  init(_ source: any HoldingSource, _ lives: GuestLives, _ asked: [AskedPages], at seq: SequenceNumber) {
    self.source = source
    self.lives = lives
    self.asked = asked
    self.seq = seq
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
    source.release()
  }

  private func answer(_ place: GuestPage) throws -> OwnerAnswer {
    let held = try source.held(place.space, place.page)
    if let page = held.frame { return try answer(page, asked: place) }
    let owner: DerivedOwner = held.holding.state == .unknown && !held.isGone ? .unknown : .nobody
    return OwnerAnswer(
      pages: nil, asked: place, count: 1, owner: owner, facts: [OwnerFact(place.space, place.page, held)], view: nil)
  }

  /// What is said of a physical page.
  func answer(_ page: PageFrame, asked: GuestPage?) throws -> OwnerAnswer {
    let host = try source.held(.host, page)
    let hyp = try source.held(.hyp, page)
    var facts = [OwnerFact(.host, page, host), OwnerFact(.hyp, page, hyp)]
    let places = try source.guestPages(behind: page)
    for place in places { facts.append(OwnerFact(place.space, place.page, try source.held(place.space, place.page))) }
    let named = named(by: host.holding)
    let view = PageView(
      page: page, host: host.holding, hyp: hyp.holding,
      guests: zip(places, facts.dropFirst(2)).map { GuestView(place: $0, holding: $1.holding) },
      pins: try source.count(.pins, of: page).count, shareCount: try source.count(.shareCount, of: page).count,
      namedGuest: named)
    // Named as the owner, and its own table does not have the page (yet, or any more).
    if let named, !places.contains(named) {
      facts.append(OwnerFact(named.space, named.page, try source.held(named.space, named.page)))
    }
    return OwnerAnswer(pages: PageRange(page), asked: asked, count: 1, owner: view.owner, facts: facts, view: view)
  }

  private func named(by holding: Holding) -> GuestPage? {
    guard case .guest(let handle, let gfn) = holding.annotation else { return nil }
    return lives.guest(of: handle, at: seq).map { GuestPage($0, gfn) }
  }
}
