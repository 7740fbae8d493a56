// Why: what a snapshot shows, by itself, is a machine too: the witness of what a cut recording's entries say.

package import PageOwnership

extension MachineImage {
  /// The machine that a snapshot shows, whatever entries before it say.
  ///
  /// - Parameter guests: the guests that lived then; others have no table.
  package init(generation: Generation, regions: [Region], showing snapshot: SnapshotImage, guests: [Space]) {
    self.init(generation: generation, regions: regions)
    for guest in guests where snapshot.guests[guest.id] != nil { addGuest(guest, isEmpty: true) }
    adopt(snapshot, after: SnapshotVerdict(), keeping: [])
  }

  /// The attributes of the hypervisor's own data mappings: a valid leaf that may be read and written, not executed.
  ///
  /// - Parameter pages: where to look.
  /// - Returns: nil if none is known there.
  package func hypDataLeaf(in pages: PageRange) -> UInt64? {
    var found: UInt64?
    hypStage1.forEachLeaf(in: pages) { run in
      let word = Descriptor(run.raw)
      let isData = word.isValid && word.accessPermissions & 0b10 == 0 && word.attributeIndex == 0
      guard found == nil, isData, word.isPrivilegedExecuteNever || word.isUnprivilegedExecuteNever else { return }
      found = run.raw
    }
    return found
  }
}

extension MachineImage {
  /// Whether the table of every guest that lives is known to its last page.
  package var isEveryGuestKnown: Bool {
    let everything = PageRange(first: PageFrame(0), count: Self.pageLimit)
    return guests.values.allSatisfy { table in
      var isKnown = true
      table.forEachUnknown(in: everything) { _ in isKnown = false }
      return isKnown
    }
  }
}
