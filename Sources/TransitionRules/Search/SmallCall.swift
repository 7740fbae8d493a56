// Why: the calls that a search tries, and what comes of one. Not here: how they are performed (SmallMachine).

package import PageOwnership

/// One operation with arguments, on a machine whose pages and guests' addresses are numbered from 0.
package struct SmallCall: Hashable, Sendable {
  /// What is attempted.
  package var operation: Operation
  /// The first page; 0 where the operation names none.
  package var page = 0
  /// How many pages.
  package var count = 1
  /// The guest; 0 where the operation names none.
  package var guest = 0
  /// The guest's address.
  package var guestPage = 0

  /// The number of the guest's address among those of all guests.
  var leaf: Int { guest * SmallState.pageLimit + guestPage }
}

/// What came of a call.
struct SmallOutcome: Hashable, Sendable {
  /// How it ended.
  enum Ending: Hashable, Sendable {
    case completed, refused
    /// The hypervisor warned, which is fatal at EL2; the state is what it was just before.
    case fatal
  }

  var ending: Ending
  /// A check that this build leaves out and that would have failed.
  var unchecked: Condition?
}

extension Operation {
  /// Which arguments an operation takes, as far as a search is concerned.
  enum SmallArguments: Hashable, Sendable {
    case pages, pageAndGuest, guest, page
  }

  /// The arguments; nil for operations that move no ownership, which a search leaves out.
  var smallArguments: SmallArguments? {
    switch self {
    case .hostShareHyp, .hostUnshareHyp, .hostForceReclaim: .page
    case .hostDonateHyp, .hypDonateHost, .pin, .unpin, .hostShareFFA, .hostUnshareFFA: .pages
    case .hostShareGuest, .hostDonateGuest: .pageAndGuest
    case .hostUnshareGuest, .guestShareHost, .guestUnshareHost, .hostReclaimGuest: .guest
    case .guestRelaxPerms, .guestWriteProtect, .guestTestClearYoung, .guestMakeYoung, .vcpuInPoisonFault, .hostFault,
      .bootFixup:
      nil
    }
  }
}

extension SmallCall {
  /// Every call of an operation on a machine of some size.
  static func all(_ operation: Operation, pages: Int, guests: Int) -> [SmallCall] {
    switch operation.smallArguments {
    case .page: return (0..<pages).map { SmallCall(operation: operation, page: $0) }
    case .pages:
      return (0..<pages).flatMap { first in
        (1...pages - first).map { SmallCall(operation: operation, page: first, count: $0) }
      }
    case .guest: return addresses(guests, pages).map { SmallCall(operation: operation, guest: $0, guestPage: $1) }
    case .pageAndGuest:
      return (0..<pages).flatMap { page in
        addresses(guests, pages).map { SmallCall(operation: operation, page: page, guest: $0, guestPage: $1) }
      }
    case nil: return []
    }
  }

  private static func addresses(_ guests: Int, _ pages: Int) -> [(Int, Int)] {
    (0..<guests).flatMap { guest in (0..<pages).map { (guest, $0) } }
  }
}
