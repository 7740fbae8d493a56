// Why: the operations on non-protected guests as 6.14 brought them (spec §4.3): single pages, a count of
// the guests that borrow each, and edits of a guest's mappings that move no ownership.

import PageOwnership

extension RuleBook {
  mutating func addGuests6_14() {
    let guestState = "__guest_check_page_state_range"
    add(
      OperationRules(
        .hostShareGuest, .one,
        checks: [Row.argument(.permissionsAllowed, .target, .guest, "prot")]
          + Row.memory(.source, "check_range_allowed_memory")
          + [
            Row.inside(.target, .guest, guestState), Row.target(.guest, .noPage, guestState),
            CheckRule(.sourceIsOwnedOrGuestShared, .source, .host, errno: Errno.notPermitted, step: "get_host_state"),
            CheckRule(.shareCountIsNotZero, .source, .host, errno: Errno.notPermitted, step: "get_host_state")
              .failing(.warnAndRefuse),
          ],
        applies: [
          Self.change(
            .lend, .source, .host, .sharedOwned, .hostState, "__host_set_page_state_range", on: .ifHostOwns),
          Self.change(.borrow, .target, .guest, .sharedBorrowed, .guestMapping, "kvm_pgtable_stage2_map"),
          Self.change(
            .addShare, .source, .host, nil, .shareCount(1), "statements after kvm_pgtable_stage2_map"),
        ]))
    add(
      OperationRules(
        .hostUnshareGuest, .one, checks: Self.hostSharedGuest,
        applies: [
          ApplyRule(
            .endBorrow, .target, .guest, newState: .noPage, store: .guestUnmapping, failure: .returnErrno,
            step: "kvm_pgtable_stage2_unmap"),
          Self.change(
            .dropShare, .source, .host, nil, .shareCount(-1), "statements after kvm_pgtable_stage2_unmap"),
          Self.change(
            .endLend, .source, .host, .owned, .hostState, "__host_set_page_state_range", on: .ifNoGuestBorrows),
        ]))
    addAttributes6_14()
  }

  /// What must hold of a page that the host lent to a guest.
  static let hostSharedGuest: [CheckRule] = [
    Row.inside(.target, .guest, sharedGuest),
    CheckRule(.guestLeafIsMapped, .target, .guest, errno: Errno.noEntry, step: sharedGuest),
    CheckRule(.guestLeafHasSize, .target, .guest, errno: Errno.tooBig, step: sharedGuest),
    Row.target(.guest, .sharedBorrowed, sharedGuest),
    CheckRule(.guestLeafMapsMemory, .target, .guest, errno: Errno.notPermitted, step: sharedGuest)
      .failing(.warnAndRefuse),
    Row.source(.host, .sharedOwned, sharedGuest),
    CheckRule(.shareCountIsNotZero, .source, .host, errno: Errno.invalid, step: sharedGuest)
      .failing(.warnAndRefuse),
  ]

  /// The same as an assertion: made only with EL2 debugging, where any failure but "nothing is mapped" is a warning.
  static func asserted(_ rules: [CheckRule]) -> [CheckRule] {
    rules.map { rule in
      let failure: CheckFailure = rule.condition == .guestLeafIsMapped ? .leavePhase : .warnAndGoOn
      let warnings = failure == .leavePhase ? 0 : rule.warnings + 1
      var asserted = rule.failing(failure, errno: 0, warnings: warnings).debugOnly
      asserted.kernelStep = "assert_host_shared_guest"
      return asserted
    }
  }

  private mutating func addAttributes6_14() {
    let unprotected = CheckRule(
      .guestIsNotProtected, .target, .guest, errno: Errno.notPermitted, step: "pkvm_hyp_vm_is_protected")
    let asserted = Self.asserted(Self.hostSharedGuest)
    let edits: [(Operation, Store, String)] = [
      (.guestRelaxPerms, .guestPermissions, "kvm_pgtable_stage2_relax_perms"),
      (.guestWriteProtect, .guestWriteProtection, "kvm_pgtable_stage2_wrprotect"),
      (.guestTestClearYoung, .guestAge, "kvm_pgtable_stage2_test_clear_young"),
      (.guestMakeYoung, .guestYouth, "kvm_pgtable_stage2_mkyoung"),
    ]
    for (operation, store, step) in edits {
      let arguments =
        operation == .guestRelaxPerms ? [Row.argument(.permissionsAllowed, .target, .guest, "prot")] : []
      add(
        OperationRules(
          operation, .one, checks: [unprotected] + arguments + asserted,
          applies: [
            ApplyRule(.changeAttributes, .target, .guest, store: store, failure: .returnErrno, step: step)
          ]))
    }
  }
}
