// Why: saved findings are derived: they are written as a whole by `audit --save`, and `verify` audits again and
// compares. Not here: the rows themselves (Journal).

import Analysis
import Journal
import PageOwnership

/// Keeps what an audit found.
enum ViolationStore {
  /// Stores the findings of a whole audit.
  static func save(_ result: AuditResult, at path: String) throws {
    let writer = try JournalWriter.open(at: path)
    do {
      try writer.saveViolations(result.told.map { ViolationRow($0.finding) }, through: result.lastSeq)
      try writer.close()
    } catch {
      try? writer.close()
      throw error
    }
  }

  /// Compares the saved findings with those of an audit: nil if none are saved, else what differs.
  static func findings(_ reader: JournalReader) throws -> [IntegrityFinding]? {
    guard let last = try reader.auditedSeq() else { return nil }
    let head = try reader.headSeq()
    guard last <= head else {
      let message = "the audit went to entry \(last.rawValue), the journal ends at \(head.rawValue)"
      return [IntegrityFinding(structure: "audit_run", message: message)]
    }
    let saved = try reader.violations()
    var audit = try JournalAudit(reader, rules: nil)
    var found: [ViolationRow] = []
    try audit.run(through: last) { findings in
      found += findings.map { ViolationRow($0) }
      return true
    }
    found += audit.finish().map { ViolationRow($0) }
    guard saved != found else { return [] }
    let place = zip(saved, found).enumerated().first { $1.0 != $1.1 }?.offset ?? min(saved.count, found.count)
    let message =
      saved.count == found.count
      ? "row \(place + 1) is not what an audit finds" : "\(saved.count) rows, an audit finds \(found.count)"
    return [IntegrityFinding(structure: "violation", message: message, place: Int64(place + 1))]
  }
}

extension ViolationRow {
  /// A finding as a journal keeps it.
  init(_ finding: AuditFinding) {
    self.init(
      rule: finding.rule, severity: finding.severity.rawValue, seq: finding.seq, expected: finding.expected,
      found: finding.found, isRacy: finding.isRacy)
    phaseSeq = finding.phaseSeq
    transition = finding.transition
    operation = finding.operation
    step = finding.step
    space = finding.space
    pages = finding.pages
  }
}
