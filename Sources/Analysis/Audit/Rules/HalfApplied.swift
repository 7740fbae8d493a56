// Why: what was given up must have been taken.

import PageOwnership
import TransitionRules

extension AuditRule {
  static let halfApplied = AuditRule(
    "half-applied", .protocol, title: "a completed transition made all its applies",
    explanation: """
      A transition that returned success and began to change memory has made each apply that the table of the \
      operation always makes. One that never ended is not judged: the journal ends inside it, and `recover` says how \
      far it came.
      """,
    source: "the apply half of every operation, spec §4",
    meaning: "a page is at nobody or at two, or the recorder lost an apply")
}

extension Audit {
  mutating func judgeWhole(
    _ outcome: TransitionOutcome?, _ entry: Entry, _ site: Site, _ subject: AuditedTransition
  ) {
    guard isJudged(.halfApplied), outcome == .completed, entry.result ?? 0 >= 0, subject.hasMoved else { return }
    guard let operation = subject.operation, operation != .hostFault, let plan = plans[operation] else { return }
    for (index, phase) in plan.applies.enumerated() where subject.made & 1 << UInt64(index & 63) == 0 {
      let isDue = phase.rules.contains { $0.occasion == .always && $0.store.writes }
      guard isDue else { continue }
      report(.halfApplied, entry, site, subject, expected: phase.step, found: "no such apply")
    }
  }
}
