// Why: what a guest was given must come back: pages of its own, pages for its tables and structures, pins. Counted
// by transitions, and held against the tables when it is over. Not here: judging (Rules/).

import PageOwnership

/// A call into the hypervisor that has not returned.
struct AuditedCall: Sendable {
  var function: String
  var kind: ActivationKind
  var parent: ActionID?
  var cpu: Int32?
  var firstSeq: SequenceNumber
  /// Its first register.
  var register: UInt64?
  /// The entry at which its CPU began something that is no part of it.
  var passedBy: Entry?
  /// Pages that it lent to the secure world and has not taken back.
  var secureShares: [PageRange] = []

  /// Whether the CPU does nothing else before it returns: not so while a guest runs, which calls and faults by itself.
  var endsByItself: Bool { kind == .hypercall && function != "__kvm_vcpu_run" }
}

/// What guests were given, and what came back.
struct GuestLedger: Sendable {
  /// Pages that a guest got for itself.
  private(set) var donated: [SpaceID: UInt64] = [:]
  /// Of those, how many the host took back.
  private(set) var returned: [SpaceID: UInt64] = [:]
  /// Pages that calls gave to the hypervisor, less those that came back.
  private(set) var hypPages: Int64 = 0
  /// Pins that calls made, less those that they dropped.
  private(set) var pins: Int64 = 0
  /// Whether a guest died since pages and pins were last looked at.
  var isDue = false
  /// Guests whose end has begun.
  var dying: Set<SpaceID> = []
  /// Whether everything since the first entry was seen.
  private(set) var isWhole = true

  /// Lines are missing: from here on nothing can be counted.
  mutating func forget() { isWhole = false }

  /// A transition was completed.
  mutating func note(_ operation: Operation, _ count: UInt64, guest: SpaceID?, inCall: Bool) {
    switch operation {
    case .hostDonateGuest: if let guest { donated[guest, default: 0] &+= count }
    case .hostReclaimGuest, .hostForceReclaim: if let guest { returned[guest, default: 0] &+= count }
    case .hostDonateHyp where inCall: hypPages &+= Int64(clamping: count)
    case .hypDonateHost where inCall: hypPages &-= Int64(clamping: count)
    case .pin where inCall: pins &+= Int64(clamping: count)
    case .unpin where inCall: pins &-= Int64(clamping: count)
    default: break
    }
  }

  /// The account of a guest that died is closed.
  mutating func close(_ guest: SpaceID) {
    donated[guest] = nil
    returned[guest] = nil
    dying.remove(guest)
    isDue = true
  }

  /// Pages and pins are told; from here on they count from nothing.
  mutating func settle() {
    hypPages = 0
    pins = 0
    isDue = false
  }
}
