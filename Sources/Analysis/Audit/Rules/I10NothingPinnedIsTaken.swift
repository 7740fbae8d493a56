// Why: a pin exists so that the host cannot take a page back while the hypervisor works on it.

import PageOwnership
import PageTables

extension AuditRule {
  static let nothingPinnedIsTaken = AuditRule(
    "I10", .invariant, title: "nothing pinned or referenced is taken back",
    explanation: """
      The host does not end a share with the hypervisor while the page is pinned, and since 7.1 the hypervisor does \
      not give back a page that its allocator still counts as used. Judged right before the first apply, by the \
      replayed pins and by the counts that the call saw. 6.1 has no pins at all, so nothing is found there.
      """,
    source: "spec I10; -EBUSY in __pkvm_host_unshare_hyp() and __pkvm_hyp_donate_host(); bugs B3, B10",
    meaning: "the hypervisor works on memory that the host may change under its hands")
}

extension Audit {
  mutating func judgePins(
    _ transition: Transition, _ entry: Entry, _ site: Site, _ changes: [Change], _ subject: AuditedTransition
  ) {
    guard isJudged(.nothingPinnedIsTaken), let frames = transition.frames else { return }
    if transition.operation == .hypDonateHost, generation == .linux7_1 {
      judgeReferences(entry, site, changes, frames, subject)
    }
    guard transition.operation == .hostUnshareHyp else { return }
    var found: (PageRange, UInt32)?
    image.ownership.forEachPinRun(in: frames) { run, pins in
      if found == nil, let pins, pins > 0 { found = (run, pins) }
    }
    guard let (run, pins) = found, image.ownership.holding(.hyp, run.first).state != .owned else { return }
    report(
      .nothingPinnedIsTaken, entry, site, subject,
      at: AuditPlace(.host, run, isRacy: subject.isOverlapped && isHeld(run)), expected: "no pins",
      found: "\(pins) pins")
  }

  // A page that the hypervisor owns is counted by its allocator: what the change found is all that is known.
  private mutating func judgeReferences(
    _ entry: Entry, _ site: Site, _ changes: [Change], _ frames: PageRange, _ subject: AuditedTransition
  ) {
    for change in changes where change.table == .vmemmap && change.space == .hyp {
      guard let old = change.old, change.pages.overlaps(frames) else { continue }
      let references = image.encoding.frame(old).references
      guard references > 0 else { continue }
      report(
        .nothingPinnedIsTaken, entry, site, subject, at: AuditPlace(.hyp, change.pages), expected: "no references",
        found: "\(references) references")
    }
  }
}
