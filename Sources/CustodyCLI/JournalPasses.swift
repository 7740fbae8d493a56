// Why: what a pass over a journal costs is measured beside a plain replay of it, in one process; the benchmark asks for
// each by name. Not here: measuring.

import Analysis
import Journal
import PageOwnership
import PageTables

/// Whole passes over a journal.
package enum JournalPasses {
  /// Replays a journal and compares everything observed; gives the hash of the last state.
  ///
  /// Throws a ``JournalError``, or a `CommandFailure` if the journal names no rules.
  package static func replay(_ path: String) throws -> String {
    let reader = try JournalReader(at: path)
    var replay = try JournalReplay(reader)
    try replay.run(through: try reader.headSeq())
    let report = replay.finish()
    return "\(replay.replay.image.ownership.hash) \(report.entries) \(report.pagesDiffering)"
  }

  /// Verifies a journal as `custody verify` does; gives what was verified.
  ///
  /// Throws a ``JournalError``.
  package static func verify(_ path: String) throws -> String {
    let check = try VerifyReport(JournalReader(at: path), path: path).check
    let head = check.head.map { "\($0)".prefix(16) } ?? "none"
    return "\(check.seq.rawValue) entries, head \(head), \(check.findings.count) findings"
  }

  /// Audits a journal; gives what was looked at and how many violations there are.
  ///
  /// Throws as ``replay(_:)`` does.
  package static func audit(_ path: String, withConformance: Bool) throws -> String {
    let reader = try JournalReader(at: path)
    let rules = Set(AuditRule.all.map(\.id)).subtracting(withConformance ? [] : [AuditRule.conformanceID])
    var audit = try JournalAudit(reader, rules: rules)
    try audit.run(through: try reader.headSeq()) { _ in true }
    _ = audit.finish()
    let summary = audit.audit.summary
    return "\(summary.entries) \(summary.settlements) \(summary.pages) \(summary.violations)"
  }
}
