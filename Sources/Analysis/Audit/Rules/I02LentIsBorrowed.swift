// Why: invariant I2 as a rule of audit, both directions. Judged by PageAccount when no transition is inside the page.

extension AuditRule {
  static let lentIsBorrowed = AuditRule(
    "I2", .invariant, title: "what is lent is borrowed, and what is borrowed is lent",
    explanation: """
      A page that its owner says is lent has a borrower: the hypervisor, guests, or the secure world, which keeps no \
      table; and whoever says that it borrows a page finds its owner saying that it lent it. What is lent to the \
      secure world is followed by transitions; where the journal begins later or has gaps, a page that seems to be \
      lent to nobody is unknown, not wrong.
      """,
    source: "spec I2; comments on do_share() and the ownership selftest",
    meaning: "a borrower reaches memory that its owner thinks private, or a page can never be taken back")
}
