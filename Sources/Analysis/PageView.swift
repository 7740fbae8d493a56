// Why: what all spaces say of one physical page at one moment, as one value that can be compared.
// Not here: when it changed (PageWatch) and how it is worded (CustodyCLI).

package import PageOwnership
package import PageTables

/// What a guest that maps a page says of it.
package struct GuestView: Hashable, Sendable {
  /// Where in which guest.
  package var place: GuestPage
  /// What the guest's table says.
  package var holding: Holding

  /// Makes a view.
  package init(place: GuestPage, holding: Holding) {
    self.place = place
    self.holding = holding
  }
}

/// What all spaces say of one physical page.
package struct PageView: Hashable, Sendable {
  /// The page.
  package var page: PageFrame
  /// What the host's table and metadata say.
  package var host: Holding
  /// What the hypervisor's table and metadata say.
  package var hyp: Holding
  /// The guests that map the page, by number and gfn.
  package var guests: [GuestView]
  /// How many times the hypervisor pinned the page; nil if unknown.
  package var pins: UInt32?
  /// To how many guests the host lent the page; nil if unknown, or if this generation does not count.
  package var shareCount: UInt32?
  /// The guest that the host's table names, told by who lives; nil if it names none, or one that nobody knows.
  package var namedGuest: GuestPage?
  /// Who owns the page.
  package var owner: DerivedOwner

  /// Makes a view; the owner is derived from it.
  package init(
    page: PageFrame, host: Holding, hyp: Holding, guests: [GuestView], pins: UInt32?, shareCount: UInt32?,
    namedGuest: GuestPage?
  ) {
    self.page = page
    self.host = host
    self.hyp = hyp
    self.guests = guests
    self.pins = pins
    self.shareCount = shareCount
    self.namedGuest = namedGuest
    owner = DerivedOwner(host: host, hyp: hyp) { holding in
      if case .guest = holding.annotation { return namedGuest?.space }
      return guests.first { $0.holding.state.isOwning }?.place.space
    }
  }
}

extension MachineImage {
  /// What all spaces say of a page; `mappings` are the guest pages that map it.
  ///
  /// - Parameter guests: the guests that live, with their handles.
  package func view(of page: PageFrame, mappings: [GuestPage], guests: LivingGuests) -> PageView {
    let host = ownership.holding(.host, page)
    let views = mappings.sorted().map { GuestView(place: $0, holding: ownership.holding($0.space, $0.page)) }
    return PageView(
      page: page, host: host, hyp: ownership.holding(.hyp, page), guests: views, pins: ownership.pins(page),
      shareCount: ownership.shareCount(page), namedGuest: guests.named(by: host))
  }
}

/// Which incarnation a handle means at one moment.
package struct LivingGuests: Sendable {
  private var byHandle: [VMHandle: SpaceID] = [:]

  /// The guests among `spaces` that live in an image.
  package init(_ spaces: [Space], in image: MachineImage) {
    let living = Set(image.livingGuests)
    for space in spaces where living.contains(space.id) {
      if let handle = space.handle { byHandle[handle] = space.id }
    }
  }

  /// The guest of a handle; nil if none lives.
  func guest(of handle: VMHandle) -> SpaceID? { byHandle[handle] }

  /// The guest page that a holding names as owner; nil if it names no guest, or none that lives.
  package func named(by holding: Holding) -> GuestPage? {
    guard case .guest(let handle, let gfn) = holding.annotation, let space = byHandle[handle] else { return nil }
    return GuestPage(space, gfn)
  }
}
