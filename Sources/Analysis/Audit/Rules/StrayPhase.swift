// Why: a phase belongs to a transition that is under way.

import PageOwnership

extension AuditRule {
  static let strayPhase = AuditRule(
    "stray-phase", .protocol, title: "phases lie between the begin and the end of their transition",
    explanation: """
      A check, an apply or an end names a transition that has begun and has not ended. After a gap in the journal \
      the begin may be what is missing: then nothing is found.
      """,
    source: "design §1: transition, phase",
    meaning: "the record is out of order: an entry was moved, doubled or lost")
}

extension Audit {
  mutating func judgeStray(_ entry: Entry, _ site: Site) {
    switch site.kind {
    case .check, .apply, .torn, .end, .whole: break
    default: return
    }
    if let action = entry.action, abandoned.contains(action) { return }
    guard isJudged(.strayPhase), site.operation != nil, !summary.stretches.contains(where: \.isGap) else { return }
    var finding = AuditFinding(
      .strayPhase, at: entry, expected: "a transition that is under way", found: "\(site.kind.rawValue) outside one")
    finding.operation = site.operation
    finding.step = site.kernelStep
    finding.space = entry.space
    finding.pages = entry.page.map { PageRange(first: $0, count: entry.pageCount ?? 1) }
    report(finding)
  }
}

extension UnknownStretch {
  fileprivate var isGap: Bool { why == Self.gap }
}
