// Why: a pin that nobody drops keeps a page shared for ever. Judged where pages are counted (I21).

extension AuditRule {
  static let pinBalance = AuditRule(
    "pin-balance", .balance, .warning, title: "pins made for guests are dropped",
    explanation: """
      A guest's structures in the host are pinned for the guest's life. Counted by transitions inside calls: when a \
      guest has died, none is left and no call is under way, as many pins were dropped as were made.
      """,
    source: "spec I9, I21; pkvm.c",
    meaning: "the host never gets back what it lent")
}
