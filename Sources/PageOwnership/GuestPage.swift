// Why: a gfn means nothing without its guest; questions about guests are asked of the pair.

/// A page of one guest's space.
package struct GuestPage: Hashable, Comparable, Sendable {
  /// The guest.
  package var space: SpaceID
  /// The gfn.
  package var page: PageFrame

  /// Makes a guest page.
  package init(_ space: SpaceID, _ page: PageFrame) {
    self.space = space
    self.page = page
  }

  /// Orders by guest, then by gfn.
  package static func < (left: GuestPage, right: GuestPage) -> Bool {
    (left.space, left.page) < (right.space, right.page)
  }
}
