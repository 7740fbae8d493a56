// Why: findings for a person: each in two or three lines that fit a terminal, then what was looked at and what could
// not be judged. Not here: rows and documents.

import Analysis
import Journal
import PageOwnership

/// Findings for a person.
final class AuditTableOutput: AuditOutput {
  private let words: FindingWords
  private let console: Console

  init(_ words: FindingWords, _ console: Console) {
    self.words = words
    self.console = console
  }

  func write(_ told: ToldFinding) throws {
    let found = told.finding
    let mark = told.waiver != nil ? "waived" : found.isRacy ? "racy" : found.severity.rawValue
    let ink: Console.Ink = mark == "error" ? .red : .yellow
    let title = AuditRule.named(found.rule)?.title ?? ""
    try console.write(console.paint("\(found.rule) \(mark)", ink) + "  \(title)\n")
    try line("where", words.moment(found))
    if let place = words.place(found) { try line("pages", place) }
    try line("expected", found.expected)
    try line("found", found.found)
    if let phase = found.phaseSeq { try line("since", "entry \(phase.rawValue)") }
    if !found.earlier.isEmpty {
      try line("before it", found.earlier.map { "T\($0.rawValue)" }.joined(separator: ", "))
    }
    if let waiver = told.waiver { try line("waived", waiver.reason) }
    try line("more", words.more(found))
  }

  private func line(_ label: String, _ text: String) throws {
    try console.write(HeaderLine.text(label, DisplayText.escaped(text), width: console.width))
  }

  func finish(_ result: AuditResult) throws {
    try console.write(AuditSummaryText(result).text)
    try console.flush()
  }
}

/// What an audit looked at, in words and as fields.
struct AuditSummaryText {
  private let result: AuditResult
  private let summary: AuditSummary

  init(_ result: AuditResult) {
    self.result = result
    summary = result.summary
  }

  private var waived: Int { result.told.count { $0.waiver != nil } }
  private var racy: Int64 { summary.racy.values.reduce(0, +) }

  /// Lines for a person.
  var text: String {
    var text = "audited \(summary.entries) entries, \(summary.transitions) transitions: "
    text += "\(result.violations) violations"
    if waived > 0 { text += ", \(waived) waived" }
    if racy > 0 { text += ", \(racy) racy" }
    text += result.isWhole ? "\n" : " (stopped at the first)\n"
    text += "  judged     \(summary.settlements) times when no transition was inside: \(summary.pages) pages\n"
    for (rule, count) in sorted(summary.counts) { text += "  \(rule.padded(to: 24)) \(count)\n" }
    for (rule, count) in sorted(summary.racy) { text += "  racy       \(rule) \(count)\n" }
    if summary.untold > 0 { text += "  untold     \(summary.untold) disagreements more\n" }
    for stretch in summary.stretches {
      text += "  UNKNOWN    entries \(stretch.first.rawValue) to \(stretch.last?.rawValue ?? 0): \(stretch.why)\n"
    }
    if summary.pagesUnknown > 0 { text += "  UNKNOWN    \(summary.pagesUnknown) pages were judged in part only\n" }
    for (reason, count) in summary.blindness.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      text += "  UNKNOWN    \(count) skipped checks: \(reason.rawValue)\n"
    }
    for (id, count) in summary.open.sorted(by: { $0.key < $1.key }) {
      text += "  open       T\(id.rawValue) never ended: \(count) pages are not judged\n"
    }
    for waiver in result.staleWaivers {
      text += "  stale      waiver of line \(waiver.line) (\(waiver.rule)): it accepts nothing\n"
    }
    text += "  not judgeable here: \(Set(Unjudgeable.all.map(\.id)).sorted().joined(separator: ", ")) (--list)\n"
    return text
  }

  private func sorted(_ counts: [String: Int64]) -> [(String, Int64)] {
    AuditRule.all.compactMap { rule in counts[rule.id].map { (rule.id, $0) } }.filter { $0.1 > 0 }
  }

  /// The fields of an object.
  var fields: [(String, JSONTree)] {
    func object(_ counts: [String: Int64]) -> JSONTree { .object(sorted(counts).map { ($0, .integer($1)) }) }
    return [
      ("entries", .integer(summary.entries)), ("transitions", .integer(summary.transitions)),
      ("violations", .integer(result.violations)), ("waived", .integer(Int64(waived))), ("racy", .integer(racy)),
      ("is_whole", .bool(result.isWhole)), ("settlements", .integer(summary.settlements)),
      ("pages_judged", .integer(Int64(clamping: summary.pages))),
      ("pages_unknown", .integer(Int64(clamping: summary.pagesUnknown))),
      ("by_rule", object(summary.counts)), ("racy_by_rule", object(summary.racy)), ("untold", .integer(summary.untold)),
      (
        "unknown",
        .array(
          summary.stretches.map {
            .object([
              ("first_seq", .integer($0.first.rawValue)), ("last_seq", JSONTree($0.last?.rawValue)),
              ("why", .text($0.why)),
            ])
          })
      ),
      (
        "skipped_checks_unknown",
        .object(
          summary.blindness.sorted { $0.key.rawValue < $1.key.rawValue }.map { ($0.rawValue, .integer($1)) })
      ),
      (
        "open",
        .array(
          summary.open.sorted { $0.key < $1.key }.map {
            .object([("transition", .integer($0.rawValue)), ("pages", .integer(Int64(clamping: $1)))])
          })
      ),
      ("stale_waivers", .array(result.staleWaivers.map { .integer(Int64($0.line)) })),
      (
        "not_judgeable",
        .array(
          Unjudgeable.all.map {
            .object([("id", .text($0.id)), ("title", .text($0.title)), ("reason", .text($0.reason))])
          })
      ),
    ]
  }
}

