// Why: what all spaces together say of one physical page, in the shape in which invariants are judged. The
// search over small machines and audits of journals fill it from what they have. Not here: the invariants.

/// What is said of one physical page at a moment at which no transition is inside it; nil where nobody knows.
package struct PageAccount: Hashable, Sendable {
  /// What the host's tables say.
  package var host = Holding.unknown
  /// What the hypervisor's table says.
  package var hyp = PageState.unknown
  /// Whether the hypervisor's linear map has the page.
  package var isMappedByHyp: Bool?
  /// How many times the hypervisor pinned the page.
  package var pins: UInt32?
  /// To how many guests the host counts the page as lent (`host_share_guest_count`).
  package var shareCount: UInt32?
  /// How many guest leaves that map the page say OWNED; nil: not all guests were seen.
  package var guestOwners: Int?
  /// How many guest leaves that map the page say SHARED_OWNED.
  package var guestLenders: Int?
  /// How many guest leaves that map the page say SHARED_BORROWED.
  package var guestBorrowers: Int?
  /// Whether the guest's leaf that the host's table names maps this page; nil where the table names no guest.
  package var isNamedLeafThere: Bool?
  /// Whether the secure world borrows the page. The hypervisor keeps no record of that.
  package var isLentToSecureWorld: Bool?

  /// Nothing is known.
  package init() {}
}
