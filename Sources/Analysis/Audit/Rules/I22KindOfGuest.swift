// Why: what a protected guest has, the host must not have; so pages get there by donation alone.

import PageOwnership

extension AuditRule {
  static let kindOfGuest = AuditRule(
    "I22", .invariant, generations: [.linux6_14, .linux6_16, .linux6_18, .linux7_1],
    title: "protected guests are given pages, others are lent them",
    explanation: """
      A protected guest gets pages by donation only, a non-protected one by sharing only. The handlers of the calls \
      see to it; the functions below them do not look. Judged where the journal says of which kind the guest is.
      """,
    source: "spec I22; hyp-main.c",
    meaning: "the host keeps its access to memory of a protected guest, or lost pages to one that does not own them")
}

extension Audit {
  mutating func judgeKind(
    _ transition: Transition, _ entry: Entry, _ site: Site, _ subject: AuditedTransition
  ) {
    guard let place = transition.guestPage, let isProtected = conditions.isProtected(place.space) else { return }
    let wants: Bool
    switch transition.operation {
    case .hostShareGuest: wants = false
    case .hostDonateGuest, .guestShareHost, .guestUnshareHost: wants = true
    default: return
    }
    guard isProtected != wants else { return }
    report(
      .kindOfGuest, entry, site, subject, at: AuditPlace(place.space, PageRange(place.page)),
      expected: wants ? "a protected guest" : "a non-protected guest",
      found: isProtected ? "a protected guest" : "a non-protected guest")
  }
}
