// Why: bugs about what is returned, and about inputs that stop the hypervisor.

import PageOwnership
import TransitionRules

extension KnownBug {
  /// B8, B9, B18, B29.
  static let refusals = [
    KnownBug("B8 a warning that the host can reach", ["fatal"], bad: .of(.linux6_14), good: .of(.linux6_16)) {
      journal in
      journal.perform(.hostShareHyp, 0x41300)
      journal.perform(.hostShareGuest, 0x41300, guest: 0, gfn: 0x100)
    },
    KnownBug(
      "B9 a mapping fails after ownership moved", ["I1", "I7", "I13"],
      bad: .of(.linux7_1, amending: .hostDonateGuest) { rules in
        rules.checks.removeAll { $0.condition == .memcacheSuffices }
        rules.applies[rules.applies.count - 1].failure = .returnErrno
      }, good: .of(.linux7_1), start: { $0.guests[1].memcache = 0 }
    ) { journal in
      journal.perform(.hostDonateGuest, 0x41300, guest: 1, gfn: 0x100)
    },
    KnownBug(
      "B18 an errno without its sign", ["positive-errno"],
      bad: .of(.linux7_1, amending: .hostShareHyp) { rules in
        for index in rules.checks.indices { rules.checks[index].errno = 0 &- rules.checks[index].errno }
      }, good: .of(.linux7_1)
    ) { journal in
      journal.perform(.hostShareHyp, 0x40200)
    },
    KnownBug(
      "B29 a forced reclaim of the hypervisor's code", ["fatal"], bad: .of(.linux7_1),
      good: .of(.linux7_1, amending: .hostForceReclaim) { rules in
        for index in rules.checks.indices { rules.checks[index].failure = .refuse }
      }
    ) { journal in
      journal.perform(.hostForceReclaim, 0x40010)
    },
  ]
}
