// Why: no recording says how wide the host's addresses are, and ranges are judged by that; the registers of
// snapshots tell. Not here: what a range must be (ConditionJudge).

package import PageOwnership

extension Facts {
  /// Learns the width of the host's intermediate addresses from the registers of snapshots, where it is unknown.
  ///
  /// VTCR_EL2.T0SZ is 64 minus the width of the stage 2 that is loaded, and that is the host's where VTTBR_EL2 names
  /// VMID 0. A second width contradicts the first: then it stays unknown.
  package mutating func inferAddressBits(from snapshots: some Sequence<Snapshot>) {
    guard addressBits.value == nil else { return }
    var widths: Set<Int64> = []
    for snapshot in snapshots {
      guard let control = snapshot.registers.number(named: "VTCR_EL2"), control != 0,
        let base = snapshot.registers.number(named: "VTTBR_EL2"), base != 0, base >> 48 == 0
      else { continue }
      widths.insert(64 - Int64(control & 0x3f))
    }
    guard widths.count == 1, let width = widths.first, (25...52).contains(width) else { return }
    addressBits = Known(width, .inferred)
  }
}
