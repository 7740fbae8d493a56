// Why: four ways to say who held what, each by itself: the index, its spans, an own snapshot with what follows
// it, and a replay of everything. Here they are asked of the same points and of whole spaces, and compared.

import Analysis
import Foundation
import Journal
import PageOwnership
import PageTables
import TestSupport

@testable import CustodyCLI

/// Compares the accounts of one journal.
struct IndexTruth {
  let reader: JournalReader
  private let index: OwnershipIndex
  private let lives: GuestLives
  private let spaces: [SpaceID]
  /// Pages that changed somewhere, and some beside them.
  private let interesting: [PageFrame]
  /// What differs, the first few.
  private(set) var differences: [String] = []
  /// How many points were asked.
  private(set) var pointCount = 0

  init?(_ reader: JournalReader) throws {
    guard let index = try OwnershipIndex(reader) else { return nil }
    self.reader = reader
    self.index = index
    lives = try reader.guestLives()
    spaces = try reader.spaces().map(\.space.id).filter { $0 != .ffa }
    var pages: Set<PageFrame> = [PageFrame(0), PageFrame(1 << 52 - 1), PageFrame(0x3ffff), PageFrame(0x80000)]
    try reader.forEachEntry(through: reader.headSeq()) { frame in
      for change in frame.changes {
        pages.insert(change.pages.first)
        pages.insert(change.pages.end)
        if change.pages.first.rawValue > 0 { pages.insert(PageFrame(change.pages.first.rawValue - 1)) }
      }
      return true
    }
    interesting = pages.sorted()
  }

  /// Compares at some entries, in rising order: `count` points at each, and every page of every space.
  mutating func compare(at moments: [SequenceNumber], points count: Int, _ random: inout SeededRandom) throws {
    var replay = try JournalReplay(reader)
    for seq in moments {
      try replay.run(through: seq)
      let image = replay.replay.image
      let spans = try SpanList(reader, at: seq)
      let near = try StateAt(reader).ownership(seq)
      if near.hash != image.ownership.hash { note("\(seq.rawValue): own snapshot and tail differ from a replay") }
      compareWhole(image, spans, seq)
      let living = image.ownership.spaces
      for _ in 0..<count {
        let space = random.below(3) > 0 ? random.pick(living) : random.pick(spaces)
        let page = random.below(4) > 0 ? random.pick(interesting) : PageFrame(UInt64(random.below(1 << 20)))
        try comparePoint(space, page, image, near, spans, seq)
      }
      index.release()
    }
  }

  private mutating func comparePoint(
    _ space: SpaceID, _ page: PageFrame, _ image: MachineImage, _ near: OwnershipState, _ spans: SpanList,
    _ seq: SequenceNumber
  ) throws {
    pointCount += 1
    let naive = Answer(image, space, page)
    let held = try index.holding(of: space, page, at: seq)
    let span = spans.find(space, page)
    let answers = [
      Answer(held?.holding, lives), Answer(span?.holding, lives),
      Answer(holding: near.holding(space, page), frame: naive.frame),
    ]
    if answers.contains(where: { $0 != naive }) || (span != nil && span?.from != held?.since) {
      note(
        "space \(space.rawValue) page 0x\(String(page.rawValue, radix: 16)) at \(seq.rawValue): \(naive), \(answers)")
    }
    guard space == .host else { return }
    let counts = try (index.count(.pins, of: page, at: seq).count, index.count(.shareCount, of: page, at: seq).count)
    if counts != (image.ownership.pins(page), image.ownership.shareCount(page)) { note("counts of \(page), \(seq)") }
    var behind: [GuestPage] = []
    image.forEachGuestMapping(of: PageRange(page)) { place, _ in behind.append(place) }
    let found = try IndexedSource(index, lives, at: seq).guestPages(behind: page)
    if found != behind.sorted() { note("\(page) at \(seq) is behind \(behind), found \(found)") }
  }

