// Why: the names and arguments of vectors as calls of the engine. The same names serve scenarios. Not here:
// what only the harness can do (VectorHarness).

package import PageOwnership

/// Makes calls of words.
package enum VectorCalls {
  /// The call that an operation of a vector is; nil for names that are no operation of the hypervisor.
  ///
  /// Guests are named by index. Missing arguments count as 0, a missing number of pages as 1.
  package static func call(_ name: String, _ arguments: [String], _ rules: RuleBook, guests: [SpaceID])
    -> OperationCall?
  {
    guard let operation = Operation(rawValue: name), operation != .bootFixup else { return nil }
    var call = OperationCall(operation)
    func number(_ index: Int, or fallback: UInt64 = 0) -> UInt64 {
      index < arguments.count ? VectorWords.number(arguments[index]) : fallback
    }
    func takeGuest() {
      let index = Int(clamping: number(0))
      call.guest = guests.indices.contains(index) ? guests[index] : SpaceID(rawValue: .max)
    }
    switch operation {
    case .hostShareHyp, .hostUnshareHyp: call.page = number(0)
    case .hostDonateHyp, .hypDonateHost, .hostShareFFA, .hostUnshareFFA:
      call.page = number(0)
      call.count = number(1, or: 1)
    case .pin, .unpin:
      call.address = number(0)
      call.endAddress = number(1)
    case .hostFault, .hostForceReclaim: call.address = number(0)
    case .hostShareGuest:
      takeGuest()
      call.page = number(1)
      call.guestPage = number(2)
      call.count = number(3, or: 1)
      call.protection = VectorWords.protection(arguments.count > 4 ? arguments[4] : "", rules.traits.protection)
    case .hostDonateGuest:
      takeGuest()
      call.page = number(1)
      call.guestPage = number(2)
    default:
      takeGuest()
      call.guestPage = number(1)
      call.count =
        [.hostUnshareGuest, .guestWriteProtect, .guestTestClearYoung].contains(operation) ? number(2, or: 1) : 1
      call.clearsAge = operation == .guestTestClearYoung && number(3) != 0
      if operation == .guestRelaxPerms {
        call.protection = VectorWords.protection(arguments.count > 2 ? arguments[2] : "", rules.traits.protection)
      }
    }
    return call
  }
}
