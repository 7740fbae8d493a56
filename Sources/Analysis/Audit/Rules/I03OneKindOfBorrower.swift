// Why: invariant I3 as a rule of audit. Judged by PageAccount when no transition is inside the page.

import PageOwnership

extension AuditRule {
  static let oneKindOfBorrower = AuditRule(
    "I3", .invariant, generations: [.linux6_14, .linux6_16, .linux6_18, .linux7_1],
    title: "only guests borrow a page side by side",
    explanation: """
      Only the host's lending to non-protected guests may have several borrowers, and they are counted. Every other \
      share is between two: a page that the hypervisor borrows is not lent to guests or to the secure world as well.
      """,
    source: "spec I3; comment in __pkvm_host_share_guest()",
    meaning: "one borrower's leaving ends the share of the other without its knowing")
}
