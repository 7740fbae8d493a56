// Why: a guest whose end has begun gives its pages back; it must not get new ones.

import PageOwnership
import TransitionRules

extension AuditRule {
  static let dyingGuestsGetNothing = AuditRule(
    "I19", .invariant, .warning, generations: [.linux7_1], title: "a dying guest gets and shares nothing",
    explanation: """
      From the moment its teardown has begun a guest runs on no CPU, and nothing but reclaim and unshare moves pages \
      of its. Judged by calls of __pkvm_start_teardown_vm that returned 0, for transitions that begin afterwards. \
      Whether a vCPU is still loaded no journal shows, so that a teardown of a guest in use is not found by itself.
      """,
    source: "spec I19; pkvm.c; bug B12",
    meaning: "pages given now are lost, or used after the guest is gone")
}

extension Audit {
  mutating func judgeDying(
    _ transition: Transition, _ entry: Entry, _ site: Site, _ subject: AuditedTransition
  ) {
    guard let guest = transition.guestPage?.space, balance.dying.contains(guest) else { return }
    switch transition.operation {
    case .hostShareGuest, .hostDonateGuest, .guestShareHost, .guestUnshareHost:
      report(
        .dyingGuestsGetNothing, entry, site, subject, expected: "reclaim and unshare only",
        found: transition.operation.rawValue)
    default: return
    }
  }

  /// Notes the guest whose teardown a call has begun.
  mutating func noteDying(_ call: AuditedCall, _ entry: Entry) {
    guard call.function == "__pkvm_start_teardown_vm", entry.result == 0, let register = call.register else { return }
    let handle = VMHandle(rawValue: UInt16(truncatingIfNeeded: register))
    guard register <= UInt64(UInt16.max), let guest = pages.living?.guest(of: handle) else { return }
    balance.dying.insert(guest)
  }
}
