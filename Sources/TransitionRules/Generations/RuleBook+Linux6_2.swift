// Why: 6.2 and 6.3 (spec §4.2): donation in both directions, pins, and a pin count that keeps the host from
// taking back what the hypervisor uses. Memory that the kernel must not map is no longer accepted.

import PageOwnership

extension RuleBook {
  static let linux6_2: RuleBook = {
    var book = RuleBook(.linux6_2, after: linux6_1)
    book.traits.nomapIsMemory = false
    book.amend(.hostUnshareHyp) { rules in
      rules.checks.insert(Row.notPinned(.target, "hyp_ack_unshare"), at: 3)
    }
    book.add(
      OperationRules(
        .hostDonateHyp, .range,
        checks: walked(.source, .host, .owned, "host_request_owned_transition")
          + walked(.target, .hyp, .noPage, "hyp_ack_donation").map(\.debugOnly),
        applies: [
          write(.disown, .source, .host, .noPage, .hostOwner(.hyp), "host_initiate_donation"),
          write(.own, .target, .hyp, .owned, .hypMapping, "hyp_complete_donation"),
        ]))
    book.add(
      OperationRules(
        .hypDonateHost, .range,
        checks: walked(.source, .hyp, .owned, "hyp_request_donation")
          + walked(.target, .host, .noPage, "host_ack_donation").map(\.debugOnly),
        applies: [
          write(.disown, .source, .hyp, .noPage, .hypUnmapping, "hyp_initiate_donation"),
          write(.own, .target, .host, .owned, .hostOwner(.host), "host_complete_donation"),
        ]))
    book.addPins(
      checks: walked(.source, .host, .sharedOwned, "__host_check_page_state_range")
        + walked(.target, .hyp, .sharedBorrowed, "__hyp_check_page_state_range"))
    return book
  }()

  /// Pins and their end, page by page.
  mutating func addPins(checks: [CheckRule]) {
    add(
      OperationRules(
        .pin, .bytes, checks: checks,
        applies: [
          ApplyRule(.pin, .target, .hyp, store: .references(1), failure: .warnAndStop, step: "hyp_page_ref_inc")
        ], appliesPageByPage: true))
    add(
      OperationRules(
        .unpin, .bytes, checks: [],
        applies: [
          ApplyRule(.unpin, .target, .hyp, store: .references(-1), failure: .warnAndStop, step: "hyp_page_ref_dec")
        ], appliesPageByPage: true))
  }
}
