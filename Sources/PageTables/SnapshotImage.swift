// Why: a snapshot's content in the shape of the machine's own tables, so that the two can be compared
// and the one can take over from the other.

package import PageOwnership

/// The content of one snapshot.
package struct SnapshotImage: Sendable {
  var host = DescriptorTable(isEmpty: true)
  var hyp = DescriptorTable(isEmpty: true)
  var guests: [SpaceID: DescriptorTable] = [:]
  var frames: [(pages: PageRange, raw: UInt64)] = []
  /// What the hypervisor maps outside its linear map.
  package private(set) var privateLeaves: [LeafRun] = []
  /// Ranges that no table of a real machine could hold.
  package private(set) var impossibleCount = 0

  /// An empty snapshot of a machine with these guests.
  package init(guests: [SpaceID]) {
    for guest in guests { self.guests[guest] = DescriptorTable(isEmpty: true) }
  }

  /// Adds a range; private mappings of the hypervisor are kept beside its table.
  package mutating func add(_ range: SnapshotRange) {
    do throws(DescriptorTableError) {
      switch range.table {
      case .hostStage2: try host.set(pages: range.pages, level: range.level, raw: range.raw)
      case .hypStage1:
        guard MachineImage.isLinear(range.pages.first) else {
          return privateLeaves.append(LeafRun(pages: range.pages, level: range.level, raw: range.raw))
        }
        try hyp.set(pages: range.pages, level: range.level, raw: range.raw)
      case .guestStage2:
        guard guests[range.space] != nil else { return }
        try guests[range.space, default: DescriptorTable(isEmpty: true)]
          .set(pages: range.pages, level: range.level, raw: range.raw)
      case .vmemmap: frames.append((range.pages, range.raw))
      }
    } catch {
      impossibleCount += 1
    }
  }
}

/// Pages of which a snapshot and the replay say different things.
package struct SnapshotDifference: Hashable, Sendable {
  /// Which table.
  package var table: TableKind
  /// Whose table; for the vmemmap the half that differs.
  package var space: SpaceID
  /// The pages, of one run.
  package var pages: PageRange
  /// What the snapshot shows for the first page.
  package var seenLeaf: LeafWord
  /// What the replay says, in words.
  package var replayed: String
  /// What the snapshot shows, in words.
  package var seen: String
}

/// What came of comparing a snapshot with the replay.
package struct SnapshotVerdict: Sendable {
  /// Pages whose word is known on both sides: mapped or annotated leaves, and vmemmap words.
  package var pagesCompared: UInt64 = 0
  /// Pages that the snapshot shows and the replay does not know.
  package var pagesUnknown: UInt64 = 0
  /// Leaves that differ only in the access flag.
  package var accessFlags: UInt64 = 0
  /// The differences, by table and page.
  package var differences: [SnapshotDifference] = []
}
