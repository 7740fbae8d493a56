// Why: bugs that only a production kernel has, since a debugging one makes the check. The good journal is by the same
// rules with EL2 debugging.

import PageOwnership
import TransitionRules

extension KnownBug {
  /// B22 and B28.
  static let production = [
    KnownBug(
      "B22, B28 a page of the secure world is unshared", ["fatal", "skipped-check"], bad: .of(.linux6_4),
      good: .of(.linux6_4),
      goodDebug: true
    ) { journal in
      journal.perform(.hostShareFFA, 0x41300)
      journal.perform(.hostUnshareHyp, 0x41300)
    }
  ]

  /// Suite e: the hypervisor gives back four pages of which the host still owns one in the middle.
  @Sendable static func partialRange(debug: Bool) -> @Sendable () -> DrivenJournal {
    {
      var journal = DrivenJournal(.of(.linux6_4), debug: debug)
      journal.perform(.hostDonateHyp, 0x41300, 4)
      let host = ApplyRule(
        .own, .target, .host, newState: .owned, store: .hostMapping, failure: .warnAndStop, step: "poke_host")
      journal.change("poke_host") { engine, machine in
        _ = engine.force(host, OperationCall(.hypDonateHost, page: 0x41302), on: &machine)
      }
      journal.perform(.hypDonateHost, 0x41300, 4)
      return journal
    }
  }
}
