// Why: invariant I1 as a rule of audit. Judged by PageAccount when no transition is inside the page.

extension AuditRule {
  static let oneOwner = AuditRule(
    "I1", .invariant, title: "exactly one space owns a page",
    explanation: """
      Of all spaces exactly one says OWNED or SHARED_OWNED of a page of memory. With two owners each may let others \
      reach what the other takes for its own; with none the page is lost. In the middle of a donation both happen, \
      in the order of the generation, so pages are judged when no transition is inside them. A page that the \
      hypervisor keeps outside its linear map, a stack, counts as the hypervisor's.
      """,
    source: "spec I1; the comment on page states in mem_protect.h",
    meaning: "two spaces trust the same memory, or nobody can ever use it again")
}
