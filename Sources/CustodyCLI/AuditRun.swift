// Why: one audit from the first entry to the last that is asked for: findings of the moments asked for go to the
// output as they come, those that a waiver accepts are marked, and what was looked at is told at the end.

import Analysis
import Journal
import PageOwnership

/// A finding as it is told.
struct ToldFinding {
  var finding: AuditFinding
  /// The waiver that accepts it.
  var waiver: Waiver?
}

/// What came of an audit.
struct AuditResult {
  var told: [ToldFinding] = []
  var summary = AuditSummary()
  /// Waivers that accepted nothing, or that are out of date.
  var staleWaivers: [Waiver] = []
  /// How many violations no waiver accepts.
  var violations: Int64 = 0
  /// The last entry that was taken.
  var lastSeq = SequenceNumber(0)
  /// Whether the pass went to the last entry that was asked for.
  var isWhole = true
}

/// An audit with its limits.
struct AuditRun {
  var rules: Set<String>?
  var from: PointInTime?
  var to: PointInTime?
  var isFirstOnly = false
  var waivers: [Waiver] = []

  /// Audits a journal; the output hears of each finding.
  func perform(_ reader: JournalReader, _ output: any AuditOutput) throws -> AuditResult {
    let first = try from.map { try PointInTime.moment($0, in: reader).first } ?? reader.firstSeq()
    let last = try PointInTime.moment(to, in: reader).seq
    guard first <= last || last.rawValue == 0 else {
      throw CommandFailure(
        "--from is after --to: entry \(first.rawValue) and entry \(last.rawValue)", status: ExitStatus.usage)
    }
    var audit = try JournalAudit(reader, rules: rules)
    var result = AuditResult()
    var book = WaiverBook(waivers)
    func tell(_ findings: [AuditFinding]) throws -> Bool {
      for finding in findings where finding.seq >= first {
        let told = ToldFinding(finding: finding, waiver: book.waiver(of: finding))
        result.told.append(told)
        try output.write(told)
        guard told.waiver == nil, !finding.isRacy else { continue }
        result.violations += 1
        if isFirstOnly { return false }
      }
      return true
    }
    var isStopped = false
    try audit.run(through: last) { findings in
      isStopped = try !tell(findings)
      return !isStopped
    }
    if !isStopped { _ = try tell(audit.finish()) }
    result.isWhole = !isStopped
    result.summary = audit.audit.summary
    result.lastSeq = audit.audit.lastSeq
    result.violations += isStopped ? 0 : result.summary.untold
    result.staleWaivers = isStopped || from != nil || to != nil ? [] : book.stale
    try output.finish(result)
    return result
  }
}
