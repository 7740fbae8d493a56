// Why: bugs about protected guests, and about the wrong table.

import PageOwnership
import TransitionRules

extension KnownBug {
  /// B14, B19, B26.
  static let guests = [
    KnownBug(
      "B14 a page goes back unscrubbed", ["I17"],
      bad: .of(.linux7_1, amending: .hostReclaimGuest) { $0.applies.removeAll { $0.effect == .scrub } },
      good: .of(.linux7_1)
    ) { journal in
      journal.perform(.hostDonateGuest, 0x41300, guest: 1, gfn: 0x100)
      journal.perform(.hostReclaimGuest, guest: 1, gfn: 0x100)
    },
    KnownBug(
      "B19 the wrong table is checked", ["I1", "I2", "I4"],
      bad: .of(.linux7_1, amending: .hostDonateHyp) { rules in
        for index in rules.checks.indices where rules.checks[index].subject == .host {
          rules.checks[index].subject = .hyp
          rules.checks[index].expected = .noPage
        }
      }, good: .of(.linux7_1)
    ) { journal in
      journal.perform(.hostDonateGuest, 0x41300, guest: 1, gfn: 0x100)
      journal.perform(.guestShareHost, guest: 1, gfn: 0x100)
      journal.perform(.hostDonateHyp, 0x41300)
    },
    KnownBug(
      "B26 a host's state that is not put back", ["I1"],
      bad: .of(.linux7_1, amending: .hypDonateHost) { rules in
        for index in rules.applies.indices where rules.applies[index].side == .target {
          rules.applies[index].store = .hostMapping
        }
      }, good: .of(.linux7_1)
    ) { journal in
      journal.perform(.hostDonateHyp, 0x41300)
      journal.perform(.hypDonateHost, 0x41300)
    },
  ]
}
