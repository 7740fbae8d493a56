// Why: a biography as rows for programs: one a change or attempt.

import Analysis
import Journal
import PageOwnership

/// A biography as rows.
struct HistoryRows {
  private let context: ShowContext
  private let causes: CauseFinder

  init(_ context: ShowContext, _ causes: CauseFinder) {
    self.context = context
    self.causes = causes
  }

  private static let columns = [
    "seq", "time", "lasted", "transition", "phase", "operation", "cpu", "activation", "function", "what", "space",
    "address", "before", "before_names", "after", "after_names", "outcome", "result", "errno", "condition",
  ].map { Column($0) }

  /// Writes items in a format.
  func write(_ items: [HistoryItem], _ format: OutputFormat, _ console: Console) throws {
    let writer = format.writer(Self.columns, to: console)
    for item in items { try writer.write(row(item)) }
    try writer.finish()
  }

  private func row(_ item: HistoryItem) throws -> [Cell] {
    let cause = try causes.cause(at: item.seq)
    let transition = cause?.transition
    let function = try transition?.activation.flatMap { try context.reader.activation($0)?.0.kernelFunction }
    var lasted: Int64?
    if case .change(_, let time) = item.content { lasted = time }
    let head: [Cell] = [
      .integer(item.seq.rawValue), Cell(item.time), Cell(lasted), Cell(transition?.id.rawValue),
      Cell(cause?.phase.map { Int64($0) }), Cell(transition?.operation.rawValue), Cell(cause?.cpu.map { Int64($0) }),
      Cell(transition?.activation?.rawValue), Cell(function),
    ]
    switch item.content {
    case .change(let event, _): return head + change(event)
    case .attempt(let line), .halfDone(let line, _): return head + attempt(line)
    }
  }

  private func change(_ event: PageEvent) -> [Cell] {
    let (what, space, address): (String, SpaceID, UInt64) =
      switch event.aspect {
      case .holding(let space): ("state", space, event.page.address)
      case .guest(let place): ("state", place.space, place.page.address)
      case .pins: ("pins", .hyp, event.page.address)
      case .shareCount: ("share_count", .host, event.page.address)
      }
    return [.text(what), .text(context.name(space)), .text(HexText.hex(address))] + value(event.before)
      + value(event.after) + [.null, .null, .null, .null]
  }

  private func value(_ value: AspectValue) -> [Cell] {
    switch value {
    case .holding(let holding, let named, _):
      let guest = named.map { context.name($0.space) + "/" + HexText.hex($0.page.address) }
      let name: Cell = holding.annotation == .none ? .null : .text(guest ?? holding.annotation.name)
      return [.text(holding.state.name), name]
    case .count(let count): return [Cell(count.map { "\($0)" }), .null]
    case .gone: return [.null, .null]
    }
  }

  private func attempt(_ line: LogLine) -> [Cell] {
    let end = line.transition.guestEnd ?? line.transition.source
    return [
      .text("attempt"), .text(context.name(end.space)), Cell(end.address.map(HexText.hex)), .null, .null, .null, .null,
      .text(line.outcome.name), Cell(line.end?.result), Cell(line.end?.result.flatMap(Errno.name)),
      Cell(line.decidedBy),
    ]
  }
}
