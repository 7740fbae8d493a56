// Why: a check that fails must end what it checks.

import PageOwnership

extension AuditRule {
  static let applyAfterFailure = AuditRule(
    "apply-after-failure", .protocol, title: "nothing is applied after a check that failed",
    explanation: """
      A check that returned an errno ends the transition. Exceptions stand in the table of the operation: a check \
      whose failure leaves a phase out or only warns, and a poisoned page, of which a reclaim is done at once.
      """,
    source: "the check half of every operation, spec §4",
    meaning: "the kernel performed what it refused")
}

extension Audit {
  mutating func judgeAfterFailure(_ entry: Entry, _ site: Site, _ subject: AuditedTransition) {
    guard let failure = subject.failure, site.effect != .query, site.effect != .encode else { return }
    let what = failure.result.map(Self.name) ?? "without a result"
    report(
      .applyAfterFailure, entry, site, subject, expected: "the end of the transition",
      found: "an apply after \(failure.step ?? "a check") failed \(what) at entry \(failure.seq.rawValue)")
  }
}
