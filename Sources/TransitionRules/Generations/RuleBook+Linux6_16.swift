// Why: 6.16 and 6.17 (spec §4.4). The hypervisor's state moves into the page metadata too and both sides
// are checked in every build; a shared page is mapped at EL2 only while it is pinned; guests borrow pages or
// whole blocks.

import PageOwnership

extension RuleBook {
  static let linux6_16: RuleBook = {
    var book = RuleBook(.linux6_16, after: linux6_14)
    book.traits.countsFrames = true
    for operation in [Operation.hostShareHyp, .hostUnshareHyp, .hostDonateHyp, .hypDonateHost, .pin] {
      book.amend(operation) { rules in
        rules.checks.removeAll { $0.condition == .insideTable && $0.subject == .hyp }
        for index in rules.checks.indices { rules.checks[index].needsDebug = false }
      }
    }
    let setHyp = "__hyp_set_page_state_range"
    book.amend(.hostShareHyp) { rules in
      rules.applies[0] = change(.borrow, .target, .hyp, .sharedBorrowed, .hypState, setHyp)
    }
    book.amend(.hostUnshareHyp) { rules in
      rules.applies[0] = change(.endBorrow, .target, .hyp, .noPage, .hypState, setHyp)
    }
    book.amend(.hostDonateHyp) { rules in
      rules.applies[0] = change(.own, .target, .hyp, .owned, .hypState, setHyp)
      rules.applies.insert(change(.map, .target, .hyp, nil, .hypMapping, "pkvm_create_mappings_locked"), at: 1)
    }
    book.amend(.hypDonateHost) { rules in
      rules.applies[0] = change(.disown, .source, .hyp, .noPage, .hypState, setHyp)
      rules.applies.insert(change(.unmap, .source, .hyp, nil, .hypUnmapping, "kvm_pgtable_hyp_unmap"), at: 1)
    }
    book.amend(.pin) { rules in
      rules.applies.append(
        change(.map, .target, .hyp, nil, .hypMapping, "pkvm_create_mappings_locked", on: .ifReferencedOnce))
    }
    book.amend(.unpin) { rules in
      rules.applies.insert(
        change(.unmap, .target, .hyp, nil, .hypUnmapping, "kvm_pgtable_hyp_unmap", on: .ifReferencedOnce), at: 0)
    }
    book.amendGuests6_16()
    return book
  }()

  private mutating func amendGuests6_16() {
    let size = Row.argument(.sizeIsValid, .target, .guest, "__guest_check_transition_size")
    amend(.hostShareGuest) { rules in
      rules.counting = .pageOrBlock
      rules.checks.insert(size, at: 1)
      let last = rules.checks.count - 1
      rules.checks[last] = rules.checks[last].failing(.refuse, warnings: 0)
      rules.checks.insert(
        CheckRule(.shareCountHasRoom, .source, .host, errno: Errno.busy, step: "get_host_state"), at: last)
      rules.applies = [
        Self.change(.lend, .source, .host, .sharedOwned, .hostStateAlone, "set_host_state"),
        Self.change(.addShare, .source, .host, nil, .shareCount(1), "set_host_state"),
        Self.change(.borrow, .target, .guest, .sharedBorrowed, .guestMapping, "kvm_pgtable_stage2_map"),
      ]
    }
    amend(.hostUnshareGuest) { rules in
      rules.counting = .pageOrBlock
      rules.checks.insert(size, at: 0)
      rules.applies[2] = Self.change(
        .endLend, .source, .host, .owned, .hostStateAlone, "set_host_state", on: .ifNoGuestBorrows)
    }
    for operation in [Operation.guestWriteProtect, .guestTestClearYoung] {
      amend(operation) { rules in
        rules.counting = .pageOrBlock
        rules.checks.insert(size, at: 1)
      }
    }
  }
}
