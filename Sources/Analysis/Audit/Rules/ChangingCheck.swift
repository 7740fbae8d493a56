// Why: whoever looks must not touch.

import PageOwnership

extension AuditRule {
  static let changingCheck = AuditRule(
    "changing-check", .protocol, title: "checks, begins and summaries change nothing",
    explanation: """
      Memory changes under applies; of the boot walk, and of what a recorder saw late, under the end. An entry that \
      looks, begins or sums up and carries a change of memory contradicts itself.
      """,
    source: "design §1: phase, change",
    meaning: "a check has a side effect, or the recorder put a change where it does not belong")
}

extension Audit {
  mutating func judgeChanges(
    under entry: Entry, _ site: Site, _ changes: [Change], _ subject: AuditedTransition
  ) {
    switch site.kind {
    case .check, .begin, .whole, .locked, .mark, .store: break
    default: return
    }
    guard let change = changes.first(where: { $0.new != $0.old }) else { return }
    report(
      .changingCheck, entry, site, subject,
      at: AuditPlace(change.space, change.pages, isRacy: subject.isOverlapped), expected: "no change",
      found: "\(change.table.name) changed")
  }
}