  // Every page: run by run, and which guest page has which physical one behind it.
  private mutating func compareWhole(_ image: MachineImage, _ spans: SpanList, _ seq: SequenceNumber) {
    let everything = PageRange(first: PageFrame(0), count: 1 << 52)
    for space in spaces {
      let list = spans.list(space)
      var position: UInt64 = 0
      for span in list {
        if span.pages.first.rawValue != position { note("a hole or overlap before \(span) at \(seq.rawValue)") }
        position = span.pages.end.rawValue
        let said = Answer(span.holding, lives)
        if said != Answer(image, space, span.pages.first) { note("\(span) at \(seq.rawValue)") }
        image.ownership.forEachRun(space, in: span.pages) { run, _ in
          let distance = run.first.rawValue - span.pages.first.rawValue
          let there = Answer(span.holding.advanced(by: distance), lives)
          if there != Answer(image, space, run.first) { note("\(span), page \(run.first) at \(seq.rawValue)") }
        }
      }
      let isAlive = image.ownership.spaces.contains(space)
      if position != (isAlive ? everything.end.rawValue : 0) {
        note("space \(space.rawValue) ends at page \(position)")
      }
    }
  }

  private mutating func note(_ difference: String) {
    if differences.count < 5 { differences.append(difference) }
  }
}

/// What is said of a page, and the physical page behind it.
struct Answer: Equatable {
  var holding: Holding
  var frame: PageFrame?

  init(holding: Holding, frame: PageFrame?) {
    self.holding = holding
    self.frame = frame
  }

  init(_ image: MachineImage, _ space: SpaceID, _ page: PageFrame) {
    holding = image.ownership.holding(space, page)
    frame = space.isGuest ? image.physicalPage(of: GuestPage(space, page)) : nil
  }

  init(_ held: IndexedHolding?, _ lives: GuestLives) {
    holding = held?.state.map { Holding($0, lives.annotation(held?.owner)) } ?? .unknown
    frame = held?.frame
  }
}

/// The spans that hold at an entry, by plain SQL.
struct SpanList {
  private var spans: [SpaceID: [OwnershipSpan]] = [:]

  init(_ reader: JournalReader, at seq: SequenceNumber) throws {
    let sql = """
      SELECT space, first_page, ifnull(page_count, 1), from_seq, to_seq, state, owner, owner_page, frame
      FROM ownership_span_row WHERE from_seq <= \(seq.rawValue) AND ifnull(to_seq > \(seq.rawValue), 1)
      ORDER BY space, first_page
      """
    try reader.query(sql) { row in
      let numbers: [Int64?] = row.map { if case .integer(let number) = $0 { number } else { nil } }
      guard let space = numbers[0], let first = numbers[1], let count = numbers[2], let from = numbers[3],
        let state = numbers[5].flatMap({ PageState(rawValue: UInt8($0)) })
      else { return true }
      let page = numbers[7].map { PageFrame(UInt64($0)) }
      let holding = IndexedHolding(
        state: state, owner: numbers[6].flatMap { IndexedOwner(code: $0, page: page) },
        frame: numbers[8].map { PageFrame(UInt64($0)) })
      let id = SpaceID(rawValue: Int32(space))
      spans[id, default: []].append(
        OwnershipSpan(
          space: id, pages: PageRange(first: PageFrame(UInt64(first)), count: UInt64(count)),
          from: SequenceNumber(from), to: numbers[4].map { SequenceNumber($0) }, holding: holding))
      return true
    }
  }

  func list(_ space: SpaceID) -> [OwnershipSpan] { spans[space] ?? [] }

  /// What holds for a page, and since when.
  func find(_ space: SpaceID, _ page: PageFrame) -> (holding: IndexedHolding, from: SequenceNumber)? {
    let list = self.list(space)
    var low = 0
    var high = list.count
    while low < high {
      let middle = (low + high) / 2
      if list[middle].pages.end <= page { low = middle + 1 } else { high = middle }
    }
    guard low < list.count, list[low].pages.contains(page) else { return nil }
    let distance = page.rawValue - list[low].pages.first.rawValue
    return (list[low].holding.advanced(by: distance), list[low].from)
  }
}
