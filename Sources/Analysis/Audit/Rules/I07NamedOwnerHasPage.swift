// Why: invariant I7 as a rule of audit. Judged by PageAccount when no transition is inside the page.

extension AuditRule {
  static let namedOwnerHasPage = AuditRule(
    "I7", .invariant, title: "the owner that the host's table names has the page",
    explanation: """
      Where the host's table names the hypervisor, the hypervisor says OWNED. Where it names a guest and an address, \
      that guest lives and its leaf at that address is OWNED and maps this very page.
      """,
    source: "spec I7; the warning on pa != phys in __pkvm_host_force_reclaim_page_guest()",
    meaning: "the page cannot be taken back from whom the table names")
}
