// Why: 6.14 and 6.15 (spec §4.3). The host's state moves into the page metadata and every range must be
// memory of one region; the other side is written first; a failing apply warns and the operation goes on.
// Non-protected guests appear.

import PageOwnership

extension RuleBook {
  static let linux6_14: RuleBook = {
    var book = RuleBook(.linux6_14, after: linux6_4)
    book.addHyp6_14()
    book.addFFA6_14()
    book.addPins(
      checks: hostCheck(.source, .sharedOwned) + [
        Row.inside(.target, .hyp, hypState), hypCheck(.target, .sharedBorrowed),
      ])
    book.addGuests6_14()
    book.amend(.hostFault) { rules in
      rules.checks.insert(
        CheckRule(.stateAgreesWithLeaf, .source, .host, errno: 0, step: "host_stage2_adjust_range").failing(
          .warnAndGoOn),
        at: 3)
    }
    return book
  }()

  static let hypState = "__hyp_check_page_state_range"
  static let sharedGuest = "__check_host_shared_guest"

  /// The host's check since 6.14: memory of one region, then the state of each page in the metadata.
  static func hostCheck(_ side: Side, _ state: PageState) -> [CheckRule] {
    let step = "__host_check_page_state_range"
    return Row.memory(side, step) + [side == .source ? Row.source(.host, state, step) : Row.target(.host, state, step)]
  }

  /// The hypervisor's state of each page.
  static func hypCheck(_ side: Side, _ state: PageState) -> CheckRule {
    side == .source ? Row.source(.hyp, state, hypState) : Row.target(.hyp, state, hypState)
  }

  /// An apply since 6.14: a failure is a warning, and the operation goes on.
  static func change(
    _ effect: Effect, _ side: Side, _ subject: SpaceKind?, _ state: PageState?, _ store: Store,
    _ step: String, on occasion: ApplyOccasion = .always
  ) -> ApplyRule {
    ApplyRule(
      effect, side, subject, newState: state, store: store, occasion: occasion, failure: .warnAndGoOn, step: step)
  }

  private mutating func addHyp6_14() {
    let setHost = "__host_set_page_state_range"
    let walk = [Row.inside(.target, .hyp, Self.hypState), Self.hypCheck(.target, .noPage)].map(\.debugOnly)
    add(
      OperationRules(
        .hostShareHyp, .one, checks: Self.hostCheck(.source, .owned) + walk,
        applies: [
          Self.change(.borrow, .target, .hyp, .sharedBorrowed, .hypMapping, "pkvm_create_mappings_locked"),
          Self.change(.lend, .source, .host, .sharedOwned, .hostState, setHost),
        ]))
    add(
      OperationRules(
        .hostUnshareHyp, .one,
        checks: Self.hostCheck(.source, .sharedOwned)
          + [
            Row.inside(.target, .hyp, Self.hypState), Self.hypCheck(.target, .sharedBorrowed),
            Row.notPinned(.target, "hyp_page_count"),
          ],
        applies: [
          Self.change(.endBorrow, .target, .hyp, .noPage, .hypUnmapping, "kvm_pgtable_hyp_unmap"),
          Self.change(.endLend, .source, .host, .owned, .hostState, setHost),
        ]))
    add(
      OperationRules(
        .hostDonateHyp, .range, checks: Self.hostCheck(.source, .owned) + walk,
        applies: [
          Self.change(.own, .target, .hyp, .owned, .hypMapping, "pkvm_create_mappings_locked"),
          Self.change(.disown, .source, .host, .noPage, .hostOwner(.hyp), "host_stage2_set_owner_locked"),
        ]))
    add(
      OperationRules(
        .hypDonateHost, .range,
        checks: [Row.inside(.source, .hyp, Self.hypState), Self.hypCheck(.source, .owned)]
          + Self.hostCheck(.target, .noPage).map(\.debugOnly),
        applies: [
          Self.change(.disown, .source, .hyp, .noPage, .hypUnmapping, "kvm_pgtable_hyp_unmap"),
          Self.change(.own, .target, .host, .owned, .hostOwner(.host), "host_stage2_set_owner_locked"),
        ]))
  }

  private mutating func addFFA6_14() {
    let step = "__host_set_page_state_range"
    add(
      OperationRules(
        .hostShareFFA, .range, checks: Self.hostCheck(.source, .owned),
        applies: [
          ApplyRule(
            .lend, .source, .host, newState: .sharedOwned, store: .hostState, failure: .returnErrno, step: step)
        ]))
    add(
      OperationRules(
        .hostUnshareFFA, .range, checks: Self.hostCheck(.source, .sharedOwned),
        applies: [
          ApplyRule(.endLend, .source, .host, newState: .owned, store: .hostState, failure: .returnErrno, step: step)
        ]))
  }
}
