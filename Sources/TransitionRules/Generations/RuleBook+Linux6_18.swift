// Why: 6.18 and 7.0 (spec §4.4): frame numbers that leave the physical address space or wrap are refused
// before any lock is taken; the debug assertion no longer expects a page where a block may be.

import PageOwnership

extension RuleBook {
  static let linux6_18: RuleBook = {
    var book = RuleBook(.linux6_18, after: linux6_16)
    let valid = Row.argument(.rangeIsValid, .source, nil, "pfn_range_is_valid")
    for operation in [Operation.hostDonateHyp, .hypDonateHost, .hostShareFFA, .hostUnshareFFA] {
      book.amend(operation) { rules in rules.checks.insert(valid, at: 0) }
    }
    book.amend(.hostShareGuest) { rules in rules.checks.insert(valid, at: 1) }
    for operation in [Operation.guestRelaxPerms, .guestMakeYoung] {
      book.amend(operation) { rules in rules.checks.removeAll { $0.condition == .guestLeafHasSize } }
    }
    return book
  }()
}
