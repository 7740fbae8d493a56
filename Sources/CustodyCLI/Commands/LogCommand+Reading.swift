// Why: a line of the log as a value. The rows come from a file of unknown origin, so every number is
// checked on the way.

import Journal
import PageOwnership

/// One transition as the log shows it.
struct LogLine {
  var transition: Transition
  var end: ActionEnd?
  /// Nanoseconds; nil where the recording does not say.
  var time: Int64?
  /// The words of the phase that decided.
  var decided: Site?
  /// The kernel function of the activation.
  var function: String?

  /// The outcome; open without an end.
  var outcome: TransitionOutcome { end?.outcome ?? .open }

  /// The condition or effect that decided.
  var decidedBy: String? { decided.flatMap { $0.condition?.rawValue ?? $0.effect?.rawValue } }
}

/// The transitions of a journal.
struct TransitionLog {
  private let reader: JournalReader
  private let sites: Journal.SiteTable
  /// The spaces of the journal, by number.
  let spaces: [Space]
  private let names: [SpaceID: String]

  init(_ reader: JournalReader) throws {
    self.reader = reader
    sites = try reader.sites()
    spaces = try reader.spaces().map(\.space)
    names = Dictionary(spaces.map { ($0.id, $0.name) }) { first, _ in first }
  }

  /// The name of a space.
  func name(_ space: SpaceID) -> String { names[space] ?? "space \(space.rawValue)" }

  /// Walks what a filter leaves, in order of number.
  func forEach(
    _ filter: LogFilter, count: Int? = nil, isReversed: Bool = false, _ body: (LogLine) throws -> Void
  ) throws {
    try reader.query(filter.sql(sites, count: count, isReversed: isReversed)) { row in
      try body(line(LogRow(row, path: reader.path)))
      return true
    }
  }

  private func line(_ row: LogRow) throws -> LogLine {
    let begin = try site(row, 2)
    guard let id = row.number(0), let firstSeq = row.number(10), let operation = begin?.operation else {
      throw row.damaged
    }
    let transition = Transition(
      id: ActionID(id), activation: row.number(1).map { ActionID($0) }, operation: operation,
      source: try endpoint(row, 3), target: try endpoint(row, 5), pageCount: row.word(7) ?? 0,
      cpu: try row.exact(8), firstSeq: SequenceNumber(firstSeq), arguments: row.text(11) ?? "")
    return LogLine(
      transition: transition, end: try end(row, transition.id), time: row.number(9), decided: try site(row, 16),
      function: try site(row, 17)?.kernelFunction)
  }

  private func end(_ row: LogRow, _ id: ActionID) throws -> ActionEnd? {
    guard let lastSeq = row.number(12) else { return nil }
    let code: UInt8? = try row.exact(13)
    guard let outcome = code.flatMap({ TransitionOutcome(rawValue: $0) }) else { throw row.damaged }
    return ActionEnd(
      id: id, lastSeq: SequenceNumber(lastSeq), outcome: outcome, result: row.number(14),
      failedSeq: row.number(15).map { SequenceNumber($0) })
  }

  private func endpoint(_ row: LogRow, _ column: Int) throws -> Endpoint {
    let space: Int32? = try row.exact(column)
    guard let space else { throw row.damaged }
    return Endpoint(SpaceID(rawValue: space), row.word(column + 1))
  }

  private func site(_ row: LogRow, _ column: Int) throws -> Site? {
    let number: Int32? = try row.exact(column)
    return number.flatMap { sites[SiteID(rawValue: $0)] }
  }
}

/// The cells of one row, read by place.
struct LogRow {
  private let cells: [Cell]
  private let path: String

  init(_ cells: [Cell], path: String) {
    self.cells = cells
    self.path = path
  }

  /// The error for a row that no writer of ours made.
  var damaged: JournalError {
    JournalError(.corrupt, "\(path): transition \(number(0) ?? -1) is damaged", hint: "`custody verify` tells more")
  }

  func number(_ column: Int) -> Int64? {
    guard case .integer(let number) = cells[column] else { return nil }
    return number
  }

  func word(_ column: Int) -> UInt64? { number(column).map { UInt64(bitPattern: $0) } }

  func text(_ column: Int) -> String? {
    guard case .text(let text) = cells[column] else { return nil }
    return text
  }

  func exact<Number: FixedWidthInteger>(_ column: Int) throws(JournalError) -> Number? {
    guard let wide = number(column) else { return nil }
    guard let number = Number(exactly: wide) else { throw damaged }
    return number
  }
}
