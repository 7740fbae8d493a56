// Why: whether leaves carry a shareability depends on the machine (with 52-bit addresses the two bits hold an
// address), but all leaves of one stage agree: the first ones tell, and a later stranger was changed.

import PageOwnership

/// How many leaves of a stage were read, by shareability.
struct LeafCount: Codable, Hashable {
  /// Leaves that are inner shareable.
  var shareable: Int64 = 0
  /// Leaves without the bits.
  var plain: Int64 = 0

  /// As many of one kind for each of the other make the other a stranger.
  private static let majority: Int64 = 64

  /// Counts a leaf by the two bits; false if it is a stranger.
  fileprivate mutating func isUsual(_ bits: UInt64) -> Bool {
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

/// Counts the leaves of a recording.
final class LeafCensus {
  /// Of the hypervisor's stage 1.
  var stage1 = LeafCount()
  /// Of the host's and the guests' stage 2.
  var stage2 = LeafCount()

  /// Counts a leaf; false if it is a stranger in its stage.
  func isUsual(_ bits: UInt64, _ table: TableKind) -> Bool {
    table == .hypStage1 ? stage1.isUsual(bits) : stage2.isUsual(bits)
  }
}
