// Why: what a judgement found, for people and for programs: a summary, and each disagreement with both accounts.

import Analysis
import Journal
import PageOwnership

struct ConformText {
  private let report: ConformanceReport
  private let names: [SpaceID: String]
  private let rules: Generation?

  init(_ report: ConformanceReport, _ spaces: [Space], rules: Generation?) {
    self.report = report
    self.rules = rules
    names = Dictionary(spaces.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
  }

  /// The report in a format: as rows only the disagreements.
  func write(_ format: OutputFormat, _ console: Console) throws {
    switch format {
    case .table:
      try console.write(summary)
      if !report.disagreements.isEmpty { try writeRows(format, console) }
      try console.flush()
    case .json:
      try console.write(json + "\n")
      try console.flush()
    case .jsonl, .csv, .markdown: try writeRows(format, console)
    }
  }

  // MARK: - rows

  private func writeRows(_ format: OutputFormat, _ console: Console) throws {
    let names = ["seq", "transition", "operation", "kind", "step", "space", "page", "recorded", "rules"]
    let writer = format.writer(names.map { Column($0) }, to: console)
    for disagreement in report.disagreements { try writer.write(cells(disagreement)) }
    try writer.finish()
  }

  private func cells(_ found: Disagreement) -> [Cell] {
    [
      .integer(found.seq.rawValue), .integer(found.transition.rawValue), .text(found.operation.rawValue),
      .text(found.kind.rawValue), found.step.map { .text($0) } ?? .null,
      found.space.map { .text(names[$0] ?? "space \($0.rawValue)") } ?? .null,
      found.page.map { .text("0x" + String($0.address, radix: 16)) } ?? .null, .text(found.recorded),
      .text(found.rules),
    ]
  }

  // MARK: - one object

  private var json: String {
    let total = report.total
    var fields: [(String, JSONTree)] = [
      ("cases", .integer(1)), ("operations", .integer(total.operations)), ("agreeing", .integer(total.agreeing)),
      ("differing", .integer(total.differing)), ("racy", .integer(total.racy)),
      ("unsupported", .integer(total.unsupported)), ("physical_agreeing", .integer(report.words)),
      ("physical_differing", .integer(Int64(report.disagreements.count { $0.kind == .apply || $0.kind == .old }))),
      ("generation", JSONTree(rules?.rawValue)), ("phases", .integer(report.phases)),
      ("calls", .integer(report.calls)), ("calls_differing", .integer(report.callsDiffering)),
      ("unsupported_outside_boot_and_faults", .integer(report.ofCalls.unsupported)),
      ("operations_outside_boot_and_faults", .integer(report.ofCalls.operations)),
    ]
    fields.append(("unsupported_by_reason", .object(reasons.map { ($0.rawValue, .integer($1)) })))
    fields.append(
      ("by_operation", .object(operations.map { ($0.rawValue, json(report.counts[$0] ?? ConformanceCounts())) })))
    fields.append(("disagreements", .array(report.disagreements.map(json))))
    return JSONTree.object(fields).encoded
  }

  private func json(_ counts: ConformanceCounts) -> JSONTree {
    .object([
      ("agreeing", .integer(counts.agreeing)), ("differing", .integer(counts.differing)),
      ("racy", .integer(counts.racy)), ("unsupported", .integer(counts.unsupported)),
    ])
  }

  private func json(_ found: Disagreement) -> JSONTree {
    .object([
      ("seq", .integer(found.seq.rawValue)), ("transition", .integer(found.transition.rawValue)),
      ("operation", .text(found.operation.rawValue)), ("kind", .text(found.kind.rawValue)),
      ("step", JSONTree(found.step)), ("space", JSONTree(found.space.map { names[$0] ?? "\($0.rawValue)" })),
      ("page", JSONTree(found.page.map { "0x" + String($0.address, radix: 16) })),
      ("recorded", .text(found.recorded)), ("rules", .text(found.rules)),
    ])
  }

  private var reasons: [(Blindness, Int64)] {
    report.blindness.sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
  }

  private var operations: [Operation] { Operation.allCases.filter { report.counts[$0] != nil } }

  // MARK: - for people

  private var summary: String {
    let total = report.total
    var text = "\(total.operations) transitions held against the rules of \(rules?.rawValue ?? "?"): "
    text += "\(total.agreeing) agree, \(total.differing) differ, \(total.racy) racy, "
    text += "\(total.unsupported) cannot be judged\n"
    text += "  \(report.phases) phases, \(report.words) words and counters exact, \(report.calls) results of calls"
    text += report.callsDiffering == 0 ? "\n" : ", \(report.callsDiffering) of them differ\n"
    for (reason, count) in reasons { text += "  not judged: \(reason.rawValue) (\(count))\n" }
    for operation in operations { text += line(operation) }
    return text
  }

  private func line(_ operation: Operation) -> String {
    let counts = report.counts[operation] ?? ConformanceCounts()
    let name = operation.rawValue.padded(to: 24)
    var text = "  \(name) \(counts.agreeing) agree"
    if counts.differing > 0 { text += ", \(counts.differing) differ" }
    if counts.racy > 0 { text += ", \(counts.racy) racy" }
    if counts.unsupported > 0 { text += ", \(counts.unsupported) not judged" }
    return text + "\n"
  }
}
