// Why: an address means something only together with the space it lives in (the review of
// `do_donate()` asked for exactly that type). Guests are told apart by incarnation, because
// hypervisors reuse handles at once.

/// The number of a space in one journal: three fixed ones, then guests in order of birth.
package struct SpaceID: RawRepresentable, Hashable, Comparable, Sendable {
  /// The number.
  package var rawValue: Int32

  /// Wraps a space number.
  package init(rawValue: Int32) { self.rawValue = rawValue }

  /// The host: intermediate address equals physical address.
  package static let host = SpaceID(rawValue: 0)
  /// The hypervisor at EL2; its pages are named by the pfn that the linear map gives them.
  package static let hyp = SpaceID(rawValue: 1)
  /// The secure world behind FF-A: no addresses of its own.
  package static let ffa = SpaceID(rawValue: 2)
  /// The first guest incarnation of a journal.
  package static let firstGuest = SpaceID(rawValue: 3)

  /// Whether this is a guest incarnation.
  package var isGuest: Bool { rawValue >= 3 }

  /// Orders spaces by number.
  package static func < (left: SpaceID, right: SpaceID) -> Bool { left.rawValue < right.rawValue }
}

/// What a space belongs to.
package enum SpaceKind: String, Sendable {
  /// The host kernel at EL1.
  case host
  /// The hypervisor at EL2.
  case hyp
  /// The secure world.
  case ffa
  /// One incarnation of a guest.
  case guest
}

/// A space of a journal.
package struct Space: Hashable, Sendable {
  /// Its number in the journal.
  package var id: SpaceID
  /// What it belongs to.
  package var kind: SpaceKind
  /// The VM's handle; nil for the three fixed spaces.
  package var handle: VMHandle?
  /// Which VM of that handle: 1 for the first; 0 for the three fixed spaces.
  package var incarnation: Int32
  /// Whether the VM is protected; nil where nothing said so.
  package var isProtected: Bool?

  /// Makes a space.
  package init(id: SpaceID, kind: SpaceKind, handle: VMHandle?, incarnation: Int32, isProtected: Bool?) {
    self.id = id
    self.kind = kind
    self.handle = handle
    self.incarnation = incarnation
    self.isProtected = isProtected
  }

  /// The three spaces that every journal begins with.
  package static let fixed: [Space] = [
    Space(id: .host, kind: .host, handle: nil, incarnation: 0, isProtected: nil),
    Space(id: .hyp, kind: .hyp, handle: nil, incarnation: 0, isProtected: nil),
    Space(id: .ffa, kind: .ffa, handle: nil, incarnation: 0, isProtected: nil),
  ]

  /// The name that users see and type: `host`, `hyp`, `ffa`, `guest:0x1000#3`.
  package var name: String {
    guard let handle else { return kind.rawValue }
    return "guest:0x" + String(handle.rawValue, radix: 16) + "#\(incarnation)"
  }
}

/// One end of a transition: an address and the space that gives it meaning.
package struct Endpoint: Hashable, Sendable {
  /// The space of the address.
  package var space: SpaceID
  /// The byte address in that space; nil where the space has none (FF-A) or it was not recorded.
  package var address: UInt64?

  /// Makes an endpoint.
  package init(_ space: SpaceID, _ address: UInt64?) {
    self.space = space
    self.address = address
  }
}
