// Why: whoever can stop the hypervisor has stopped every guest.

import PageOwnership

extension AuditRule {
  static let fatalOutcome = AuditRule(
    "fatal", .protocol, .warning, title: "no input of host or guest stops the hypervisor",
    explanation: """
      A warning at EL2 is a panic. A transition that ends in one and serves a call of the host or of a guest was \
      stopped by what the caller gave. Up to 7.0 a host that touches a page of somebody else is meant to be stopped \
      that way; it is told all the same.
      """,
    source: "bugs B8, B29",
    meaning: "the host, or a guest, can stop the machine at will")
}

extension Audit {
  mutating func judgeFatal(
    _ outcome: TransitionOutcome?, _ entry: Entry, _ site: Site, _ subject: AuditedTransition
  ) {
    guard outcome == .fatal else { return }
    report(
      .fatalOutcome, entry, site, subject, expected: "an errno", found: entry.note ?? "the hypervisor panics")
  }
}
