// Why: a guest's address is poisoned because its page was taken; else the guest lost a page that nobody has.

import PageOwnership
import PageTables

extension AuditRule {
  static let poisonWithoutReclaim = AuditRule(
    "poison-without-reclaim", .balance, generations: [.linux7_1],
    title: "an address is poisoned only by a forced reclaim, which gives the page to the host",
    explanation: """
      A poisoned leaf is written by a forced reclaim alone, and when that is over the host owns the page that the \
      leaf mapped.
      """,
    source: "__pkvm_host_force_reclaim_page_guest()",
    meaning: "the guest lost a page for nothing, or faults where it must not")
}

extension Audit {
  /// Notes what is poisoned; before the machine takes it.
  mutating func judgePoison(
    _ entry: Entry, _ site: Site, _ changes: [Change], _ subject: AuditedTransition
  ) {
    for change in changes where change.table == .guestStage2 {
      guard let new = change.new, image.encoding.guestState(LeafWord(level: change.newLevel, raw: new)) == .poison
      else {
        continue
      }
      let place = GuestPage(change.space, change.pages.first)
      if image.ownership.holding(place.space, place.page).state == .poison { continue }
      if let page = image.physicalPage(of: place) { subject.poisoned.append(page) }
      guard subject.operation != .hostForceReclaim else { continue }
      report(
        .poisonWithoutReclaim, entry, site, subject, at: AuditPlace(change.space, change.pages),
        expected: "host_force_reclaim", found: subject.operation?.rawValue ?? "no operation")
    }
  }

  /// Judges what became of the pages behind poisoned addresses.
  mutating func judgePoisoned(_ entry: Entry, _ site: Site, _ subject: AuditedTransition) {
    for page in subject.poisoned {
      let holding = image.ownership.holding(.host, page)
      guard holding.state != .owned, holding.state != .unknown else { continue }
      report(
        .poisonWithoutReclaim, entry, site, subject, at: AuditPlace(.host, PageRange(page)), expected: "OWNED",
        found: holding.state.name)
    }
  }
}
