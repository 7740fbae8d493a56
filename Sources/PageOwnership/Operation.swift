// Why: one table of names for what changes ownership: our operation (also the name that vectors and
// scenarios use), and the kernel functions that perform it. Printed by `custody rules --names`.
// Not here: what an operation checks and applies (TransitionRules).

/// A kind of attempt to change ownership.
package enum Operation: String, Hashable, Sendable, CaseIterable {
  /// The host lends a page to the hypervisor.
  case hostShareHyp = "host_share_hyp"
  /// The host takes back a page that it lent to the hypervisor.
  case hostUnshareHyp = "host_unshare_hyp"
  /// The host gives pages to the hypervisor.
  case hostDonateHyp = "host_donate_hyp"
  /// The hypervisor gives pages back to the host.
  case hypDonateHost = "hyp_donate_host"
  /// The hypervisor pins shared pages, so that they cannot be unshared.
  case pin = "pin"
  /// The hypervisor drops pins.
  case unpin = "unpin"
  /// The host lends pages to the secure world.
  case hostShareFFA = "host_share_ffa"
  /// The host takes back pages from the secure world.
  case hostUnshareFFA = "host_unshare_ffa"
  /// The host lends pages to a non-protected guest.
  case hostShareGuest = "host_share_guest"
  /// The host takes back pages from a non-protected guest.
  case hostUnshareGuest = "host_unshare_guest"
  /// The host gives a page to a protected guest.
  case hostDonateGuest = "host_donate_guest"
  /// A protected guest lends a page to the host.
  case guestShareHost = "guest_share_host"
  /// A protected guest takes back a page that it lent to the host.
  case guestUnshareHost = "guest_unshare_host"
  /// The host takes a page of a dying protected guest.
  case hostReclaimGuest = "host_reclaim_guest"
  /// The host takes a page of a live protected guest by force; the guest's address is poisoned.
  case hostForceReclaim = "host_force_reclaim"
  /// The host widens the permissions of a guest's mapping; no ownership moves.
  case guestRelaxPerms = "guest_relax_perms"
  /// The host write-protects a guest's mappings; no ownership moves.
  case guestWriteProtect = "guest_wrprotect"
  /// The host reads and clears a guest mapping's access flag; no ownership moves.
  case guestTestClearYoung = "guest_test_clear_young"
  /// The host sets a guest mapping's access flag; no ownership moves.
  case guestMakeYoung = "guest_mkyoung"
  /// The host asks whether a guest faulted on a page that was taken from it by force; no ownership moves.
  case vcpuInPoisonFault = "vcpu_in_poison_fault"
  /// The host faulted on its own stage 2 and the hypervisor maps lazily; no ownership moves.
  case hostFault = "host_fault"
  /// The boot-time walk that gives the host's table the ownership that the hypervisor's table implies.
  case bootFixup = "boot_fixup"

  /// The kernel functions that perform this operation, newest name first.
  package var kernelFunctions: [String] {
    switch self {
    case .hostShareHyp: ["__pkvm_host_share_hyp"]
    case .hostUnshareHyp: ["__pkvm_host_unshare_hyp"]
    case .hostDonateHyp: ["__pkvm_host_donate_hyp"]
    case .hypDonateHost: ["__pkvm_hyp_donate_host"]
    case .pin: ["hyp_pin_shared_mem"]
    case .unpin: ["hyp_unpin_shared_mem"]
    case .hostShareFFA: ["__pkvm_host_share_ffa"]
    case .hostUnshareFFA: ["__pkvm_host_unshare_ffa"]
    case .hostShareGuest: ["__pkvm_host_share_guest"]
    case .hostUnshareGuest: ["__pkvm_host_unshare_guest"]
    case .hostDonateGuest: ["__pkvm_host_donate_guest"]
    case .guestShareHost: ["__pkvm_guest_share_host"]
    case .guestUnshareHost: ["__pkvm_guest_unshare_host"]
    case .hostReclaimGuest: ["__pkvm_host_reclaim_page_guest", "__pkvm_host_reclaim_page"]
    case .hostForceReclaim: ["__pkvm_host_force_reclaim_page_guest"]
    case .guestRelaxPerms: ["__pkvm_host_relax_perms_guest", "__pkvm_host_relax_guest_perms"]
    case .guestWriteProtect: ["__pkvm_host_wrprotect_guest"]
    case .guestTestClearYoung: ["__pkvm_host_test_clear_young_guest"]
    case .guestMakeYoung: ["__pkvm_host_mkyoung_guest"]
    case .vcpuInPoisonFault: ["__pkvm_vcpu_in_poison_fault"]
    case .hostFault: ["handle_host_mem_abort"]
    case .bootFixup: ["fix_host_ownership_walker", "finalize_host_mappings_walker"]
    }
  }

  /// The operation that a kernel function performs; nil for functions that attempt no change.
  package init?(kernelFunction: String) {
    guard let found = Self.byKernelFunction[kernelFunction] else { return nil }
    self = found
  }

  private static let byKernelFunction: [String: Operation] = {
    var names: [String: Operation] = [:]
    for operation in allCases {
      for function in operation.kernelFunctions { names[function] = operation }
    }
    return names
  }()

  /// The two kinds of space between which this operation moves a page, source first.
  package var endpoints: (source: SpaceKind, target: SpaceKind) {
    switch self {
    case .hostShareHyp, .hostUnshareHyp, .hostDonateHyp, .pin, .unpin, .bootFixup: (.host, .hyp)
    case .hypDonateHost: (.hyp, .host)
    case .hostShareFFA, .hostUnshareFFA: (.host, .ffa)
    case .hostShareGuest, .hostUnshareGuest, .hostDonateGuest: (.host, .guest)
    case .guestRelaxPerms, .guestWriteProtect, .guestTestClearYoung, .guestMakeYoung: (.host, .guest)
    case .guestShareHost, .guestUnshareHost, .hostReclaimGuest, .hostForceReclaim, .vcpuInPoisonFault: (.guest, .host)
    case .hostFault: (.host, .host)
    }
  }
}

extension Operation {
  /// Whether the hypervisor's function gives nothing back.
  ///
  /// The corresponding kernel functions are `handle_host_mem_abort` and `hyp_unpin_shared_mem`.
  package var hasNoResult: Bool { self == .hostFault || self == .unpin }
}
