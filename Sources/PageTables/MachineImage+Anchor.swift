// Why: a journal whose beginning was pruned begins with a machine: its logical state as images of nodes, and here its
// raw tables in the rows of a snapshot. Not here: where the rows are kept (Journal).

package import PageOwnership

extension MachineImage {
  /// The raw words of all tables as rows of a snapshot: leaves that are known and not zero, and, with the word 0, pages
  /// of which nobody knows. What is left out is known to be empty.
  package func anchorRanges(of snapshot: Int64) -> [SnapshotRange] {
    let everything = PageRange(first: PageFrame(0), count: Self.pageLimit)
    var ranges: [SnapshotRange] = []
    func add(_ table: TableKind, _ space: SpaceID, _ pages: PageRange, _ level: Int8, _ raw: UInt64) {
      ranges.append(
        SnapshotRange(
          snapshot: snapshot, ordinal: Int32(clamping: ranges.count), space: space, table: table, pages: pages,
          level: level, raw: raw))
    }
    for (kind, space) in allTables {
      table(kind, space)?.forEachLeaf(in: everything) { add(kind, space, $0.pages, $0.level, $0.raw) }
      table(kind, space)?.forEachUnknown(in: everything) { add(kind, space, $0, 3, 0) }
    }
    return ranges
  }

  /// The machine that an anchor keeps.
  ///
  /// - Parameters:
  ///   - ownership: its logical state, with the guests that live.
  ///   - ranges: what ``anchorRanges(of:)`` gave; rows of other guests are left out.
  ///   - isWhollyKnown: whether every page of every table is known.
  /// - Throws: ``DescriptorTableError`` at a row that no table can hold.
  package init(
    generation: Generation, regions: [Region], ownership: OwnershipState, anchorRanges ranges: [SnapshotRange],
    isWhollyKnown: Bool
  ) throws(DescriptorTableError) {
    self.init(generation: generation, regions: regions, ownership: ownership)
    hostStage2 = DescriptorTable(isEmpty: true)
    hypStage1 = DescriptorTable(isEmpty: true)
    for space in guests.keys { guests[space] = DescriptorTable(isEmpty: true) }
    // What is not known is forgotten last: a leaf is whole, an unknown page may lie beside it.
    for range in ranges where range.raw != 0 { try restore(range) }
    for range in ranges where range.raw == 0 { try restore(range) }
    self.isWhollyKnown = isWhollyKnown
  }

  private mutating func restore(_ range: SnapshotRange) throws(DescriptorTableError) {
    switch range.table {
    case .hostStage2: try hostStage2.restore(range)
    case .hypStage1: try hypStage1.restore(range)
    case .guestStage2: try guests[range.space]?.restore(range)
    case .vmemmap: break
    }
  }
}

extension DescriptorTable {
  fileprivate mutating func restore(_ range: SnapshotRange) throws(DescriptorTableError) {
    if range.raw == 0 { return forget(range.pages) }
    try set(pages: range.pages, level: range.level, raw: range.raw)
  }
}
