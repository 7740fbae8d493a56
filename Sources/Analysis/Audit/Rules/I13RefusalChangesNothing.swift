// Why: everything that can fail must fail before anything is written.

import PageOwnership

extension AuditRule {
  static let refusalChangesNothing = AuditRule(
    "I13", .invariant, title: "a refused transition changes nothing",
    explanation: """
      Checks come before all writes; after the first write nothing may fail. A transition that returns an errno and \
      leaves a word of memory other than it was has been refused and performed at once: its caller goes on as if \
      nothing had happened. The access flag, which hardware sets, is not a change; a word that was put back is none \
      either. While another CPU was inside a transition it may be that one's change: then it is racy.
      """,
    source: "spec I13; the review of the 7.1 series; bug B9",
    meaning: "the caller's view and the tables' view of the page differ from here on")
}

extension Audit {
  mutating func judgeRefusal(
    _ outcome: TransitionOutcome?, _ entry: Entry, _ site: Site, _ subject: AuditedTransition
  ) {
    guard let operation = subject.operation, operation != .hostFault, operation != .bootFixup else { return }
    let isRefused = outcome == .refused || outcome == .completed && (entry.result ?? 0) < 0
    guard isRefused, subject.hasChanged else { return }
    let word = subject.changed.min { ($0.space, $0.pages.first) < ($1.space, $1.pages.first) }
    report(
      .refusalChangesNothing, entry, site, subject,
      at: word.map { AuditPlace($0.space, $0.pages, isRacy: subject.isOverlapped) },
      expected: "nothing changed, as \(entry.result.map(Self.name) ?? "a refusal") says",
      found: word.map { "\($0.table.name) changed" } ?? "changes")
  }

  static func name(_ result: Int64) -> String { Errno.name(result) ?? "\(result)" }
}
