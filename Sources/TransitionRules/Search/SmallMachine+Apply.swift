// Why: what each store of the tables does to a page, a counter or a guest's address of a small machine.

import PageOwnership

extension SmallMachine {
  /// Performs the applies in the generation's order; false if one fails, which is fatal at EL2.
  func apply(_ run: inout SmallRun, _ rules: SmallRules) -> Bool {
    if rules.appliesPageByPage {
      for page in run.pages {
        for index in rules.applies where !apply(&run, table.applies[index], page) { return false }
      }
    } else {
      for index in rules.applies {
        for page in run.pages where !apply(&run, table.applies[index], page) { return false }
      }
    }
    return true
  }

  private func apply(_ run: inout SmallRun, _ rule: SmallApply, _ page: Int) -> Bool {
    guard isDue(rule.occasion, run, page) else { return true }
    if let leaf = run.leaf, storeGuest(&run, rule, leaf, page) { return true }
    guard page >= 0 else { return true }
    var account = run.state[page: page]
    defer { run.state[page: page] = account }
    switch rule.store {
    case .hypUnmapping:
      guard account.isMapped else { return !rule.isFallible }
      account.isMapped = false
      if let state = rule.newState { account.hyp = state }
    case .references(let step):
      guard step > 0 ? account.pins < 3 : account.pins > 0 else { return false }
      account.pins = step > 0 ? account.pins + 1 : account.pins - 1
    case .shareCount(let step):
      guard step > 0 || account.shareCount > 0 else { return false }
      account.shareCount = step > 0 ? account.shareCount + 1 : account.shareCount - 1
    default: store(&account, rule, run)
    }
    noteSecureWorld(&account, run.call.operation)
    return true
  }

  private func isDue(_ occasion: ApplyOccasion, _ run: SmallRun, _ page: Int) -> Bool {
    switch occasion {
    case .always: true
    case .ifHostOwns: run.state(.host, page) == .owned
    case .ifGuest(let state): run.guestState == state
    case .ifReferencedOnce: page >= 0 && run.state[page: page].pins == 1
    case .ifNoGuestBorrows: page >= 0 && run.state[page: page].shareCount == 0
    }
  }

  // Whether the store was one to a guest's table, and is done.
  private func storeGuest(_ run: inout SmallRun, _ rule: SmallApply, _ leaf: Int, _ page: Int) -> Bool {
    switch rule.store {
    case .guestMapping:
      if let state = rule.newState { run.state[leaf: leaf] = SmallLeaf(state, page: page) }
    case .guestUnmapping: run.state[leaf: leaf] = .unmapped
    case .guestPoison: run.state[leaf: leaf] = .poisoned
    default: return false
    }
    return true
  }

  // Stores that cannot fail.
  private func store(_ account: inout SmallPage, _ rule: SmallApply, _ run: SmallRun) {
    switch rule.store {
    case .hostMapping, .hostState:
      // A page that the host may not touch is mapped first.
      account.named = SmallPage.nobody
      if let state = rule.newState { account.host = state }
    case .hostStateAlone:
      if let state = rule.newState { account.host = state }
    case .hostOwner(let owner):
      account.host = rule.newState ?? account.host
      account.named = name(of: owner, run)
    case .hypMapping:
      account.isMapped = true
      if let state = rule.newState { account.hyp = state }
    case .hypState:
      if let state = rule.newState { account.hyp = state }
    default: break
    }
  }

  private func name(of owner: SpaceKind, _ run: SmallRun) -> UInt16 {
    switch owner {
    case .hyp: SmallPage.hypervisor
    case .guest: run.leaf.map { UInt16($0) + SmallPage.firstLeaf } ?? SmallPage.nobody
    default: SmallPage.nobody
    }
  }

  private func noteSecureWorld(_ account: inout SmallPage, _ operation: Operation) {
    switch operation {
    case .hostShareFFA: account.isLentToSecureWorld = true
    case .hostUnshareFFA: account.isLentToSecureWorld = false
    default: break
    }
  }
}

extension SmallMachine {
  /// What all spaces say of a page.
  func account(of page: Int, in state: SmallState) -> PageAccount {
    let small = state[page: page]
    var account = PageAccount()
    account.host = Holding(small.host, annotation(small))
    account.hyp = small.hyp
    account.isMappedByHyp = hypStateIsMapping ? nil : small.isMapped
    account.pins = UInt32(small.pins)
    account.shareCount = UInt32(small.shareCount)
    account.isLentToSecureWorld = small.isLentToSecureWorld
    var owners = 0
    var lenders = 0
    var borrowers = 0
    for guest in 0..<guestCount {
      for address in 0..<pageCount {
        let leaf = state[leaf: guest * SmallState.pageLimit + address]
        guard leaf.page == page else { continue }
        switch leaf.state {
        case .owned: owners += 1
        case .sharedOwned: lenders += 1
        default: borrowers += 1
        }
      }
    }
    account.guestOwners = owners
    account.guestLenders = lenders
    account.guestBorrowers = borrowers
    account.isNamedLeafThere = small.namedLeaf.map { state[leaf: $0].page == page }
    return account
  }

  private func annotation(_ page: SmallPage) -> OwnerAnnotation {
    if let leaf = page.namedLeaf {
      let guest = UInt16(leaf / SmallState.pageLimit)
      let address = UInt64(leaf % SmallState.pageLimit)
      return .guest(handle: VMHandle(rawValue: 0x1000 + guest), gfn: PageFrame(address))
    }
    return page.named == SmallPage.hypervisor ? .hyp : .none
  }
}
