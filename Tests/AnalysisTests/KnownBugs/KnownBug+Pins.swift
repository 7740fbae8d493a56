// Why: bugs about what the hypervisor still uses, and about the secure world.

import PageOwnership
import TransitionRules

extension KnownBug {
  /// B3, B10, B21.
  static let pins = [
    KnownBug(
      "B3 a pinned page is unshared", ["I9", "I10"],
      bad: .of(.linux6_4, amending: .hostUnshareHyp) { $0.checks.removeAll { $0.condition == .notPinned } },
      good: .of(.linux6_4)
    ) { journal in
      journal.perform(.hostShareHyp, 0x41300)
      journal.perform(.pin, 0x41300)
      journal.perform(.hostUnshareHyp, 0x41300)
    },
    KnownBug(
      "B3 a pinned page is unshared, since 6.16", ["I9", "I10"],
      bad: .of(.linux7_1, amending: .hostUnshareHyp) { $0.checks.removeAll { $0.condition == .notPinned } },
      good: .of(.linux7_1)
    ) { journal in
      journal.perform(.hostShareHyp, 0x41300)
      journal.perform(.pin, 0x41300)
      journal.perform(.hostUnshareHyp, 0x41300)
    },
    KnownBug(
      "B10 a page that is still counted is given back", ["I9", "I10"],
      bad: .of(.linux7_1, amending: .hypDonateHost) { $0.checks.removeAll { $0.condition == .notPinned } },
      good: .of(.linux7_1)
    ) { journal in
      journal.perform(.hostDonateHyp, 0x41300)
      let count = ApplyRule(.pin, .target, .hyp, store: .references(1), failure: .warnAndStop, step: "hyp_page_ref_inc")
      journal.change("hyp_alloc_pages") { engine, machine in
        _ = engine.force(count, OperationCall(.pin, page: 0x41300), on: &machine)
      }
      journal.perform(.hypDonateHost, 0x41300)
    },
    KnownBug("B21 fragments stay with the secure world", ["ffa-leak"], .of(.linux6_4), edit: failCalls) { journal in
      journal.call("do_ffa_mem_frag_tx", result: 0) { $0.perform(.hostShareFFA, 0x41300, 2) }
    },
  ]

  @Sendable private static func failCalls(_ rows: inout EntryBatch) {
    for index in rows.activationEnds.indices {
      rows.activationEnds[index].result = -6
      let seq = rows.activationEnds[index].lastSeq
      for place in rows.entries.indices where rows.entries[place].seq == seq { rows.entries[place].result = -6 }
    }
  }
}
