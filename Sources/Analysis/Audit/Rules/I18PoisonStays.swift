// Why: a guest must never find another page where one was taken from it.

import PageOwnership
import PageTables

extension AuditRule {
  static let poisonStays = AuditRule(
    "I18", .invariant, generations: [.linux7_1], title: "a poisoned address of a guest stays poisoned",
    explanation: """
      Once a page was taken from a live protected guest by force, its address is never mapped again while the guest \
      lives: else the host could swap memory under it. Every write over a poisoned leaf is found.
      """,
    source: "spec I18; the ownership selftest",
    meaning: "the host replaced memory of a protected guest")
}

extension Audit {
  mutating func judgePoisonStays(_ change: Change, _ entry: Entry, _ site: Site) {
    guard isJudged(.poisonStays), hasStates else { return }
    let before = image.ownership.holding(change.space, change.pages.first).state
    guard before == .poison, let new = change.new else { return }
    let after = image.encoding.guestState(LeafWord(level: change.newLevel, raw: new))
    guard after != .poison else { return }
    var finding = AuditFinding(.poisonStays, at: entry, expected: "POISON", found: after.name)
    finding.operation = site.operation
    finding.step = site.kernelStep
    finding.space = change.space
    finding.pages = change.pages
    report(finding)
  }
}
