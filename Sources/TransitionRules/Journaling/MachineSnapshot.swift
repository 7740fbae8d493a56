// Why: a journal of a driven machine begins with all of its tables, so that a replay starts from something
// known. The ranges are those that a recorder would write: zero leaves are left out, metadata is not.

import PageOwnership
import PageTables

/// Writes a machine as the ranges of a snapshot.
struct MachineSnapshot {
  private let shape: MachineShape
  private let encoding: TableEncoding
  private let snapshot: Int64
  /// The ranges, in order.
  private(set) var ranges: [SnapshotRange] = []

  /// Takes a snapshot with a number.
  init(of machine: Machine, shape: MachineShape, encoding: TableEncoding, number: Int64) {
    self.shape = shape
    self.encoding = encoding
    snapshot = number
    addTable(.hostStage2, .host, machine.host, offset: 0)
    addTable(.hypStage1, .hyp, machine.hyp, offset: shape.hypOffset >> 12)
    for guest in machine.guests where guest.hasTable { addTable(.guestStage2, guest.space, guest.table, offset: 0) }
    for region in shape.regions { addFrames(region.pages, machine) }
  }

  private mutating func addTable(_ table: TableKind, _ space: SpaceID, _ leaves: StageTable, offset: UInt64) {
    var found: [SnapshotRange] = []
    leaves.forEachRun(in: PageRange(first: PageFrame(0), count: leaves.pageEnd)) { pages, leaf in
      guard !leaf.isEmpty else { return }
      let word = leaf.descriptor(at: pages.first.rawValue)
      let first = PageFrame(pages.first.rawValue &- offset)
      found.append(range(space, table, PageRange(first: first, count: pages.count), word))
    }
    for range in found { append(range) }
  }

  private mutating func addFrames(_ pages: PageRange, _ machine: Machine) {
    var page = pages.first
    while page < pages.end {
      let index = machine.frames.index(of: page.rawValue)
      let end = min(machine.frames.end(ofRun: index), pages.end.rawValue)
      let raw = machine.frames.runs[index].value.raw(encoding)
      let run = PageRange(first: page, count: end - page.rawValue)
      append(range(.host, .vmemmap, run, LeafWord(level: 3, raw: raw)))
      page = PageFrame(end)
    }
  }

  private func range(_ space: SpaceID, _ table: TableKind, _ pages: PageRange, _ word: LeafWord) -> SnapshotRange {
    SnapshotRange(
      snapshot: snapshot, ordinal: 0, space: space, table: table, pages: pages, level: word.level, raw: word.raw)
  }

  private mutating func append(_ range: SnapshotRange) {
    var range = range
    range.ordinal = Int32(ranges.count)
    ranges.append(range)
  }
}