/// The rules themselves.
struct AuditRuleText {
  private let console: Console

  init(_ console: Console) { self.console = console }

  /// All rules, and what cannot be judged.
  func list(_ format: AuditFormat) throws {
    let names = ["id", "group", "severity", "generations", "title"]
    let columns = names.map { $0 == "title" ? Column($0, minimum: 20) : Column($0, dropRank: $0 == "id" ? nil : 1) }
    let writer = (format.rows ?? .table).writer(columns, to: console)
    for rule in AuditRule.all {
      try writer.write([
        .text(rule.id), .text(rule.group.rawValue), .text(rule.severity.rawValue), .text(generations(rule)),
        .text(rule.title),
      ])
    }
    for item in Unjudgeable.all {
      try writer.write([.text(item.id), .text("not judgeable"), .null, .null, .text("\(item.title): \(item.reason)")])
    }
    try writer.finish()
  }

  private func generations(_ rule: AuditRule) -> String {
    rule.generations?.map { String($0.rawValue.dropFirst("linux-".count)) }.joined(separator: " ") ?? "all"
  }

  /// One rule.
  func explain(_ id: String, _ format: AuditFormat) throws {
    if format == .json || format == .jsonl {
      try console.write(json(id).encoded + "\n")
      return try console.flush()
    }
    if let rule = AuditRule.named(id) {
      try console.write("\(rule.id)  \(rule.title)\n")
      try line("kind", "\(rule.group.rawValue), \(rule.severity.rawValue), generations: \(generations(rule))")
      try line("why", rule.explanation)
      try line("source", rule.source)
      try line("violated", rule.meaning)
    }
    for item in AuditSelection.unjudgeable(id) {
      try console.write("\(item.id)  not judgeable here: \(item.title)\n")
      try line("why", item.reason)
    }
    try console.flush()
  }

  private func json(_ id: String) -> JSONTree {
    var fields: [(String, JSONTree)] = []
    if let rule = AuditRule.named(id) {
      fields = [
        ("id", .text(rule.id)), ("group", .text(rule.group.rawValue)), ("severity", .text(rule.severity.rawValue)),
        ("generations", rule.generations.map { .array($0.map { .text($0.rawValue) }) } ?? .null),
        ("title", .text(rule.title)), ("explanation", .text(rule.explanation)), ("source", .text(rule.source)),
        ("meaning", .text(rule.meaning)),
      ]
    }
    let items = AuditSelection.unjudgeable(id).map { JSONTree.text("\($0.title): \($0.reason)") }
    return .object(fields + [("not_judgeable", .array(items))])
  }

  private func line(_ label: String, _ text: String) throws {
    try console.write(HeaderLine.text(label, text, width: console.width ?? (console.isFull ? nil : 100)))
  }
}
