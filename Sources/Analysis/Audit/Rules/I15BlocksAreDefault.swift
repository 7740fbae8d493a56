// Why: a block that says something special says it of 512 pages at once.

import PageOwnership
import PageTables

extension AuditRule {
  static let blocksAreDefault = AuditRule(
    "I15", .invariant, title: "blocks of the host's table say nothing special",
    explanation: """
      A leaf of the host's stage 2 above page level is a mapping with the default state, or nothing. Annotations and \
      states other than the default are written at page level, so that a change of one page never speaks for others.
      """,
    source: "spec I15; comment on host_stage2_force_pte_cb()",
    meaning: "pages change hands that nobody asked for")
}

extension Audit {
  /// Judges what an entry writes, before the machine takes it.
  mutating func judgeWrites(_ entry: Entry, _ site: Site, _ changes: [Change], _ subject: AuditedTransition?) {
    for change in changes {
      switch change.table {
      case .hostStage2:
        judgeBlock(change, entry, site)
        if let subject, subject.operation == .hostFault { judgeLazyMapping(change, entry, site, subject) }
      case .guestStage2: judgePoisonStays(change, entry, site)
      case .hypStage1, .vmemmap: continue
      }
    }
  }

  private mutating func judgeBlock(_ change: Change, _ entry: Entry, _ site: Site) {
    guard isJudged(.blocksAreDefault), change.newLevel < 3, let new = change.new, new != 0 else { return }
    let word = Descriptor(new)
    guard !word.isValid || word.softwareBits & 0b11 != 0 else { return }
    var finding = AuditFinding(
      .blocksAreDefault, at: entry, expected: "a mapping with the default state, or page level",
      found: "0x\(String(new, radix: 16)) at level \(change.newLevel)")
    finding.operation = site.operation
    finding.step = site.kernelStep
    finding.space = .host
    finding.pages = change.pages
    report(finding)
  }
}
