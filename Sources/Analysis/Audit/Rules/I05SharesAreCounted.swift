// Why: invariant I5 as a rule of audit. Judged by PageAccount when no transition is inside the page.

import PageOwnership

extension AuditRule {
  static let sharesAreCounted = AuditRule(
    "I5", .invariant, generations: [.linux6_14, .linux6_16, .linux6_18, .linux7_1],
    title: "the share count is the number of guests' leaves that borrow the page",
    explanation: """
      host_share_guest_count of a page equals the number of leaves of non-protected guests that map it as borrowed \
      (a block counts once for each page), and is 0 unless the host says SHARED_OWNED. A count that is too low lets \
      the host take back what a guest still maps.
      """,
    source: "spec I5; the warning on 0 in __check_host_shared_guest()",
    meaning: "the host takes back, or gives away, a page that a guest still maps; or never gets it back")
}
