// Why: 7.1 and later (spec §4.5). Protected guests own pages, lend them to the host and lose them by
// reclaim; annotations name the guest and its address; what can fail is checked before anything is written;
// the host gets its pages back mapped.

import PageOwnership

extension RuleBook {
  static let linux7_1: RuleBook = {
    var book = RuleBook(.linux7_1, after: linux6_18)
    book.traits.foreignFaultIsFatal = false
    book.traits.mapsReturnedPages = true
    book.traits.relaxOnUnmapped = Errno.tryAgain
    book.traits.protection = .wide
    book.amend(.hostFault) { rules in rules.checks[2].errno = Errno.exists }
    let counted = "__hyp_check_page_count_range"
    book.amend(.hostUnshareHyp) { rules in rules.checks[rules.checks.count - 1].kernelStep = counted }
    book.amend(.hypDonateHost) { rules in rules.checks.append(Row.notPinned(.source, counted)) }
    book.amend(.hostShareGuest) { rules in rules.checks.append(memcache) }
    book.addProtectedGuests()
    book.addReclaim()
    book.add(poisonQuery)
    return book
  }()

  /// Whether a guest faulted on a page that was taken away by force; its table must reach down to page level.
  private static let poisonQuery = OperationRules(
    .vcpuInPoisonFault, .one,
    checks: [
      Row.inside(.source, .guest, "kvm_pgtable_get_leaf"),
      CheckRule(.guestWalkReachesPage, .source, .guest, errno: Errno.invalid, step: "kvm_pgtable_get_leaf"),
    ],
    applies: [
      ApplyRule(.query, .source, .guest, store: .guestPoisonQuery, failure: .returnErrno, step: "guest_pte_is_poisoned")
    ])

  private static let guestLeaf = "get_valid_guest_pte"
  private static let memcache = CheckRule(
    .memcacheSuffices, .target, .guest, errno: Errno.noMemory, step: "__guest_check_pgtable_memcache")

  /// The leaf of a guest's page: not poisoned, mapped, of page size, memory.
  private static let guestLeafRules: [CheckRule] = [
    Row.inside(.source, .guest, guestLeaf),
    CheckRule(.guestLeafIsNotPoisoned, .source, .guest, errno: Errno.poisoned, step: guestLeaf),
    CheckRule(.guestLeafIsMapped, .source, .guest, errno: Errno.noEntry, step: guestLeaf),
    CheckRule(.guestLeafHasSize, .source, .guest, errno: Errno.tooBig, step: guestLeaf),
    CheckRule(.guestLeafMapsMemory, .source, .guest, errno: Errno.notPermitted, step: guestLeaf)
      .failing(.warnAndRefuse),
  ]

  private mutating func addProtectedGuests() {
    let guestState = "__guest_check_page_state_range"
    let prot = "kvm_pgtable_stage2_pte_prot"
    let map = "kvm_pgtable_stage2_map"
    let annotate = "host_stage2_set_owner_metadata_locked"
    let encode = "host_stage2_encode_gfn_meta"
    add(
      OperationRules(
        .hostDonateGuest, .one,
        checks: Self.hostCheck(.source, .owned)
          + [Row.inside(.target, .guest, guestState), Row.target(.guest, .noPage, guestState), Self.memcache],
        applies: [
          Self.change(.encode, .source, .host, nil, .nothing, encode),
          Self.change(.disown, .source, .host, .noPage, .hostOwner(.guest), annotate),
          Self.change(.own, .target, .guest, .owned, .guestMapping, map),
        ]))
    add(
      OperationRules(
        .guestShareHost, .one,
        checks: Self.guestLeafRules + [Row.source(.guest, .owned, prot)] + Self.hostCheck(.target, .noPage),
        applies: [
          Self.change(.lend, .source, .guest, .sharedOwned, .guestMapping, map),
          Self.change(.borrow, .target, .host, .sharedBorrowed, .hostState, "__host_set_page_state_range"),
        ]))
    add(
      OperationRules(
        .guestUnshareHost, .one,
        checks: Self.guestLeafRules + [Row.source(.guest, .sharedOwned, prot)]
          + Self.hostCheck(.target, .sharedBorrowed),
        applies: [
          Self.change(.encode, .target, .host, nil, .nothing, encode),
          Self.change(.endBorrow, .target, .host, .noPage, .hostOwner(.guest), annotate),
          Self.change(.endLend, .source, .guest, .owned, .guestMapping, map),
        ]))
  }

  private mutating func addReclaim() {
    let info = "host_stage2_get_guest_info"
    add(
      OperationRules(
        .hostReclaimGuest, .one,
        checks: Self.guestLeafRules.map {
          $0.condition == .guestLeafIsNotPoisoned ? $0.failing(.finish, warnings: 0) : $0
        }
          + [
            CheckRule(
              .sourceIsOwnedOrShared, .source, .guest, errno: Errno.notPermitted, step: "guest_get_page_state")
          ]
          + Self.hostCheck(.target, .noPage).map { $0.onlyIf(guest: .owned).failing(.warnAndGoOn) }
          + Self.hostCheck(.target, .sharedBorrowed).map { $0.onlyIf(guest: .sharedOwned).failing(.warnAndGoOn) },
        applies: [
          Self.change(.scrub, .source, nil, nil, .contents, "hyp_poison_page", on: .ifGuest(.owned)),
          Self.change(.disown, .source, .guest, .noPage, .guestUnmapping, "kvm_pgtable_stage2_unmap"),
          Self.change(.own, .target, .host, .owned, .hostOwner(.host), "host_stage2_set_owner_locked"),
        ]))
    add(
      OperationRules(
        .hostForceReclaim, .one,
        checks: [
          CheckRule(.inMemoryRegion, .target, nil, errno: Errno.badAddress, step: info),
          CheckRule(.hostHasNoAccess, .target, .host, errno: Errno.tryAgain, step: info),
          Row.target(.host, .noPage, info),
          CheckRule(.hostLeafIsInvalidPage, .target, .host, errno: Errno.invalid, step: info).failing(.warnAndRefuse),
          CheckRule(.hostLeafIsDonation, .target, .host, errno: Errno.invalid, step: info),
          CheckRule(.hostNamesGuest, .target, .host, errno: Errno.notPermitted, step: info),
          CheckRule(.guestIsKnown, .source, .guest, errno: Errno.tryAgain, step: info),
        ] + Self.guestLeafRules
          + [
            CheckRule(.guestLeafMapsPage, .source, .guest, errno: 0, step: Self.guestLeaf)
              .failing(.warnAndGoOn),
            Row.source(.guest, .owned, "guest_get_page_state"),
          ],
        applies: [
          ApplyRule(
            .poison, .source, .guest, newState: .poison, store: .guestPoison, failure: .returnErrno,
            step: "kvm_pgtable_stage2_annotate"),
          Self.change(.scrub, .source, nil, nil, .contents, "hyp_poison_page"),
          Self.change(.own, .target, .host, .owned, .hostOwner(.host), "host_stage2_set_owner_locked"),
        ]))
  }
}
