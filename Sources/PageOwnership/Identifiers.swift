// Why: one struct per kind of number, because a page frame, a guest frame, an address and a
// sequence number are all 64-bit integers and mixing them up is the usual bug of this field.
// Not here: text forms that need a space to make sense (see Space.swift).

/// The number of a 4 KiB granule: a pfn in the host's and the hypervisor's space, a gfn in a guest's.
package struct PageFrame: RawRepresentable, Hashable, Comparable, Sendable {
  /// The frame number: an address shifted right by 12.
  package var rawValue: UInt64

  /// Wraps a frame number.
  package init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Wraps a frame number.
  package init(_ rawValue: UInt64) { self.rawValue = rawValue }

  /// The frame that holds a byte address.
  package init(containing address: UInt64) { rawValue = address >> 12 }

  /// The byte address of the frame's first byte, modulo 2^64.
  package var address: UInt64 { rawValue << 12 }

  /// The frame `count` granules further on, modulo 2^64.
  package func advanced(by count: UInt64) -> PageFrame { PageFrame(rawValue &+ count) }

  /// Orders frames by number.
  package static func < (left: PageFrame, right: PageFrame) -> Bool { left.rawValue < right.rawValue }
}

/// A run of consecutive frames in one space; never wraps past 2^64.
package struct PageRange: Hashable, Sendable {
  /// The first frame of the run.
  package var first: PageFrame
  /// How many frames the run has; 0 is an empty run.
  package var count: UInt64

  /// Makes a run; a count that would wrap past the last frame is cut there.
  package init(first: PageFrame, count: UInt64) {
    self.first = first
    self.count = min(count, UInt64.max - first.rawValue)
  }

  /// A run of one frame.
  package init(_ page: PageFrame) { self.init(first: page, count: 1) }

  /// The frame after the last one.
  package var end: PageFrame { PageFrame(first.rawValue + count) }

  /// Whether the run holds `page`.
  package func contains(_ page: PageFrame) -> Bool {
    page.rawValue >= first.rawValue && page.rawValue - first.rawValue < count
  }
}

/// The name that the hypervisor gives to a live VM; reused at once after teardown.
///
/// The corresponding kernel type is `pkvm_handle_t`.
package struct VMHandle: RawRepresentable, Hashable, Comparable, Sendable {
  /// The handle, 0x1000 for the first slot of the table.
  package var rawValue: UInt16

  /// Wraps a handle.
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  /// Orders handles by number.
  package static func < (left: VMHandle, right: VMHandle) -> Bool { left.rawValue < right.rawValue }
}

/// The place of an entry in a journal: dense, from 1.
package struct SequenceNumber: RawRepresentable, Hashable, Comparable, Sendable {
  /// The number; 0 means "before the first entry".
  package var rawValue: Int64

  /// Wraps a sequence number.
  package init(rawValue: Int64) { self.rawValue = rawValue }

  /// Wraps a sequence number.
  package init(_ rawValue: Int64) { self.rawValue = rawValue }

  /// Orders entries by place.
  package static func < (left: SequenceNumber, right: SequenceNumber) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// The number of a transition or of an activation: both count in one series, as recorders do.
package struct ActionID: RawRepresentable, Hashable, Comparable, Sendable {
  /// The number; an import takes over the recorder's own (`act`).
  package var rawValue: Int64

  /// Wraps an id.
  package init(rawValue: Int64) { self.rawValue = rawValue }

  /// Wraps an id.
  package init(_ rawValue: Int64) { self.rawValue = rawValue }

  /// Orders actions by number.
  package static func < (left: ActionID, right: ActionID) -> Bool { left.rawValue < right.rawValue }
}
