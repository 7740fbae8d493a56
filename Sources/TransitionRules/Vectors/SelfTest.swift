// Why: the kernel's own ownership selftest (`pkvm_ownership_selftest`) as a table: what it calls on one
// page, what each call must return, and what all four tables must say afterwards.

package import PageOwnership

/// A call of the selftest.
package struct SelfTestStep: Hashable, Sendable {
  /// The call.
  package var operation: Operation
  /// Whether it names the guest's second page.
  package var isSecond: Bool
  /// What it must return; nil for calls that return nothing.
  package var result: Int64?
  /// What host, hypervisor and the guest's two pages must hold afterwards.
  package var states: [PageState]
  /// The page's reference count where the selftest looks at it.
  package var references: UInt16?
  /// The page's share count where the selftest looks at it.
  package var shareCount: UInt32?
  /// Whether the selftest asserts the states after it.
  package var isAsserted = true
}

/// The selftest.
package enum SelfTest {
  /// The gfn that the selftest uses: the upper half of the guest's space.
  package static func guestPage(_ shape: MachineShape) -> UInt64 { shape.pageEnd >> 1 }

  /// The steps of a generation; empty before 6.16, which has none.
  package static func steps(_ generation: Generation) -> [SelfTestStep] {
    switch generation {
    case .linux7_1: steps(hasProtectedGuests: true)
    case .linux6_16, .linux6_18: steps(hasProtectedGuests: false)
    default: []
    }
  }

  private static func steps(hasProtectedGuests: Bool) -> [SelfTestStep] {
    var script = Script(hasProtectedGuests: hasProtectedGuests)
    script.hypOwns()
    script.hostShares()
    script.guestBorrows()
    if hasProtectedGuests { script.guestOwns() }
    script.states[0] = .noPage
    script.states[1] = .owned
    script.call(.hostDonateHyp, 0)
    return script.steps
  }

  /// Writes the steps down.
  private struct Script {
    let hasProtectedGuests: Bool
    var states: [PageState] = [.noPage, .owned, .noPage, .noPage]
    var steps: [SelfTestStep] = []

    mutating func call(_ operation: Operation, isSecond: Bool = false, _ result: Int64?) {
      let isNew: Set<Operation> = [
        .hostDonateGuest, .guestShareHost, .guestUnshareHost, .hostReclaimGuest, .hostForceReclaim,
      ]
      guard hasProtectedGuests || !isNew.contains(operation) else { return }
      steps.append(SelfTestStep(operation: operation, isSecond: isSecond, result: result, states: states))
    }

    mutating func refused(_ operations: Operation...) {
      for operation in operations { call(operation, Errno.notPermitted) }
    }

    mutating func hypOwns() {
      refused(.hostDonateHyp, .hostShareHyp, .hostUnshareHyp, .hostShareFFA, .hostUnshareFFA, .pin, .hostShareGuest)
      call(.hostUnshareGuest, Errno.noEntry)
      refused(.hostDonateGuest)
      states = [.owned, .noPage, .noPage, .noPage]
      call(.hypDonateHost, 0)
      refused(.hypDonateHost, .hostUnshareHyp, .hostUnshareFFA)
      call(.hostUnshareGuest, Errno.noEntry)
      refused(.pin)
    }

    mutating func hostShares() {
      states = [.sharedOwned, .sharedBorrowed, .noPage, .noPage]
      call(.hostShareHyp, 0)
      refused(.hostShareHyp)
      borrowedByHyp()
      call(.pin, 0)
      call(.pin, 0)
      call(.unpin, nil)
      steps[steps.count - 1].references = 1
      steps[steps.count - 1].isAsserted = false
      call(.hostUnshareHyp, Errno.busy)
      refused(.hostShareHyp)
      borrowedByHyp()
      call(.unpin, nil)
      steps[steps.count - 1].references = 0
      states = [.owned, .noPage, .noPage, .noPage]
      call(.hostUnshareHyp, 0)
      states[0] = .sharedOwned
      call(.hostShareFFA, 0)
      refused(.hostShareFFA, .hostDonateHyp, .hostShareHyp, .hostUnshareHyp, .hypDonateHost, .hostShareGuest)
      call(.hostUnshareGuest, Errno.noEntry)
      refused(.hostDonateGuest, .pin)
      states[0] = .owned
      call(.hostUnshareFFA, 0)
      refused(.hostUnshareFFA)
    }

    private mutating func borrowedByHyp() {
      refused(.hostDonateHyp, .hostShareFFA, .hypDonateHost, .hostShareGuest)
      call(.hostUnshareGuest, Errno.noEntry)
      refused(.hostDonateGuest)
    }

    mutating func guestBorrows() {
      states = [.sharedOwned, .noPage, .sharedBorrowed, .noPage]
      call(.hostShareGuest, 0)
      refused(.hostShareGuest, .hostShareFFA, .hostDonateHyp, .hostShareHyp, .hostUnshareHyp, .hypDonateHost)
      refused(.hostDonateGuest, .pin)
      states[3] = .sharedBorrowed
      call(.hostShareGuest, isSecond: true, 0)
      steps[steps.count - 1].shareCount = 2
      states[2] = .noPage
      call(.hostUnshareGuest, 0)
      states = [.owned, .noPage, .noPage, .noPage]
      call(.hostUnshareGuest, isSecond: true, 0)
    }

    mutating func guestOwns() {
      states = [.noPage, .noPage, .owned, .noPage]
      call(.hostDonateGuest, 0)
      ownedByGuest()
      states = [.sharedBorrowed, .noPage, .sharedOwned, .noPage]
      call(.guestShareHost, 0)
      refused(.guestShareHost)
      ownedByGuest()
      states = [.noPage, .noPage, .owned, .noPage]
      call(.guestUnshareHost, 0)
      refused(.guestUnshareHost)
      ownedByGuest()
      states = [.owned, .noPage, .poison, .noPage]
      call(.hostForceReclaim, 0)
      refused(.hostDonateGuest, .hostShareGuest)
      call(.guestShareHost, Errno.poisoned)
      call(.guestUnshareHost, Errno.poisoned)
      states = [.noPage, .noPage, .poison, .owned]
      call(.hostDonateGuest, isSecond: true, 0)
      states = [.owned, .noPage, .poison, .noPage]
      call(.hostReclaimGuest, isSecond: true, 0)
      refused(.hostDonateGuest, .hostShareGuest)
    }

    private mutating func ownedByGuest() {
      refused(.hostDonateGuest)
      call(.hostDonateGuest, isSecond: true, Errno.notPermitted)
      refused(.hostShareGuest)
      call(.hostShareGuest, isSecond: true, Errno.notPermitted)
      refused(.hostShareFFA, .hostDonateHyp, .hostShareHyp, .hostUnshareHyp, .hypDonateHost)
    }
  }

  /// The call that a step makes on a page and a guest.
  package static func call(
    _ step: SelfTestStep, page: UInt64, guest: SpaceID, _ rules: RuleBook, _ shape: MachineShape
  ) -> OperationCall {
    var call = OperationCall(step.operation, page: page)
    call.address = page << 12
    call.endAddress = (page + 1) << 12
    call.guest = guest
    call.guestPage = guestPage(shape) + (step.isSecond ? 1 : 0)
    call.protection = rules.traits.protection.all
    return call
  }
}
