// Why: whether leaves carry a shareability depends on the machine (with 52-bit addresses the two bits hold an
// address), but all leaves of one machine agree: the first ones tell, and a later stranger was changed.

/// Counts the leaves of a recording by their shareability.
final class LeafCensus {
  /// Leaves that are inner shareable.
  var shareable: Int64 = 0
  /// Leaves without the bits.
  var plain: Int64 = 0

  /// As many of one kind for each of the other make the other a stranger.
  private static let majority: Int64 = 64

  /// Counts a leaf; false if it is a stranger.
  func isUsual(_ bits: UInt64) -> Bool {
    switch bits {
    case 3:
      shareable += 1
      return shareable * Self.majority > plain
    case 0:
      plain += 1
      return plain * Self.majority > shareable
    default: return false
    }
  }
}
