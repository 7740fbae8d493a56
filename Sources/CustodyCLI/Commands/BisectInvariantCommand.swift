// Why: `custody bisect invariant`: the first entry at which a rule does not hold, and what it changed. Not here: the
// judging (Analysis), all findings of all rules (AuditCommand).

import Analysis
import ArgumentParser
import Journal
import PageOwnership

struct BisectInvariantCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "invariant",
    abstract: "Find the first entry at which a rule of the audit is violated",
    discussion: """
      custody bisect invariant I5
      custody bisect invariant conformance --from mark=0x4001

      One audit from the first entry by that one rule, which stops at the first violation: linear, exact, nothing is \
      assumed. A rule is judged when no transition is inside its pages, or at the end of a call: what is shown is the \
      entry that made it so where the rule tells that, and the entry at which it was certain is told. What another \
      CPU explains is racy: counted, no answer. Where states are unknown nothing is judged, and that is told. \
      `custody audit --list` lists the rules.

      Exit status: 0 if there is such an entry, 1 if there is none.
      """)

  @Argument(help: ArgumentHelp("A rule, as I5.", valueName: "id"))
  var rule: String
  @OptionGroup var journal: JournalOption
  @Option(help: ArgumentHelp("Only violations from this moment on.", valueName: "moment"))
  var from: PointInTime?
  @Option(help: ArgumentHelp("Only violations up to this moment; the audit ends there.", valueName: "moment"))
  var to: PointInTime?
  @Flag(help: "Cut nothing, however narrow the terminal is.")
  var full = false

  func validate() throws {
    guard try AuditSelection.rules(check: rule, skip: nil)?.count == 1, !rule.contains(",") else {
      throw ValidationError("one rule is searched for at a time")
    }
  }

  func run() throws { try run(on: .standard(isFull: full)) }

  /// Audits, and answers on a console.
  func run(on console: Console) throws {
    let reader = try journal.openReader()
    let rules = try AuditSelection.rules(check: rule, skip: nil)
    let kept = KeptFindings()
    let result = try AuditRun(rules: rules, from: from, to: to, isFirstOnly: true).perform(reader, kept)
    guard let first = kept.findings.first(where: { !$0.isRacy }) else { return try tellNone(result, console) }
    let id = first.rule
    let culprit = first.phaseSeq ?? first.seq
    try console.write("entry \(culprit.rawValue) is the first at which \(id) is violated")
    try console.write(culprit == first.seq ? "\n" : ", which entry \(first.seq.rawValue) makes certain\n")
    try console.write(HeaderLine.text("expected", DisplayText.escaped(first.expected), width: console.width))
    try console.write(HeaderLine.text("found", DisplayText.escaped(first.found), width: console.width))
    try BisectText(reader, console).show(culprit)
    try tellUnjudged(result, console)
    try console.flush()
  }

  private func tellNone(_ result: AuditResult, _ console: Console) throws {
    try console.write("\(result.summary.entries) entries: \(rule) is violated at none\n")
    try tellUnjudged(result, console)
    try console.flush()
    throw CommandFailure.silent(ExitStatus.differences)
  }

  private func tellUnjudged(_ result: AuditResult, _ console: Console) throws {
    let racy = result.told.count { $0.finding.isRacy }
    if racy > 0 { try console.note("\(racy) racy findings are left out; `custody audit --check \(rule)` shows them") }
    for stretch in result.summary.stretches {
      let last = stretch.last.map { "\($0.rawValue)" } ?? "the end"
      try console.note("not known from entry \(stretch.first.rawValue) to \(last): \(stretch.why)")
    }
  }
}

/// Keeps what an audit finds.
private final class KeptFindings: AuditOutput {
  private(set) var findings: [AuditFinding] = []

  func write(_ told: ToldFinding) { findings.append(told.finding) }

  func finish(_ result: AuditResult) {}
}
