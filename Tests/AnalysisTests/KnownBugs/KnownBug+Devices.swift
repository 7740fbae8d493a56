// Why: bugs about what lies at an address, and about addresses that are others.

import PageOwnership
import TransitionRules

extension KnownBug {
  /// B1, B2, B4, B7, B15.
  static let devices = [
    KnownBug("B1 an unmapped device reads as owned", ["I11"], bad: .of(.linux6_2), good: .of(.linux6_4)) { journal in
      journal.perform(.hostShareHyp, 0x42010)
    },
    KnownBug("B1 a device is given to the hypervisor", ["I11"], bad: .of(.linux6_2), good: .of(.linux6_4)) { journal in
      journal.perform(.hostDonateHyp, 0x42010, 2)
    },
    KnownBug("B2 NOMAP is taken for memory", ["I11"], bad: .of(.linux6_1), good: .of(.linux6_4)) { journal in
      journal.perform(.hostShareHyp, 0x41010)
    },
    KnownBug("B4 a frame number wraps", ["I24"], bad: .of(.linux6_16), good: .of(.linux6_18)) { journal in
      journal.perform(.hostDonateHyp, 1 << 52 + 0x41300)
    },
    KnownBug("B4 a page count wraps", ["I24"], bad: .of(.linux6_4), good: .of(.linux6_18)) { journal in
      journal.perform(.hostDonateHyp, 0x41300, 1 << 52 + 1)
    },
    KnownBug("B4 a range leaves memory", ["I11", "I12"], bad: .of(.linux6_4), good: .of(.linux6_14)) { journal in
      journal.perform(.hostDonateHyp, 0x42a01, 4)
    },
    KnownBug("B7 a lazy mapping is too large", ["I12"], .of(.linux7_1), edit: enlargeLastMapping) { journal in
      journal.perform(.hostFault, 0x42a02)
    },
    KnownBug("B15 the host keeps the hypervisor's stack", ["I25"], .of(.linux7_1), edit: addStack) { journal in
      journal.perform(.hostShareHyp, 0x41300)
    },
  ]

  @Sendable private static func enlargeLastMapping(_ rows: inout EntryBatch) {
    guard let place = rows.changes.lastIndex(where: { $0.table == .hostStage2 }), let raw = rows.changes[place].new
    else {
      return
    }
    rows.changes[place].newLevel = 2
    rows.changes[place].new = raw & ~0x1f_f002
  }

  @Sendable private static func addStack(_ rows: inout EntryBatch) {
    rows.snapshotRanges.append(
      SnapshotRange(
        snapshot: 1, ordinal: Int32(rows.snapshotRanges.count), space: .hyp, table: .hypStage1,
        pages: PageRange(PageFrame(0xffff_8000_0001)), level: 3, raw: 0x40_0000_4140_0703))
  }
}
