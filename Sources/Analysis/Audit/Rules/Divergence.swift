// Why: a journal holds several accounts of the same page; where two of them disagree, one is not true.

import PageOwnership

extension AuditRule {
  static let divergence = AuditRule(
    "divergence", .agreement, title: "all accounts of a page agree",
    explanation: """
      What a change found, what a call saw and what a snapshot shows agree with what the changes before them give: \
      what `custody replay` compares. A word that was seen a moment before the entry of another CPU that explains it \
      is racy.
      """,
    source: "design §1: divergence",
    meaning: "an entry is missing, moved or altered, or memory changed without the hypervisor")
}

extension Audit {
  static func finding(_ found: ReplayDifference, _ entry: Entry) -> AuditFinding {
    var entry = entry
    entry.seq = found.seq
    entry.action = found.transition
    var finding = AuditFinding(
      .divergence, at: entry, expected: "\(found.table.name) \(found.replayed), as replayed", found: found.seen)
    finding.space = found.space
    finding.pages = found.pages
    return finding
  }
}
