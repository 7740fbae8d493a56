// Why: findings go out as they are found, in the format that was asked for: rows, one object, or a document that
// other tools take in. Not here: SARIF and JUnit (+SARIF, +JUnit).

import Analysis
import ArgumentParser
import Journal
import PageOwnership

/// The formats of an audit.
enum AuditFormat: String, ExpressibleByArgument, CaseIterable {
  case table, json, jsonl, csv, markdown, sarif, junit

  /// The format of rows that it is; nil for documents.
  var rows: OutputFormat? { OutputFormat(rawValue: rawValue) }
}

/// Takes findings in order.
protocol AuditOutput: AnyObject {
  /// Writes a finding.
  func write(_ told: ToldFinding) throws
  /// Ends the output with what was looked at.
  func finish(_ result: AuditResult) throws
}

extension AuditFormat {
  /// The output of this format.
  func output(_ reader: JournalReader, _ console: Console) throws -> any AuditOutput {
    let words = FindingWords(try reader.spaces().map(\.space), path: reader.path)
    switch self {
    case .sarif: return SARIFOutput(words, console)
    case .junit: return JUnitOutput(words, console)
    case .json: return AuditJSONOutput(words, console)
    case .table: return AuditTableOutput(words, console)
    case .jsonl, .csv, .markdown: return AuditRowOutput(words, rows ?? .csv, console)
    }
  }
}

/// What stands in a row.
struct FindingWords {
  private let names: [SpaceID: String]
  /// The path of the journal.
  let path: String

  init(_ spaces: [Space], path: String) {
    names = Dictionary(spaces.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
    self.path = path
  }

  static let columns = [
    "rule", "severity", "seq", "transition", "operation", "step", "phase_seq", "space", "page", "page_count",
    "expected",
    "found", "earlier", "racy", "waived", "more",
  ]

  /// A finding as a row.
  func cells(_ told: ToldFinding) -> [Cell] {
    let found = told.finding
    return [
      .text(found.rule), .text(found.severity.rawValue), .integer(found.seq.rawValue), Cell(found.transition?.rawValue),
      Cell(found.operation?.rawValue), Cell(found.step), Cell(found.phaseSeq?.rawValue), Cell(found.space.map(name)),
      Cell(page(found)), Cell(found.pages.map { Int64(clamping: $0.count) }), .text(found.expected),
      .text(found.found), Cell(earlier(found)), .integer(found.isRacy ? 1 : 0), Cell(told.waiver?.reason),
      .text(more(found)),
    ]
  }

  /// A finding as an object.
  func json(_ told: ToldFinding) -> JSONTree {
    .object(
      zip(Self.columns, cells(told)).map { name, cell in
        if name == "racy" { return (name, .bool(told.finding.isRacy)) }
        if name == "earlier" { return (name, .array(told.finding.earlier.map { .integer($0.rawValue) })) }
        return (name, JSONTree(cell))
      })
  }

  /// The name of a space.
  func name(_ space: SpaceID) -> String { names[space] ?? "space \(space.rawValue)" }

  /// The address of the first page.
  func page(_ found: AuditFinding) -> String? { found.pages.map { HexText.hex($0.first.address) } }

  private func earlier(_ found: AuditFinding) -> String? {
    found.earlier.isEmpty ? nil : found.earlier.map { "T\($0.rawValue)" }.joined(separator: " ")
  }

  /// Where it is, in words: `0x48163000 ×512 of host`.
  func place(_ found: AuditFinding) -> String? {
    guard let pages = found.pages else { return found.space.map(name) }
    let space = found.space.map { " of \(name($0))" } ?? ""
    return HexText.pages(pages.first.address, pages.count) + space
  }

  /// The entry and the transition, in words: `entry 812, T5446 host_share_hyp`.
  func moment(_ found: AuditFinding) -> String {
    var text = "entry \(found.seq.rawValue)"
    if let id = found.transition { text += ", T\(id.rawValue)" }
    if let operation = found.operation { text += " \(operation.rawValue)" }
    if let step = found.step { text += ", \(step)" }
    return text
  }

  /// The command that shows more.
  func more(_ found: AuditFinding) -> String {
    if let id = found.transition, found.operation != nil { return "custody show T\(id.rawValue)" }
    if let page = page(found), found.space?.isGuest == false {
      return "custody history \(page) --at \(found.seq.rawValue)"
    }
    return "custody log --at \(found.seq.rawValue)"
  }
}

/// Rows.
final class AuditRowOutput: AuditOutput {
  private let words: FindingWords
  private let writer: any RowWriter

  init(_ words: FindingWords, _ format: OutputFormat, _ console: Console) {
    self.words = words
    writer = format.writer(FindingWords.columns.map { Column($0) }, to: console)
  }

  func write(_ told: ToldFinding) throws { try writer.write(words.cells(told)) }

  func finish(_ result: AuditResult) throws { try writer.finish() }
}

/// One object.
final class AuditJSONOutput: AuditOutput {
  private let words: FindingWords
  private let console: Console
  private var count = 0

  init(_ words: FindingWords, _ console: Console) {
    self.words = words
    self.console = console
  }

  func write(_ told: ToldFinding) throws {
    try console.write((count == 0 ? "{\"findings\":[\n" : ",\n") + words.json(told).encoded)
    count += 1
  }

  func finish(_ result: AuditResult) throws {
    try console.write(count == 0 ? "{\"findings\":[]" : "\n]")
    for (name, value) in AuditSummaryText(result).fields {
      try console.write(",\n" + JSONTree.text(name).encoded + ":" + value.encoded)
    }
    try console.write("}\n")
    try console.flush()
  }
}
