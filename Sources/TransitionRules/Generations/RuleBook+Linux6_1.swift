// Why: 5.18 to 6.1 (spec §4.1). The host lends single pages to the hypervisor and takes them back; all
// states are in the software bits of the two tables. The first generation: all later ones are told by what
// differs from here on.

import PageOwnership

extension RuleBook {
  static let linux6_1: RuleBook = {
    var traits = GenerationTraits()
    traits.nomapIsMemory = true
    var book = RuleBook(.linux6_1, traits)
    book.add(
      OperationRules(
        .hostShareHyp, .one,
        checks: walked(.source, .host, .owned, "host_request_owned_transition")
          + [Row.argument(.permissionsAllowed, .target, .hyp, errno: Errno.notPermitted, "hyp_ack_share")]
          + walked(.target, .hyp, .noPage, "hyp_ack_share").map(\.debugOnly),
        applies: [
          write(.lend, .source, .host, .sharedOwned, .hostMapping, "host_initiate_share"),
          write(.borrow, .target, .hyp, .sharedBorrowed, .hypMapping, "hyp_complete_share"),
        ]))
    book.add(
      OperationRules(
        .hostUnshareHyp, .one,
        checks: walked(.source, .host, .sharedOwned, "host_request_unshare")
          + walked(.target, .hyp, .sharedBorrowed, "hyp_ack_unshare").map(\.debugOnly),
        applies: [
          write(.endLend, .source, .host, .owned, .hostMapping, "host_initiate_unshare"),
          write(.endBorrow, .target, .hyp, .noPage, .hypUnmapping, "hyp_complete_unshare"),
        ]))
    book.add(hostFault)
    return book
  }()

  /// A fault of the host on its own stage 2 is answered with the largest mapping that fits; no ownership moves.
  private static let hostFault = OperationRules(
    .hostFault, .one,
    checks: [
      Row.argument(.regionIsKnown, .source, nil, errno: 0, "find_mem_range"),
      Row.inside(.source, .host, "host_stage2_adjust_range"),
      CheckRule(.leafIsUnmapped, .source, .host, errno: Errno.tryAgain, step: "host_stage2_adjust_range"),
      CheckRule(.leafNamesNobody, .source, .host, errno: Errno.notPermitted, step: "host_stage2_adjust_range"),
    ],
    applies: [
      ApplyRule(
        .map, .source, .host, store: .hostMapping, failure: .returnErrno, step: "host_stage2_idmap_locked")
    ])

  /// A check that walks a table leaf by leaf, as up to 6.3: a mapped page that is no memory is refused first.
  static func walked(_ side: Side, _ subject: SpaceKind, _ state: PageState, _ step: String) -> [CheckRule] {
    [
      Row.inside(side, subject, step),
      CheckRule(.leafMapsMemory, side, subject, errno: Errno.invalid, step: step),
      side == .source ? Row.source(subject, state, step) : Row.target(subject, state, step),
    ]
  }

  /// An apply of up to 6.13: a failure ends the operation with a warning.
  static func write(
    _ effect: Effect, _ side: Side, _ subject: SpaceKind, _ state: PageState, _ store: Store, _ step: String
  ) -> ApplyRule {
    ApplyRule(effect, side, subject, newState: state, store: store, failure: .warnAndStop, step: step)
  }
}
