// Why: the hypervisor cannot be interrupted on a CPU, so what begins on one ends there before anything else begins.

import PageOwnership

extension AuditRule {
  static let lostEnd = AuditRule(
    "lost-end", .protocol, title: "what begins on a CPU ends before the next begins there",
    explanation: """
      A CPU is inside one call into the hypervisor and one transition of it at a time. Where it begins another one, \
      the end of the one before is missing. After a gap in the journal the end may lie in it: then nothing is found; \
      nor is it where the journal ends.
      """,
    source: "design §1: activation, transition",
    meaning: "an entry was lost or moved, and what became of the transition is not known")
}

extension Audit {
  mutating func judgeLost(_ subject: AuditedTransition, _ entry: Entry) {
    guard isJudged(.lostEnd), !subject.isBroken else { return }
    report(lost(subject.id, subject.operation, nil, since: subject.firstSeq, entry))
  }

  mutating func judgeLost(_ call: AuditedCall, _ id: ActionID, _ entry: Entry) {
    guard isJudged(.lostEnd) else { return }
    report(lost(id, nil, call.function, since: call.firstSeq, entry))
  }

  private func lost(
    _ id: ActionID, _ operation: Operation?, _ step: String?, since: SequenceNumber, _ entry: Entry
  ) -> AuditFinding {
    var finding = AuditFinding(
      .lostEnd, at: entry, expected: "its end, before CPU \(entry.cpu ?? 0) begins anything else",
      found: "no end since entry \(since.rawValue)")
    finding.transition = id
    finding.operation = operation
    finding.step = step
    return finding
  }
}
