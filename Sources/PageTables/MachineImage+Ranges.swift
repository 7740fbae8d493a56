// Why: a machine as the ranges of a snapshot, so that a replayed state can be kept in the form in which recorders
// write states, and be read back. Not here: the lines of the file (Capture).

package import PageOwnership

extension MachineImage {
  /// The ranges of a snapshot that shows this machine: leaves that are known and not zero, then the metadata of all
  /// pages of which it is known.
  ///
  /// What the logical state leaves out is 0 in the metadata: the order, and the references of pages that the hypervisor
  /// owns. Private mappings of the hypervisor are left out, as everywhere.
  package func snapshotRanges(of snapshot: Int64) -> [SnapshotRange] {
    var ranges: [SnapshotRange] = []
    func add(_ table: TableKind, _ space: SpaceID, _ pages: PageRange, _ word: LeafWord) {
      ranges.append(
        SnapshotRange(
          snapshot: snapshot, ordinal: Int32(clamping: ranges.count), space: space, table: table, pages: pages,
          level: word.level, raw: word.raw))
    }
    for (table, space) in allTables {
      forEachLeaf(table, space) { add(table, space, $0.pages, LeafWord(level: $0.level, raw: $0.raw)) }
    }
    forEachFrameRun { add(.vmemmap, .host, $0, LeafWord(level: 3, raw: $1)) }
    return ranges
  }

  /// Goes through the pages of which nobody knows what a table says. What ``snapshotRanges(of:)`` leaves out of a table
  /// is taken as empty; of the metadata it stays unknown.
  package func forEachUnknown(_ body: (TableKind, SpaceID, PageRange) -> Void) {
    for (kind, space) in allTables {
      table(kind, space)?.forEachUnknown(in: PageRange(first: PageFrame(0), count: Self.pageLimit)) { pages in
        // Private mappings of the hypervisor are no part of the state.
        if space != .hyp || Self.isLinear(pages.first) { body(kind, space, pages) }
      }
    }
  }

  /// The tables that there are, each with its space.
  var allTables: [(TableKind, SpaceID)] {
    [(.hostStage2, .host), (.hypStage1, .hyp)] + livingGuests.map { (.guestStage2, $0) }
  }

  // Runs of pages with equal metadata that is known.
  private func forEachFrameRun(_ body: (PageRange, UInt64) -> Void) {
    let everything = PageRange(first: PageFrame(0), count: Self.pageLimit)
    var borders: Set<UInt64> = []
    for space in [SpaceID.host, .hyp] {
      ownership.forEachRun(space, in: everything) { run, _ in borders.insert(run.first.rawValue) }
    }
    ownership.forEachPinRun(in: everything) { run, _ in borders.insert(run.first.rawValue) }
    ownership.forEachShareCountRun(in: everything) { run, _ in borders.insert(run.first.rawValue) }
    let starts = borders.filter { $0 < Self.pageLimit }.sorted()
    var pending: (pages: PageRange, raw: UInt64)?
    for (index, start) in starts.enumerated() {
      let end = index + 1 < starts.count ? starts[index + 1] : Self.pageLimit
      guard let raw = frameWord(at: PageFrame(start)) else { continue }
      if let run = pending, run.raw == raw, run.pages.end.rawValue == start {
        pending?.pages.count += end - start
      } else {
        if let pending { body(pending.pages, pending.raw) }
        pending = (PageRange(first: PageFrame(start), count: end - start), raw)
      }
    }
    if let pending { body(pending.pages, pending.raw) }
  }
}
