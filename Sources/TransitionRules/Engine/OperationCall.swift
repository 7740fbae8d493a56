// Why: an attempt as the hypervisor's function receives it: raw 64-bit arguments, since several defects of
// the past live in what is derived from them (spec §13, 24).

package import PageOwnership

/// An operation with its arguments, as given.
package struct OperationCall: Hashable, Sendable {
  /// What is attempted.
  package var operation: Operation
  /// The pfn, all 64 bits.
  package var page: UInt64 = 0
  /// How many pages, all 64 bits; operations on one page do not look at it.
  package var count: UInt64 = 1
  /// The guest; nil for operations without one.
  package var guest: SpaceID?
  /// The gfn, all 64 bits.
  package var guestPage: UInt64 = 0
  /// Byte addresses: of a fault or a forced reclaim, and of the ends of a pinned range (physical).
  package var address: UInt64 = 0
  /// Where a pinned range ends.
  package var endAddress: UInt64 = 0
  /// The permissions asked for, in the bits of the generation.
  package var protection: UInt64 = 0
  /// Whether reading the access flag clears it.
  package var clearsAge = false

  /// Makes a call; the rest is set as needed.
  package init(_ operation: Operation) { self.operation = operation }

  /// A call on frames.
  package init(_ operation: Operation, page: UInt64, count: UInt64 = 1) {
    self.operation = operation
    self.page = page
    self.count = count
  }
}
