// Why: the invariants of page ownership (spec §10) that one page's account decides, each defined once, for
// the search over small machines and for audits. Not here: invariants about order, locks and guests' lives.

/// What must hold of every page of memory at every moment at which no transition is inside it.
package enum OwnershipInvariant: UInt8, Hashable, Sendable, CaseIterable {
  /// I1: exactly one space owns the page.
  case oneOwner
  /// I2: what its owner says is lent is borrowed by somebody.
  case lentIsBorrowed
  /// I2: what somebody borrows is lent by its owner.
  case borrowedIsLent
  /// I3: only guests borrow the same page side by side.
  case oneKindOfBorrower
  /// I5: the host counts the guests that borrow the page, and counts none else.
  case shareCountIsRight
  /// I6: the host's table names another owner only of pages that the host does not have.
  case namedOwnerMeansNoPage
  /// I7: the owner that the host's table names has the page.
  case namedOwnerHasPage
  /// I8: the host does not have what the hypervisor or a guest has for itself.
  case hostGivesWay
  /// I9: a pinned page is lent by the host and borrowed by the hypervisor.
  case pinnedIsShared
  /// I9: the hypervisor maps a page as long as it has it or has pinned it, and no longer.
  case mappedWhileUsed

  /// The number that the specification gives it.
  package var id: String {
    switch self {
    case .oneOwner: "I1"
    case .lentIsBorrowed, .borrowedIsLent: "I2"
    case .oneKindOfBorrower: "I3"
    case .shareCountIsRight: "I5"
    case .namedOwnerMeansNoPage: "I6"
    case .namedOwnerHasPage: "I7"
    case .hostGivesWay: "I8"
    case .pinnedIsShared, .mappedWhileUsed: "I9"
    }
  }

  /// What must hold, in words.
  package var title: String {
    switch self {
    case .oneOwner: "exactly one space owns the page"
    case .lentIsBorrowed: "what is lent is borrowed by somebody"
    case .borrowedIsLent: "what is borrowed is lent by its owner"
    case .oneKindOfBorrower: "only guests borrow a page side by side"
    case .shareCountIsRight: "the share count is the number of guests that borrow"
    case .namedOwnerMeansNoPage: "the host's table names an owner only of pages that the host does not have"
    case .namedOwnerHasPage: "the owner that the host's table names has the page"
    case .hostGivesWay: "the host does not have what another has for itself"
    case .pinnedIsShared: "a pinned page is shared with the hypervisor"
    case .mappedWhileUsed: "the hypervisor maps a page exactly while it has or pins it"
    }
  }
}

/// Some invariants.
package struct InvariantSet: OptionSet, Hashable, Sendable {
  /// A bit for each invariant.
  package var rawValue: UInt16

  /// Takes the bits.
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  /// The set of one.
  package init(_ invariant: OwnershipInvariant) { rawValue = 1 << invariant.rawValue }

  /// Its members, in order.
  package var invariants: [OwnershipInvariant] { OwnershipInvariant.allCases.filter { contains(InvariantSet($0)) } }
}

extension PageAccount {
  /// The invariants that certainly do not hold; what is unknown is not held against anybody.
  package var broken: InvariantSet {
    var broken: InvariantSet = []
    func judge(_ invariant: OwnershipInvariant, _ holds: Bool?) {
      if holds == false { broken.insert(InvariantSet(invariant)) }
    }
    judge(.oneOwner, hasOneOwner)
    judge(.lentIsBorrowed, isLentBorrowed)
    judge(.borrowedIsLent, isBorrowedLent)
    judge(.oneKindOfBorrower, hasOneKindOfBorrower)
    judge(.shareCountIsRight, isShareCountRight)
    judge(.namedOwnerMeansNoPage, isNamedOwnerAlone)
    judge(.namedOwnerHasPage, hasNamedOwner)
    judge(.hostGivesWay, givesWay)
    judge(.pinnedIsShared, isPinnedShared)
    judge(.mappedWhileUsed, isMappedWhileUsed)
    return broken
  }

  private var areStatesKnown: Bool { host.state != .unknown && hyp != .unknown }

  private var hasOneOwner: Bool? {
    guard areStatesKnown, let guestOwners, let guestLenders else { return nil }
    return (host.state.isOwning ? 1 : 0) + (hyp.isOwning ? 1 : 0) + guestOwners + guestLenders == 1
  }

  // A page that seems to be borrowed by nobody may be lent to the secure world, which nothing records.
  private var isLentBorrowed: Bool? {
    guard areStatesKnown, let guestBorrowers, let guestLenders else { return nil }
    if host.state == .sharedOwned, hyp != .sharedBorrowed, guestBorrowers == 0 { return isLentToSecureWorld }
    if hyp == .sharedOwned || guestLenders > 0 { return host.state == .sharedBorrowed }
    return true
  }

  private var isBorrowedLent: Bool? {
    guard areStatesKnown, let guestBorrowers, let guestLenders else { return nil }
    let isBorrowedOfHost = hyp == .sharedBorrowed || guestBorrowers > 0 || isLentToSecureWorld == true
    if isBorrowedOfHost, host.state != .sharedOwned { return false }
    return host.state != .sharedBorrowed || hyp == .sharedOwned || guestLenders > 0
  }

  private var hasOneKindOfBorrower: Bool? {
    guard let guestBorrowers, hyp != .unknown else { return nil }
    let kinds = (hyp == .sharedBorrowed ? 1 : 0) + (guestBorrowers > 0 ? 1 : 0) + (isLentToSecureWorld == true ? 1 : 0)
    return kinds <= 1
  }

  private var isShareCountRight: Bool? {
    guard let shareCount, let guestBorrowers else { return nil }
    return Int(shareCount) == guestBorrowers && (shareCount == 0 || host.state == .sharedOwned)
  }

  private var isNamedOwnerAlone: Bool? {
    switch host.annotation {
    case .hyp, .guest: host.state == .unknown ? nil : host.state == .noPage
    default: nil
    }
  }

  private var hasNamedOwner: Bool? {
    switch host.annotation {
    case .hyp: hyp == .unknown ? nil : hyp == .owned
    case .guest: isNamedLeafThere
    default: nil
    }
  }

  private var givesWay: Bool? {
    guard areStatesKnown, let guestOwners else { return nil }
    return hyp != .owned && guestOwners == 0 || host.state == .noPage
  }

  // The references of pages that the hypervisor owns are its allocator's.
  private var isPinnedShared: Bool? {
    guard areStatesKnown, let pins else { return nil }
    return pins == 0 || hyp == .owned || hyp == .sharedBorrowed && host.state == .sharedOwned
  }

  private var isMappedWhileUsed: Bool? {
    guard let isMappedByHyp, let pins else { return nil }
    switch hyp {
    case .owned, .sharedOwned: return isMappedByHyp
    case .sharedBorrowed: return isMappedByHyp == (pins > 0)
    case .noPage: return !isMappedByHyp
    default: return nil
    }
  }
}
