// Why: whoever makes a machine of another kind out of a replayed one needs the leaves of its tables.

package import PageOwnership

extension MachineImage {
  /// Goes through the leaves of a table that are known and not zero, in order, as runs; `range` nil: all of it.
  ///
  /// For the hypervisor's table pages are those of the linear map. There are none in the vmemmap, nor in the tables of
  /// guests that do not live.
  package func forEachLeaf(
    _ table: TableKind, _ space: SpaceID, in range: PageRange? = nil, _ body: (LeafRun) -> Void
  ) {
    let everything = PageRange(first: PageFrame(0), count: Self.pageLimit)
    self.table(table, space)?.forEachLeaf(in: range ?? everything, body)
  }
}
