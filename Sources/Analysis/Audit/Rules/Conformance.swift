// Why: the rules of the kernel, phase by phase, are one rule of audit among others: who does not trust them
// switches it off. Judged by ConformanceJudge.

import PageOwnership

extension AuditRule {
  static let conformance = AuditRule(
    "conformance", .agreement, title: "phases, results and words are those of the generation's rules",
    explanation: """
      Each check is judged by the state right before its own entry, each apply by what it leaves behind, then what \
      the transition and the call around it returned: what `custody conform` prints. A disagreement that is gone at \
      another moment between the transition's begin and end is racy.
      """,
    source: "the rules of the generation (`custody rules`), held against conformance vectors",
    meaning: "the kernel is not what the journal says it is, or the record is not true")
}

extension Audit {
  static func finding(_ found: Disagreement) -> AuditFinding {
    var entry = Entry(seq: found.seq, site: SiteID(rawValue: 0))
    entry.action = found.transition
    var finding = AuditFinding(.conformance, at: entry, expected: found.rules, found: found.recorded)
    finding.operation = found.operation
    finding.step = found.step
    finding.space = found.space
    finding.pages = found.page.map { PageRange($0) }
    return finding
  }
}
