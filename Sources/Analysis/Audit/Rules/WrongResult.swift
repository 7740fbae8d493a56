// Why: what a transition returns is what its phases came to.

import PageOwnership

extension AuditRule {
  static let wrongResult = AuditRule(
    "wrong-result", .protocol, title: "a transition returns what its phases came to",
    explanation: """
      Where a check failed that ends the transition, its errno is what the transition returns. Operations that give \
      nothing back (a fault, unpin) are left alone; so are checks whose failure the table swallows.
      """,
    source: "spec §4; conformance vectors",
    meaning: "the caller is told something else than what happened")
}

extension Audit {
  mutating func judgeResult(
    _ outcome: TransitionOutcome?, _ entry: Entry, _ site: Site, _ subject: AuditedTransition
  ) {
    guard let failure = subject.failure, let wanted = failure.result, wanted != 0 else { return }
    guard outcome == .completed || outcome == .refused, subject.operation?.hasNoResult == false else { return }
    guard let result = entry.result, result != wanted else { return }
    report(
      .wrongResult, entry, site, subject, expected: "\(Self.name(wanted)), as \(failure.step ?? "the check") returned",
      found: Self.name(result))
  }
}
