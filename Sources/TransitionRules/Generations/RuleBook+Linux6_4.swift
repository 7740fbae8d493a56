// Why: 6.4 to 6.13 (spec §4.2): whether a page is memory is asked of its address and not of its leaf, so
// that device space reads NOPAGE and is refused with everything else (CVE-2023-21264); the secure world as a
// borrower that has no table.

import PageOwnership

extension RuleBook {
  static let linux6_4: RuleBook = {
    var book = RuleBook(.linux6_4, after: linux6_2)
    for operation in book.operations {
      book.amend(operation) { rules in rules.checks.removeAll { $0.condition == .leafMapsMemory } }
    }
    let owned = "host_request_owned_transition"
    let shared = "host_request_unshare"
    book.add(
      OperationRules(
        .hostShareFFA, .range,
        checks: [Row.inside(.source, .host, owned), Row.source(.host, .owned, owned)],
        applies: [write(.lend, .source, .host, .sharedOwned, .hostMapping, "host_initiate_share")]))
    book.add(
      OperationRules(
        .hostUnshareFFA, .range,
        checks: [Row.inside(.source, .host, shared), Row.source(.host, .sharedOwned, shared)],
        applies: [write(.endLend, .source, .host, .owned, .hostMapping, "host_initiate_unshare")]))
    return book
  }()
}
