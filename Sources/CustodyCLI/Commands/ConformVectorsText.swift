// Why: what judging vectors gave, for people and for programs, in the same shape as for a journal.

import Journal
import TransitionRules

struct ConformVectorsText {
  private let verdict: VectorVerdict

  init(_ verdict: VectorVerdict) { self.verdict = verdict }

  /// The verdict in a format: as rows only the disagreements.
  func write(_ format: OutputFormat, _ console: Console) throws {
    switch format {
    case .table:
      try console.write(summary)
      if !verdict.disagreements.isEmpty { try writeRows(format, console) }
      try console.flush()
    case .json:
      try console.write(json + "\n")
      try console.flush()
    case .jsonl, .csv, .markdown: try writeRows(format, console)
    }
  }

  private var numbers: [(String, Int)] {
    [
      ("cases", verdict.cases), ("operations", verdict.operations), ("agreeing", verdict.agreeing),
      ("differing", verdict.differing), ("racy", verdict.racy), ("unsupported", verdict.unsupported),
      ("physical_agreeing", verdict.physicalAgreeing), ("physical_differing", verdict.physicalDiffering),
    ]
  }

  private var json: String {
    var fields = numbers.map { ($0.0, JSONTree.integer(Int64($0.1))) }
    let rows = verdict.disagreements.map { found in
      JSONTree.object([
        ("case", .text(found.name)), ("index", .integer(Int64(found.index))), ("operation", .text(found.operation)),
        ("what", .text(found.what)), ("recorded", .text(found.expected)), ("rules", .text(found.found)),
      ])
    }
    fields.append(("disagreements", .array(rows)))
    return JSONTree.object(fields).encoded
  }

  private var summary: String {
    var text = "\(verdict.operations) operations of \(verdict.cases) cases: \(verdict.agreeing) agree, "
    text += "\(verdict.differing) differ, \(verdict.unsupported) are not known\n"
    text += "  tables: \(verdict.physicalAgreeing) agree, \(verdict.physicalDiffering) differ\n"
    return text
  }

  private func writeRows(_ format: OutputFormat, _ console: Console) throws {
    let names = ["case", "index", "operation", "what", "recorded", "rules"]
    let writer = format.writer(names.map { Column($0) }, to: console)
    for found in verdict.disagreements {
      try writer.write([
        .text(found.name), .integer(Int64(found.index)), .text(found.operation), .text(found.what),
        .text(found.expected), .text(found.found),
      ])
    }
    try writer.finish()
  }
}
