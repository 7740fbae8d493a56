// Why: an apply without a check is a hole whatever the tables say afterwards.

import PageOwnership

extension AuditRule {
  static let uncheckedApply = AuditRule(
    "unchecked-apply", .protocol, title: "what moves pages was checked before",
    explanation: """
      Before the first apply of an operation whose table has checks that a recorder can see, one of them passed. \
      Checks that this build leaves out count for nothing; operations without checks (unpin) are left alone.
      """,
    source: "the phases of every generation, spec §4",
    meaning: "the kernel performed what it did not verify, or the recorder lost the check")
}

extension Audit {
  mutating func judgeUnchecked(_ entry: Entry, _ site: Site, _ subject: AuditedTransition) {
    guard !subject.hasPassedCheck, let operation = subject.operation, let plan = plans[operation] else { return }
    let isVisible = plan.checks.contains { !$0.isSilent && !$0.rows.isEmpty && $0.onlyIfGuest == nil }
    guard isVisible, subject.failure == nil else { return }
    report(.uncheckedApply, entry, site, subject, expected: "a check that passed", found: "an apply")
  }
}
