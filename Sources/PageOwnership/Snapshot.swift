// Why: snapshots as values: a header and the ranges of equal leaves beneath it. Not here: their content as
// tables (PageTables), and comparing (Analysis).

/// Where a snapshot came from.
package enum SnapshotOrigin: String, Hashable, Sendable {
  /// It came with a recording: primary.
  case observed
  /// The writer took it: rebuildable.
  case derived
}

/// The state of all tables right after an entry.
package struct Snapshot: Hashable, Sendable {
  /// Its number in the journal, from 1.
  package var id: Int64
  /// The entry whose effect is the last that it shows; for observed ones the snapshot's own entry.
  package var seq: SequenceNumber
  /// Where it came from.
  package var origin: SnapshotOrigin
  /// Why it was taken, in the recorder's words.
  package var why: String
  /// System registers as `name=0x…` pairs, in the recorder's order.
  package var registers: String
  /// The CPUs that were inside a transition while it was read.
  package var busyCPUs: [Int32]
  /// The guests that lived then.
  package var guests: [SpaceID]

  /// Makes a snapshot header.
  package init(
    id: Int64, seq: SequenceNumber, origin: SnapshotOrigin, why: String, registers: String, busyCPUs: [Int32],
    guests: [SpaceID]
  ) {
    self.id = id
    self.seq = seq
    self.origin = origin
    self.why = why
    self.registers = registers
    self.busyCPUs = busyCPUs
    self.guests = guests
  }
}

/// Consecutive leaves (or vmemmap words) of a snapshot with equal attributes; zero leaves are left out.
package struct SnapshotRange: Hashable, Sendable {
  /// The snapshot.
  package var snapshot: Int64
  /// Its place in the snapshot, from 0.
  package var ordinal: Int32
  /// Whose table (host for vmemmap).
  package var space: SpaceID
  /// Which table.
  package var table: TableKind
  /// The pages: pfns, gfns, or for the hypervisor pfns by the linear map.
  package var pages: PageRange
  /// The level of the leaves; 3 for vmemmap.
  package var level: Int8
  /// The first raw word; the output address of following valid leaves rises with the page.
  package var raw: UInt64

  /// Makes a range.
  package init(
    snapshot: Int64, ordinal: Int32, space: SpaceID, table: TableKind, pages: PageRange, level: Int8, raw: UInt64
  ) {
    self.snapshot = snapshot
    self.ordinal = ordinal
    self.space = space
    self.table = table
    self.pages = pages
    self.level = level
    self.raw = raw
  }
}
