// Why: invariant I8 as a rule of audit. Judged by PageAccount when no transition is inside the page.

extension AuditRule {
  static let hostGivesWay = AuditRule(
    "I8", .invariant, title: "the host does not have what the hypervisor or a guest has for itself",
    explanation: """
      A page of which the hypervisor or a protected guest says OWNED is NOPAGE for the host. This is the promise \
      that protected KVM is about: the host cannot read or write the memory of others.
      """,
    source: "spec I8; the warnings in __pkvm_host_reclaim_page_guest()",
    meaning: "the host reaches memory of the hypervisor or of a protected guest")
}
