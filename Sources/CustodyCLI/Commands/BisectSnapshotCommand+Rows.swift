// Why: the rows of `bisect snapshot`: a run of pages with what both sides say, and who made it so.

import Analysis
import Journal
import PageOwnership

/// Writes disagreements.
struct BisectSnapshotRows {
  private let context: ShowContext
  private let isForPeople: Bool
  private let causes: CauseFinder

  init(_ compared: ComparedTable, isForPeople: Bool) {
    context = compared.context
    self.isForPeople = isForPeople
    causes = CauseFinder(compared.context)
  }

  /// The columns of ``write(_:_:)``.
  var columns: [Column] {
    [
      Column("seq"), Column("time", dropRank: 6), Column("cpu", dropRank: 4), Column("transition", dropRank: 0),
      Column("phase", dropRank: 7), Column("operation", dropRank: 1), Column("kind", dropRank: 8),
      Column("activation", dropRank: 9), Column("space"), Column("address", isTrailing: false), Column("page_count"),
      Column("what", dropRank: 2), Column("here", minimum: 8), Column("table", minimum: 8),
      Column("before", dropRank: 3), Column("why", dropRank: 5),
    ]
  }

  /// Writes all.
  func write(_ disagreements: [DisagreeingPages], _ writer: any RowWriter) throws {
    for found in disagreements { try writer.write(cells(found)) }
    try writer.finish()
  }

  private func cells(_ found: DisagreeingPages) throws -> [Cell] {
    let difference = found.difference
    let cause = try found.since.flatMap { try causes.cause(at: $0.seq) }
    let (here, there) = words(difference.what)
    let hasPages = difference.pages.count > 0
    let transition = cause?.transition
    return [
      Cell(found.since?.seq.rawValue), time(cause), Cell(cause?.cpu.map { Int64($0) }),
      isForPeople ? Cell(transition.map { "T\($0.id.rawValue)" }) : Cell(transition?.id.rawValue),
      Cell(cause?.phase.map { Int64($0) }), Cell(transition?.operation.rawValue), Cell(cause?.site.kind.rawValue),
      isForPeople
        ? Cell(transition?.activation.map { "A\($0.rawValue)" }) : Cell(transition?.activation?.rawValue),
      .text(context.name(difference.space)), hasPages ? .text(HexText.hex(difference.pages.first.address)) : .null,
      hasPages ? .integer(Int64(bitPattern: difference.pages.count)) : .null, .text(difference.what.name),
      .text(here), .text(there), Cell(found.since.map { "\($0.before)" }), Cell(transition.map(why)),
    ]
  }

  private func why(_ transition: Transition) -> String { "custody why T\(transition.id.rawValue)" }

  private func time(_ cause: Cause?) -> Cell {
    guard let time = cause?.time else { return .null }
    return isForPeople ? .text(HexText.seconds(time, decimals: 4)) : .integer(time)
  }

  private func words(_ what: OwnershipDifference.What) -> (String, String) {
    let holdings = HoldingWords(context)
    return switch what {
    case .holding(let one, let other): (holdings.text(one, named: nil), holdings.text(other, named: nil))
    case .pins(let one, let other), .shareCount(let one, let other): ("\(one)", "\(other)")
    case .onlyBefore: ("lives", isForPeople ? "does not live" : "")
    case .onlyAfter: (isForPeople ? "does not live" : "", "lives")
    }
  }
}
