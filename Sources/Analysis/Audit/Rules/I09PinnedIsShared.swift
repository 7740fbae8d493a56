// Why: invariant I9 as a rule of audit. Judged by PageAccount when no transition is inside the page.

import PageOwnership

extension AuditRule {
  static let pinnedIsShared = AuditRule(
    "I9", .invariant, generations: [.linux6_2, .linux6_4, .linux6_14, .linux6_16, .linux6_18, .linux7_1],
    title: "a pinned page is shared with the hypervisor, which maps a page exactly while it has or pins it",
    explanation: """
      A reference count above 0 of a page that the hypervisor does not own means that the host lent it and the \
      hypervisor borrows it. Since 6.16 sharing alone maps nothing: the hypervisor's linear map has a borrowed page \
      from its first pin to its last, and a page of its own always.
      """,
    source: "spec I9; hyp_pin_shared_mem(), hyp_unpin_shared_mem()",
    meaning: "the hypervisor uses memory that the host may change or give away, or faults on memory of its own")
}
