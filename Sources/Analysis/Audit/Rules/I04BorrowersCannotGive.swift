// Why: who gives, lends or takes back must be the owner at that moment, whatever its checks said.

import PageOwnership
import PageTables

extension AuditRule {
  static let borrowersCannotGive = AuditRule(
    "I4", .invariant, title: "only an owner gives, lends or takes back",
    explanation: """
      Right before the first apply of a transition the source's own tables say OWNED or SHARED_OWNED of every page. \
      Judged by the replayed state, not by what the recorded checks say. Up to 6.13 a check looks once at each leaf \
      of the table, so that a range may pass of which a page does not belong to the source.
      """,
    source: "spec I4; the check half of every operation",
    meaning: "memory changed hands without its owner")
}

extension Audit {
  mutating func judgeSource(
    _ transition: Transition, _ entry: Entry, _ site: Site, _ subject: AuditedTransition
  ) {
    guard isJudged(.borrowersCannotGive), let source = source(of: transition, subject) else { return }
    let isHost = source.space == .host
    for range in source.space.isGuest ? [source.pages] : memory(in: source.pages) {
      var found: (PageRange, Holding)?
      image.ownership.forEachRun(source.space, in: range) { run, holding in
        let isWrong = [.sharedBorrowed, .noPage, .poison, .reserved].contains(holding.state)
        if isWrong, found == nil { found = (run, holding) }
      }
      guard let (run, holding) = found else { continue }
      let isRacy = subject.isOverlapped && isHost && isHeld(run)
      report(
        .borrowersCannotGive, entry, site, subject, at: AuditPlace(source.space, run, isRacy: isRacy),
        expected: "OWNED or SHARED_OWNED", found: holding.state.name)
    }
  }

  private func source(of transition: Transition, _ subject: AuditedTransition) -> AuditPlace? {
    switch transition.operation {
    case .hypDonateHost: return transition.frames.map { AuditPlace(.hyp, $0) }
    case .guestShareHost, .guestUnshareHost, .hostReclaimGuest, .hostForceReclaim:
      return transition.guestPage.map { AuditPlace($0.space, PageRange(first: $0.page, count: transition.pageCount)) }
    // A pin that is dropped may be of a page that was taken since: I9 judges that.
    case .unpin, .hostFault, .bootFixup: return nil
    default: return (subject.declared ?? transition.frames).map { AuditPlace(.host, $0) }
    }
  }

  /// Whether another transition has changed pages and is not over.
  func isHeld(_ pages: PageRange) -> Bool { open.all.contains { $0.covers(pages) } }
}
