// Why: `custody audit`: does every rule hold over the whole history, and where it does not, who was it?

import Analysis
import ArgumentParser
import Journal
import PageOwnership

struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Hold the whole history against the invariants of page ownership, and name the culprits",
    discussion: """
      custody audit                              by all rules
      custody audit --check I1,I8,skipped-check  by some
      custody audit --skip conformance           by all but some
      custody audit --from mark=0x4001 --first   the first finding from a moment on
      custody audit --list                       the rules, and what no journal can show
      custody audit --explain I5                 one rule: why, who says so, what a violation means

      One pass from the first entry: invariants of a page are judged when no transition is inside it, the order of \
      phases at each entry, balances when calls are over. Findings are printed in the order in which they become \
      certain. What is not known is counted with its extent, never as fine; what another CPU explains is racy and \
      counted apart. --save keeps the findings in the table `violation`. Exit status 1 if there are violations that no \
      waiver accepts.
      """)

  @OptionGroup var journal: JournalOption
  @Option(help: ArgumentHelp("Only these rules, with commas between.", valueName: "ids"))
  var check: String?
  @Option(help: ArgumentHelp("All rules but these.", valueName: "ids"))
  var skip: String?
  @Option(help: ArgumentHelp("Only findings from this moment on.", valueName: "moment"))
  var from: PointInTime?
  @Option(help: ArgumentHelp("Only findings up to this moment; the pass ends there.", valueName: "moment"))
  var to: PointInTime?
  @Flag(help: "Stop at the first violation.")
  var first = false
  @Option(help: ArgumentHelp("A file of accepted findings.", valueName: "file"))
  var waivers: String?
  @Flag(help: "Store the findings in the table `violation`.")
  var save = false
  @Flag(help: "List the rules, and what no journal can show.")
  var list = false
  @Option(help: ArgumentHelp("Explain a rule.", valueName: "id"))
  var explain: String?
  @Option(help: "How to print: table, json, jsonl, csv, markdown, sarif or junit.")
  var format = AuditFormat.table
  @Flag(help: "Cut nothing and leave nothing out, however narrow the terminal is.")
  var full = false

  func validate() throws {
    _ = try AuditSelection.rules(check: check, skip: skip)
    if let explain, AuditRule.named(explain) == nil, AuditSelection.unjudgeable(explain).isEmpty {
      throw ValidationError("there is no rule '\(explain)'; `custody audit --list` lists them")
    }
    if save, check != nil || skip != nil || from != nil || to != nil || first {
      throw ValidationError("--save stores a whole audit: it goes with no --check, --skip, --from, --to or --first")
    }
  }

  func run() throws { try run(on: .standard(isFull: full)) }

  /// Audits, and tells on a console.
  func run(on console: Console) throws {
    if list { return try AuditRuleText(console).list(format) }
    if let explain { return try AuditRuleText(console).explain(explain, format) }
    let waivers = try waivers.map { try WaiverFile.read($0) } ?? []
    let run = AuditRun(
      rules: try AuditSelection.rules(check: check, skip: skip), from: from, to: to, isFirstOnly: first,
      waivers: waivers)
    let reader = try journal.openReader()
    let output = try format.output(reader, console)
    let result = try run.perform(reader, output)
    if save { try ViolationStore.save(result, at: journal.path) }
    if result.violations > 0 { throw CommandFailure.silent(ExitStatus.differences) }
  }
}

/// Which rules are asked for.
enum AuditSelection {
  /// The ids; nil: all. Throws a `ValidationError` for names that no rule has.
  static func rules(check: String?, skip: String?) throws -> Set<String>? {
    if check != nil, skip != nil { throw ValidationError("--check and --skip exclude each other") }
    if let check { return Set(try ids(check)) }
    guard let skip else { return nil }
    return Set(AuditRule.all.map(\.id)).subtracting(try ids(skip))
  }

  private static func ids(_ text: String) throws -> [String] {
    let names = text.split(separator: ",").map { $0.trimmingBlanks }
    guard !names.isEmpty else { throw ValidationError("no rule is named") }
    return try names.map { name in
      guard let rule = AuditRule.named(name) else {
        let hint = unjudgeable(name).first.map { ": it cannot be judged here, \($0.reason)" }
        throw ValidationError("there is no rule '\(name)'\(hint ?? "; `custody audit --list` lists them")")
      }
      return rule.id
    }
  }

  /// What is listed under an id as not judgeable.
  static func unjudgeable(_ id: String) -> [Unjudgeable] {
    Unjudgeable.all.filter { $0.id.lowercased() == id.lowercased() }
  }
}

extension Substring {
  /// The text without blanks around it.
  var trimmingBlanks: String {
    var text = drop { $0 == " " || $0 == "\t" }
    while let last = text.last, last == " " || last == "\t" || last == "\r" { text.removeLast() }
    return String(text)
  }
}
