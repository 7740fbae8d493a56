// Why: the host gets a protected guest's page back only when nothing of the guest is in it any more.

import PageOwnership

extension AuditRule {
  static let scrubbedBeforeReturn = AuditRule(
    "I17", .invariant, generations: [.linux7_1], title: "a guest's page is scrubbed before the host gets it",
    explanation: """
      Where the host takes a page that a protected guest had for itself, the step that zeroes and cleans it comes \
      before the one that makes the host its owner. A page that the guest had lent to the host needs none. The \
      contents themselves, and whether caches were cleaned far enough, no journal shows.
      """,
    source: "spec I17; comment on hyp_poison_page(); bug B14",
    meaning: "the host reads what the guest had in its memory")
}

extension Audit {
  mutating func judgeScrub(_ entry: Entry, _ site: Site, _ subject: AuditedTransition) {
    guard site.effect == .own, subject.guestState == .owned, !subject.hasScrubbed else { return }
    guard subject.operation == .hostReclaimGuest || subject.operation == .hostForceReclaim else { return }
    report(
      .scrubbedBeforeReturn, entry, site, subject, expected: "a scrub before the host owns the page", found: "none")
  }
}
