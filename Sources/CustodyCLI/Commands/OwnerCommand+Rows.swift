// Why: who holds a page, as rows for programs: one a space and run of pages, with plain values.

import Analysis
import Journal
import PageOwnership

/// Answers as rows.
struct OwnerRows {
  private let context: ShowContext
  private let causes: CauseFinder

  init(_ context: ShowContext) {
    self.context = context
    causes = CauseFinder(context)
  }

  private static let columns = [
    "address", "page", "page_count", "owner", "space", "space_address", "state", "names", "names_address", "pins",
    "share_count", "since_seq", "since_time", "cpu", "transition", "phase", "operation",
  ].map { Column($0) }

  /// Writes all answers in a format.
  func write(_ report: OwnerReport, _ format: OutputFormat, _ console: Console) throws {
    let writer = format.writer(Self.columns, to: console)
    try report.forEachAnswer { answer in
      for fact in answer.facts { try writer.write(row(fact, answer)) }
    }
    try writer.finish()
  }

  private func row(_ fact: OwnerFact, _ answer: OwnerAnswer) throws -> [Cell] {
    let cause = try fact.since.flatMap { try causes.cause(at: $0) }
    let page = answer.pages?.first
    return [
      Cell((page?.address).map(HexText.hex)), Cell(page.map { Int64(bitPattern: $0.rawValue) }),
      .integer(Int64(bitPattern: answer.count)), .text(owner(answer.owner)), .text(context.name(fact.space)),
      .text(HexText.hex(fact.page.address)), Cell(fact.isGone ? nil : fact.holding.state.name),
      Cell(names(fact, answer)),
      Cell(namedAddress(fact.holding)), Cell(answer.view?.pins.map { Int64($0) }),
      Cell(answer.view?.shareCount.map { Int64($0) }), Cell(fact.since?.rawValue), Cell(cause?.time),
      Cell(cause?.cpu.map { Int64($0) }), Cell(cause?.transition?.id.rawValue), Cell(cause?.phase.map { Int64($0) }),
      Cell(cause?.transition?.operation.rawValue),
    ]
  }

  private func owner(_ owner: DerivedOwner) -> String {
    switch owner {
    case .one(let space): context.name(space)
    case .nobody: "nobody"
    case .two(let spaces): spaces.map(context.name).joined(separator: " and ")
    case .unknown: "unknown"
    }
  }

  private func names(_ fact: OwnerFact, _ answer: OwnerAnswer) -> String? {
    switch fact.holding.annotation {
    case .none: nil
    case .guest: answer.view?.namedGuest.map { context.name($0.space) } ?? fact.holding.annotation.name
    default: fact.holding.annotation.name
    }
  }

  private func namedAddress(_ holding: Holding) -> String? {
    guard case .guest(_, let gfn) = holding.annotation else { return nil }
    return HexText.hex(gfn.address)
  }
}
