// Why: invariant I6 as a rule of audit. Judged by PageAccount when no transition is inside the page.

extension AuditRule {
  static let namedOwnerMeansNoPage = AuditRule(
    "I6", .invariant, title: "the host's table names another owner only of pages that the host does not have",
    explanation: """
      An invalid descriptor of the host's stage 2 that names an owner and a host state of NOPAGE go together. Up to \
      6.13 the descriptor is the state; since 6.14 the state is in the page metadata and both must agree. Exception: \
      the hypervisor's code stays readable for the host since 7.1.
      """,
    source: "spec I6; the warning in host_stage2_adjust_range()",
    meaning: "what the host may do to the page depends on which of the two is asked")
}
