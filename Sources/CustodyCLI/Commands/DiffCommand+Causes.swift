// Why: the rows of `diff`: each run of pages that differ, cut where another entry made it so. Not here: what
// differs (Analysis).

import Analysis
import Journal
import PageOwnership

/// Writes differences with their causes.
struct DiffRows {
  private let before: DiffSide
  private let after: DiffSide
  private let counterparts: [SpaceID: SpaceID]
  private let isForPeople: Bool
  private let isOneJournal: Bool
  private let beforeCauses: CauseFinder
  private let afterCauses: CauseFinder

  init(_ before: DiffSide, _ after: DiffSide, _ counterparts: [SpaceID: SpaceID], isForPeople: Bool) {
    self.before = before
    self.after = after
    self.counterparts = counterparts
    self.isForPeople = isForPeople
    isOneJournal = before.isOfSameJournal(as: after)
    beforeCauses = CauseFinder(before.context)
    afterCauses = CauseFinder(after.context)
  }

  /// The entries that made a page so on both sides.
  private struct Causes: Hashable {
    var before: SequenceNumber?
    var after: SequenceNumber?
  }

  /// The columns of ``write(_:_:)``.
  var columns: [Column] {
    var columns = [
      Column("space"), Column("address", isTrailing: false), Column("page_count"), Column("what"), Column("before"),
      Column("after"),
    ]
    if isForPeople, isOneJournal { return columns + [Column("made_by", dropRank: 0)] }
    if isForPeople { return columns + [Column("before_by", dropRank: 1), Column("after_by", dropRank: 0)] }
    for side in isOneJournal ? [""] : ["before_", "after_"] {
      columns += ["seq", "time", "cpu", "transition", "phase", "operation"].map { Column(side + $0) }
    }
    return columns
  }

  /// Writes all differences.
  func write(_ diff: OwnershipDiff, _ writer: any RowWriter) throws {
    for difference in diff.differences {
      var start = difference.pages.first
      var pending: Causes?
      for page in difference.pages.frames {
        let next = try causes(difference, page)
        if let found = pending, found != next {
          try writer.write(cells(difference, PageRange(first: start, count: page.rawValue - start.rawValue), found))
          start = page
        }
        pending = next
      }
      let rest = PageRange(first: start, count: difference.pages.end.rawValue - start.rawValue)
      try writer.write(cells(difference, rest, pending ?? lifeCauses(difference)))
    }
    try writer.finish()
  }

  private func causes(_ difference: OwnershipDifference, _ page: PageFrame) throws -> Causes {
    switch difference.what {
    case .holding:
      guard let other = counterparts[difference.space] else { return Causes() }
      return try relevant { try $0.since($0 === before ? difference.space : other, page) }
    case .pins: return try relevant { try $0.since(.pins, page) }
    case .shareCount: return try relevant { try $0.since(.shareCount, page) }
    case .onlyBefore, .onlyAfter: return lifeCauses(difference)
    }
  }

  private func lifeCauses(_ difference: OwnershipDifference) -> Causes {
    if isOneJournal { return relevant { $0.lifeChange(of: difference.space) } }
    return difference.what == .onlyBefore
      ? Causes(before: before.lifeChange(of: difference.space)) : Causes(after: after.lifeChange(of: difference.space))
  }

  // Of one journal only the later moment's entry counts: it lies between the two.
  private func relevant(_ since: (DiffSide) throws -> SequenceNumber?) rethrows -> Causes {
    if isOneJournal, before.seq > after.seq { return Causes(before: try since(before)) }
    return Causes(before: isOneJournal ? nil : try since(before), after: try since(after))
  }

  private func cells(_ difference: OwnershipDifference, _ pages: PageRange, _ causes: Causes) throws -> [Cell] {
    let context = difference.what == .onlyAfter ? after.context : before.context
    let (one, other) = words(difference, pages.first.rawValue &- difference.pages.first.rawValue)
    let hasPages = pages.count > 0
    return [
      .text(context.name(difference.space)), hasPages ? .text(HexText.hex(pages.first.address)) : .null,
      hasPages ? .integer(Int64(bitPattern: pages.count)) : .null, .text(difference.what.name), .text(one),
      .text(other),
    ] + (try causeCells(causes))
  }

  private func words(_ difference: OwnershipDifference, _ distance: UInt64) -> (String, String) {
    switch difference.what {
    case .holding(let one, let other):
      (
        HoldingWords(before.context).text(one.advanced(by: distance), named: nil),
        HoldingWords(after.context).text(other.advanced(by: distance), named: nil)
      )
    case .pins(let one, let other), .shareCount(let one, let other): ("\(one)", "\(other)")
    case .onlyBefore: ("lives", isForPeople ? "does not live" : "")
    case .onlyAfter: (isForPeople ? "does not live" : "", "lives")
    }
  }

  private func causeCells(_ causes: Causes) throws -> [Cell] {
    before.release()
    after.release()
    let one = try causes.before.flatMap { try beforeCauses.cause(at: $0) }
    let other = try causes.after.flatMap { try afterCauses.cause(at: $0) }
    let told = isOneJournal ? [one ?? other] : [one, other]
    return told.flatMap { isForPeople ? [Cell($0.map(worded))] : plain($0) }
  }

  private func worded(_ cause: Cause) -> String {
    let operation = cause.transition.map { " " + $0.operation.rawValue } ?? ""
    return cause.name + operation + ", " + cause.when
  }

  private func plain(_ cause: Cause?) -> [Cell] {
    [
      Cell(cause?.seq.rawValue), Cell(cause?.time), Cell(cause?.cpu.map { Int64($0) }),
      Cell(cause?.transition?.id.rawValue), Cell(cause?.phase.map { Int64($0) }),
      Cell(cause?.transition?.operation.rawValue),
    ]
  }
}

extension Holding {
  /// The same of the page `distance` further on in a run: the gfn that is named rises.
  func advanced(by distance: UInt64) -> Holding {
    guard case .guest(let handle, let gfn) = annotation else { return self }
    return Holding(state, .guest(handle: handle, gfn: gfn.advanced(by: distance)))
  }
}
