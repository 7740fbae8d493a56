// Why: the columns of the log: worded and joined for a person, plain and complete for a program.

import Journal
import PageOwnership

/// The columns of the log and the cells of a line.
struct LogColumns {
  private let log: TransitionLog
  private let isForPeople: Bool

  init(_ log: TransitionLog, isForPeople: Bool) {
    self.log = log
    self.isForPeople = isForPeople
  }

  /// The columns.
  var columns: [Column] { isForPeople ? Self.worded : Self.plain }

  /// The cells of a line, one a column.
  func cells(_ line: LogLine) -> [Cell] { isForPeople ? worded(line) : plain(line) }

  // MARK: - for people

  private static let worded = [
    Column("id", isTrailing: false), Column("entries", dropRank: 4), Column("time", isTrailing: true, dropRank: 2),
    Column("cpu", isTrailing: true, dropRank: 1), Column("operation"), Column("page", dropRank: 0), Column("guest"),
    Column("outcome", minimum: 14, ink: { .outcome($0.prefix { $0 != " " }) }),
    Column("caused by", minimum: 24, dropRank: 3),
  ]

  private func worded(_ line: LogLine) -> [Cell] {
    let transition = line.transition
    let last = line.end.map { "\($0.lastSeq.rawValue)" } ?? ""
    return [
      .text("T\(transition.id.rawValue)"), .text("\(transition.firstSeq.rawValue)..\(last)"),
      Cell(line.time.map { HexText.seconds($0, decimals: 4) }), Cell(transition.cpu.map { Int64($0) }),
      .text(transition.operation.rawValue),
      .text(HexText.pages(transition.physicalAddress, transition.pageCount)), Cell(guest(transition)),
      .text(Self.outcome(line)), Cell(parent(line)),
    ]
  }

  // `0x1000#3/0x80000000`; the heading says that it is a guest.
  private func guest(_ transition: Transition) -> String? {
    guard let end = transition.guestEnd else { return nil }
    let name = log.name(end.space)
    let short = name.hasPrefix("guest:") ? String(name.dropFirst(6)) : name
    return short + (end.address.map { "/" + HexText.hex($0) } ?? "")
  }

  private func parent(_ line: LogLine) -> String? {
    guard let id = line.transition.activation else { return nil }
    return "A\(id.rawValue)" + (line.function.map { " " + $0 } ?? "")
  }

  /// `refused -EPERM: source is owned`.
  static func outcome(_ line: LogLine) -> String {
    var text = line.outcome.name
    if let result = line.end?.result, result != 0 { text += " " + HexText.result(result) }
    if line.outcome == .refused, let decidedBy = line.decidedBy { text += ": " + decidedBy }
    return text
  }

  // MARK: - for programs

  private static let plain = [
    "id", "activation", "function", "operation", "source_space", "source_address", "target_space", "target_address",
    "page", "page_count", "cpu", "time", "first_seq", "last_seq", "outcome", "result", "errno", "failed_seq",
    "failed_phase", "arguments",
  ].map { Column($0) }

  private func plain(_ line: LogLine) -> [Cell] {
    let transition = line.transition
    let page = transition.physicalAddress.map { Int64(bitPattern: $0 >> 12) }
    return [
      .integer(transition.id.rawValue), Cell(transition.activation?.rawValue), Cell(line.function),
      .text(transition.operation.rawValue), .text(log.name(transition.source.space)),
      Cell(transition.source.address.map(HexText.hex)), .text(log.name(transition.target.space)),
      Cell(transition.target.address.map(HexText.hex)), Cell(page),
      .integer(Int64(bitPattern: transition.pageCount)), Cell(transition.cpu.map { Int64($0) }), Cell(line.time),
      .integer(transition.firstSeq.rawValue), Cell(line.end?.lastSeq.rawValue), .text(line.outcome.name),
      Cell(line.end?.result), Cell(line.end?.result.flatMap(Errno.name)), Cell(line.end?.failedSeq?.rawValue),
      Cell(line.decidedBy), Cell(transition.arguments.isEmpty ? nil : transition.arguments),
    ]
  }
}
