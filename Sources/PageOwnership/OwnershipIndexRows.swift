// Why: the rows of the index as values, between whoever computes them (Analysis) and whoever stores them
// (Journal). Not here: when a row is due.

/// Whom a space's own table names as owner, with what the journal knows of guests.
package enum IndexedOwner: Hashable, Sendable {
  /// A space; of a guest the gfn that the table names.
  case space(SpaceID, page: PageFrame?)
  /// A guest of this handle, and none of that handle was known to live.
  case handle(VMHandle, page: PageFrame)
  /// Break-before-make in progress.
  case locked
  /// An owner number that this generation does not define.
  case other(UInt8)
  /// Nobody saw.
  case unknown

  /// The number that stands for it in the index.
  package var code: Int64 {
    switch self {
    case .space(let space, _): Int64(space.rawValue)
    case .unknown: -1
    case .locked: -2
    case .other(let number): -16 - Int64(number)
    case .handle(let handle, _): -65536 - Int64(handle.rawValue)
    }
  }

  /// The gfn that the table names.
  package var page: PageFrame? {
    switch self {
    case .space(_, let page): page
    case .handle(_, let page): page
    case .unknown, .locked, .other: nil
    }
  }

  /// Reads what ``code`` and ``page`` give; nil for any other numbers.
  package init?(code: Int64, page: PageFrame?) {
    switch code {
    case 0...Int64(Int32.max): self = .space(SpaceID(rawValue: Int32(code)), page: page)
    case -1: self = .unknown
    case -2: self = .locked
    case -16 - 255...(-16): self = .other(UInt8(-16 - code))
    case -65536 - 65535...(-65536):
      guard let page else { return nil }
      self = .handle(VMHandle(rawValue: UInt16(-65536 - code)), page: page)
    default: return nil
    }
  }
}

/// What a space holds of a run of pages, as the index keeps it; pages and frames are those of the first one.
package struct IndexedHolding: Hashable, Sendable {
  /// The state; nil once the guest is gone.
  package var state: PageState?
  /// Whom the table names; nil for nobody.
  package var owner: IndexedOwner?
  /// Of a guest's page: the physical page behind it.
  package var frame: PageFrame?

  /// Makes a holding.
  package init(state: PageState?, owner: IndexedOwner? = nil, frame: PageFrame? = nil) {
    self.state = state
    self.owner = owner
    self.frame = frame
  }

  /// The same of the page `distance` further on in the run.
  package func advanced(by distance: UInt64) -> IndexedHolding {
    var moved = self
    moved.frame = frame?.advanced(by: distance)
    switch owner {
    case .space(let space, let page?): moved.owner = .space(space, page: page.advanced(by: distance))
    case .handle(let handle, let page): moved.owner = .handle(handle, page: page.advanced(by: distance))
    default: break
    }
    return moved
  }
}

/// From an entry on, an aligned block of pages is held so, where nothing later or finer says otherwise.
package struct OwnershipBlock: Hashable, Sendable {
  /// The space.
  package var space: SpaceID
  /// The block has `1 << level` pages: one of ``OwnershipLevel/all``.
  package var level: UInt8
  /// Its first page, a multiple of its size.
  package var page: PageFrame
  /// The entry; 0 is before the first.
  package var seq: SequenceNumber
  /// What is held.
  package var holding: IndexedHolding

  /// Makes a row.
  package init(space: SpaceID, level: UInt8, page: PageFrame, seq: SequenceNumber, holding: IndexedHolding) {
    self.space = space
    self.level = level
    self.page = page
    self.seq = seq
    self.holding = holding
  }
}

/// The same of a counter, from single pages on.
package struct CountBlock: Hashable, Sendable {
  /// Which counter.
  package var field: StateField
  /// The block has `1 << level` pages.
  package var level: UInt8
  /// Its first page, a multiple of its size.
  package var page: PageFrame
  /// The entry.
  package var seq: SequenceNumber
  /// The count; nil for unknown.
  package var count: UInt32?

  /// Makes a row.
  package init(field: StateField, level: UInt8, page: PageFrame, seq: SequenceNumber, count: UInt32?) {
    self.field = field
    self.level = level
    self.page = page
    self.seq = seq
    self.count = count
  }
}

/// Pages that are held so from one entry until another; spans of one index never overlap.
///
/// A page that an entry changed outside of blocks has spans of its own.
package struct OwnershipSpan: Hashable, Sendable {
  /// The space.
  package var space: SpaceID
  /// The pages.
  package var pages: PageRange
  /// The entry that made it so; 0 is before the first.
  package var from: SequenceNumber
  /// The entry that ended it; nil if it is still so where the index ends.
  package var to: SequenceNumber?
  /// What is held.
  package var holding: IndexedHolding

  /// Makes a row.
  package init(
    space: SpaceID, pages: PageRange, from: SequenceNumber, to: SequenceNumber?, holding: IndexedHolding
  ) {
    self.space = space
    self.pages = pages
    self.from = from
    self.to = to
    self.holding = holding
  }
}

/// Rows on their way into an index, in no order.
package struct OwnershipRows: Sendable {
  /// Blocks of holdings, of several pages each.
  package var blocks: [OwnershipBlock] = []
  /// Blocks of counters.
  package var counts: [CountBlock] = []
  /// Spans that ended, or that are still open at the end.
  package var spans: [OwnershipSpan] = []

  /// No rows.
  package init() {}

  /// How many rows there are.
  package var count: Int { blocks.count + counts.count + spans.count }
}

/// The sizes of blocks in an index.
package enum OwnershipLevel {
  /// As powers of two, the finest first; the last is the whole space.
  package static let all: [UInt8] = [0, 9, 18, 27, 36, 45, 52]

  /// The first page of the block of a level that holds a page.
  package static func start(of page: UInt64, _ level: UInt8) -> UInt64 { page & ~(1 << UInt64(level) - 1) }
}
