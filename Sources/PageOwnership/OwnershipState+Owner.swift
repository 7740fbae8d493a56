// Why: "who owns this page?" is answered by no single table: the owner is whoever says so, and two or
// none may say so. Not here: which incarnation a handle meant, which only the caller's history knows.

/// Who owns a physical page, as derived from all spaces.
package enum DerivedOwner: Hashable, Sendable {
  /// Exactly one space.
  case one(SpaceID)
  /// No space says that it owns the page, and none is unknown.
  case nobody
  /// Several spaces say so.
  case two([SpaceID])
  /// Something that matters was not seen.
  case unknown
}

extension OwnershipState {
  /// Derives the owner of a physical page.
  ///
  /// - Parameter guest: Which guest has a page that the host gave away or borrows, told by the host's holding;
  ///   nil if that cannot be known. Asked only if the host names a guest, or borrows from a space that is not EL2.
  package func owner(of page: PageFrame, guest: (Holding) -> SpaceID?) -> DerivedOwner {
    DerivedOwner(host: holding(.host, page), hyp: holding(.hyp, page), guest: guest)
  }
}

extension DerivedOwner {
  /// Derives the owner of a page from what host and hypervisor hold; `guest` as in ``OwnershipState/owner(of:guest:)``.
  package init(host: Holding, hyp: Holding, guest: (Holding) -> SpaceID?) {
    self = Self.derive(host, hyp, guest)
  }

  private static func derive(_ host: Holding, _ hyp: Holding, _ guest: (Holding) -> SpaceID?) -> DerivedOwner {
    if host.state == .unknown || hyp.state == .unknown { return .unknown }
    var owners: [SpaceID] = []
    if host.state.isOwning { owners.append(.host) }
    if hyp.state.isOwning { owners.append(.hyp) }
    if Self.mayBelongToGuest(host, hypOwns: hyp.state.isOwning) {
      guard let found = guest(host) else { return .unknown }
      owners.append(found)
    }
    guard let first = owners.first else { return .nobody }
    return owners.count == 1 ? .one(first) : .two(owners)
  }

  private static func mayBelongToGuest(_ host: Holding, hypOwns: Bool) -> Bool {
    switch (host.state, host.annotation) {
    case (.noPage, .guest): true
    case (.noPage, .unknown): !hypOwns
    case (.sharedBorrowed, _): !hypOwns
    default: false
    }
  }
}

extension PageState {
  /// Whether the state makes its space the page's owner.
  package var isOwning: Bool { self == .owned || self == .sharedOwned }
}
