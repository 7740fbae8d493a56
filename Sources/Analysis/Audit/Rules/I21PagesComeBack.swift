// Why: what calls gave to the hypervisor for guests must be back when no guest is left.

import PageOwnership
import PageTables

extension AuditRule {
  static let pagesComeBack = AuditRule(
    "I21", .balance, .warning, title: "pages given to the hypervisor for guests come back",
    explanation: """
      Tables, structures and memcaches of a guest are the hypervisor's for the guest's life. Counted by transitions \
      inside calls: when a guest has died, none is left and no call is under way, as many pages were given back as \
      were given. Pages that no call gave (a driven machine's single donations) are not counted.
      """,
    source: "spec I21; pkvm.c; bug B10",
    meaning: "memory is lost to the host, or was given back while it is still used")
}

extension Audit {
  /// Judges pages and pins at a moment at which no guest lives and no call is under way.
  mutating func judgeQuiet(_ entry: Entry) {
    guard balance.isDue, balance.isWhole, open.isEmpty, image.livingGuests.isEmpty else { return }
    guard !calls.values.contains(where: { $0.kind != .boot && $0.function != "__pkvm_init" }) else { return }
    if balance.hypPages != 0, isJudged(.pagesComeBack) {
      let count = balance.hypPages
      let found = count > 0 ? "\(count) pages did not come back" : "\(-count) pages more came back than were given"
      report(AuditFinding(.pagesComeBack, at: entry, expected: "as many pages back as were given", found: found))
    }
    if balance.pins != 0, isJudged(.pinBalance) {
      report(
        AuditFinding(
          .pinBalance, at: entry, expected: "as many pins dropped as were made",
          found: "\(balance.pins) pins are left"))
    }
    balance.settle()
  }
}
