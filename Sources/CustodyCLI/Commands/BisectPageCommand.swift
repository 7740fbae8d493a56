// Why: `custody bisect page` and `custody bisect where`: the first entry after which a page is as told, or a query
// says so. Not here: the halving (MomentSearch, Analysis).

import Analysis
import ArgumentParser
import Journal
import PageOwnership
import PageTables

struct BisectPageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "page",
    abstract: "Find the first entry after which a page is as told",
    discussion: """
      custody bisect page 0x48163000 --expect host=NOPAGE hyp=OWNED
      custody bisect page 0x48163000 --expect owner=guest:0x1000#3 --first
      custody bisect page guest:0x1000#3/0x80000000 --expect OWNED

      An expectation is a state (of the host, or of the guest that the page was named in), SPACE=STATE, owner=SPACE \
      (or nobody, two), pins=N or shares=N; all of them must be met. Pages of guests are those of the guest's \
      addresses, and only states can be expected of them.

      \(SearchOptions.assumption)
      """)

  @Argument(help: ArgumentHelp("0x48163000, pfn:0x48163 or guest:0x1000#3/0x80000000.", valueName: "page"))
  var page: PageArgument
  @Option(parsing: .upToNextOption, help: ArgumentHelp("What the page is to be.", valueName: "expectation"))
  var expect: [PageExpectation]
  @OptionGroup var search: SearchOptions

  func validate() throws {
    guard !expect.isEmpty else { throw ValidationError("--expect takes at least one expectation") }
    guard case .guest = page else { return }
    for expectation in expect {
      guard case .state(nil, _) = expectation else {
        throw ValidationError("of a guest's page only a plain STATE can be expected")
      }
    }
  }

  func run() throws { try run(on: .standard(isFull: search.full)) }

  /// Searches, and answers on a console.
  func run(on console: Console) throws {
    let search = try MomentSearch(self.search, console)
    let predicate = try PagePredicate(search.reader, place(search, console), expect)
    let what = "the page is as expected"
    guard self.search.first else {
      let states = StateAt(search.reader)
      return try search.halve(what) { try predicate.verdict(states.ownership($0)) }
    }
    try search.tell(first: first(predicate, search), what)
  }

  private func place(_ search: MomentSearch, _ console: Console) throws -> GuestPage {
    switch page {
    case .physical(let page): return GuestPage(.host, page)
    case .guest(let guest, let page):
      return GuestPage(try guest.space(of: search.reader.spaces(), at: search.bad, console), page)
    }
  }

  private func first(_ predicate: PagePredicate, _ search: MomentSearch) throws -> SequenceNumber? {
    var replay = try JournalReplay(search.reader)
    var found: SequenceNumber?
    try replay.follow(through: search.bad) { frame, _, replay in

      if frame.entry.seq > search.good, predicate.verdict(replay.image.ownership) == .bad {
        found = frame.entry.seq
      }
      return found == nil
    }
    return found
  }
}

struct BisectWhereCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "where",
    abstract: "Find the first entry at which a query says so",
    discussion: """
      custody bisect where "SELECT count(*) > 100 FROM ownership_span WHERE space = 'hyp' AND from_seq <= :seq \
      AND (to_seq IS NULL OR to_seq > :seq)"

      The query reads the journal; `:seq` in it is the entry. Its first value says whether it holds: 0 no, NULL that \
      it cannot be told, anything else yes; no row is no.

      \(SearchOptions.assumption)
      """)

  @Argument(help: "One SELECT with :seq in it.")
  var query: String
  @OptionGroup var search: SearchOptions

  func validate() throws {
    guard query.contains(":seq") else { throw ValidationError("the query does not ask about :seq") }
  }

  func run() throws { try run(on: .standard(isFull: search.full)) }

  /// Searches, and answers on a console.
  func run(on console: Console) throws {
    Interrupt.install()
    let search = try MomentSearch(self.search, console)
    let what = "the query says so"
    guard self.search.first else { return try search.halve(what) { try judge($0, search.reader) } }
    var found: SequenceNumber?
    var seq = search.good.rawValue + 1
    while found == nil, seq <= search.bad.rawValue {
      if try judge(SequenceNumber(seq), search.reader) == .bad { found = SequenceNumber(seq) }
      seq += 1
    }
    try search.tell(first: found, what)
  }

  private func judge(_ seq: SequenceNumber, _ reader: JournalReader) throws -> BisectVerdict {
    var verdict = BisectVerdict.good
    let limits = QueryLimits(rowCount: 1, isCancelled: { Interrupt.isRequested })
    try reader.query(query.replacing(":seq", with: "\(seq.rawValue)"), limits: limits) { cells in
      switch cells.first {
      case .null?: verdict = .skip
      case .integer(0)?, .real(0)?, nil: verdict = .good
      default: verdict = .bad
      }
      return false
    }
    return verdict
  }
}
