// Why: the states that a page has in one space, under one set of numbers. The kernel's own numbers
// changed twice (spec §2.1), so a raw number never travels beyond PageTables.

/// What one space's tables say of a page: the vocabulary's "state".
package enum PageState: UInt8, Hashable, Sendable, CaseIterable {
  /// Exclusive: nobody else may touch it. The corresponding kernel constant is `PKVM_PAGE_OWNED`.
  case owned = 0
  /// Owned here and lent to somebody. The corresponding kernel constant is `PKVM_PAGE_SHARED_OWNED`.
  case sharedOwned = 1
  /// Borrowed from its owner. The corresponding kernel constant is `PKVM_PAGE_SHARED_BORROWED`.
  case sharedBorrowed = 2
  /// Not of this space. The corresponding kernel constant is `PKVM_NOPAGE`.
  case noPage = 3
  /// A guest's page that was taken away by force; sticky. The corresponding kernel constant is `PKVM_POISON`.
  case poison = 4
  /// Both software bits set: no kernel writes it, no rule accepts it (`__PKVM_PAGE_RESERVED`).
  case reserved = 5
  /// We did not see it: never written by a hypervisor, only by Custody.
  case unknown = 7

  /// The word used in SQL, tables and JSON.
  package var name: String {
    switch self {
    case .owned: "OWNED"
    case .sharedOwned: "SHARED_OWNED"
    case .sharedBorrowed: "SHARED_BORROWED"
    case .noPage: "NOPAGE"
    case .poison: "POISON"
    case .reserved: "RESERVED"
    case .unknown: "UNKNOWN"
    }
  }

  /// The state called `name`, exactly as ``name`` writes it.
  package init?(name: some StringProtocol) {
    guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = found
  }
}

/// Whom a space's own table names as the owner of a page that the space does not hold.
///
/// The corresponding kernel notion is the invalid-descriptor annotation (spec §2.3).
package enum OwnerAnnotation: Hashable, Sendable {
  /// The table names nobody.
  case none
  /// The hypervisor (`PKVM_ID_HYP`).
  case hyp
  /// A guest; before 7.1 neither handle nor gfn exist (`PKVM_ID_GUEST`).
  case guest(handle: VMHandle, gfn: PageFrame)
  /// The secure world (`PKVM_ID_FFA`).
  case ffa
  /// Break-before-make in progress: the old descriptor is gone, the new one not yet there.
  case locked
  /// An owner number that this generation does not define.
  case other(UInt8)
  /// We did not see it.
  case unknown

  /// The word used in SQL and tables; a guest by its handle, the gfn is left out.
  package var name: String {
    switch self {
    case .none: "none"
    case .hyp: "hyp"
    case .guest(let handle, _): "guest:0x" + String(handle.rawValue, radix: 16)
    case .ffa: "ffa"
    case .locked: "locked"
    case .other(let id): "owner \(id)"
    case .unknown: "unknown"
    }
  }
}

/// Everything that one space's tables say of one page: its state and whom they name as owner.
package struct Holding: Hashable, Sendable {
  /// The state of the page in this space.
  package var state: PageState
  /// Whom the space's table names; ``OwnerAnnotation/none`` where it names nobody.
  package var annotation: OwnerAnnotation

  /// Makes a holding.
  package init(_ state: PageState, _ annotation: OwnerAnnotation = .none) {
    self.state = state
    self.annotation = annotation
  }

  /// Nothing was seen of the page in this space.
  package static let unknown = Holding(.unknown, .unknown)
}
