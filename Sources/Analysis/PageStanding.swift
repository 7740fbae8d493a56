// Why: everything that the tables say of one page, as one value: what a half-done transition is measured in.
// It reads machines and single words alike. Not here: what a step makes of it (+Steps).

package import PageOwnership
package import PageTables

/// What the tables of all spaces that take part say of one page.
package struct PageStanding: Hashable, Sendable {
  /// The host's state and whom its table names.
  package var host: Holding
  /// Whether the host's table maps the page; nil if unknown.
  package var isMappedAtHost: Bool?
  /// The hypervisor's state.
  package var hyp: PageState
  /// Whether the hypervisor's table maps the page; nil if unknown.
  package var isMappedAtHyp: Bool?
  /// The state of the guest's page; nil if no guest takes part.
  package var guest: PageState?
  /// Whether a break-before-make is in progress: the old descriptor is gone and the new one not yet there.
  package var isLocked: Bool
  /// How many times the hypervisor pinned the page; nil if unknown.
  package var pins: UInt32?
  /// To how many guests the host lent the page; nil if unknown or not counted.
  package var shareCount: UInt32?

  /// What a machine says of a page.
  ///
  /// - Parameters:
  ///   - page: the physical page; nil if no table tells which it is.
  ///   - guest: the guest's page; nil if no guest takes part.
  package init(_ image: MachineImage, _ page: PageFrame?, guest place: GuestPage?) {
    let page = page ?? PageFrame(.max)
    host = image.ownership.holding(.host, page)
    hyp = image.ownership.holding(.hyp, page).state
    let leaf = image.leaf(.hostStage2, .host, at: page)
    isMappedAtHost = leaf.map { Descriptor($0.raw).isValid }
    isMappedAtHyp = image.leaf(.hypStage1, .hyp, at: page).map { Descriptor($0.raw).isValid }
    pins = image.ownership.pins(page)
    shareCount = image.ownership.shareCount(page)
    isLocked = host.annotation == .locked
    guard let place else { return }
    guest = image.ownership.holding(place.space, place.page).state
    if let leaf = image.leaf(.guestStage2, place.space, at: place.page), image.encoding.isLocked(leaf.raw) {
      isLocked = true
    }
  }

  /// Takes over what `other` knows of a field that is unknown here.
  package mutating func fill(from other: PageStanding) {
    if host.state == .unknown { host.state = other.host.state }
    if host.annotation == .unknown { host.annotation = other.host.annotation }
    isMappedAtHost = isMappedAtHost ?? other.isMappedAtHost
    if hyp == .unknown { hyp = other.hyp }
    isMappedAtHyp = isMappedAtHyp ?? other.isMappedAtHyp
    if guest == .unknown { guest = other.guest }
    pins = pins ?? other.pins
    shareCount = shareCount ?? other.shareCount
  }

  /// Puts back what a change found; unknown where it was not recorded.
  ///
  /// - Parameter isMemory: whether the page is memory, as the facts say.
  mutating func takeBack(_ change: Change, _ encoding: TableEncoding, isMemory: Bool?) {
    let leaf = change.old.map { LeafWord(level: change.oldLevel, raw: $0) }
    switch change.table {
    case .vmemmap: takeBackFrame(change, encoding)
    case .hostStage2:
      let meaning = leaf.map { encoding.hostMeaning($0, isMemory: isMemory) }
      host.annotation = meaning?.annotation ?? .unknown
      if encoding.keepsHostStateInDescriptors { host.state = meaning?.state ?? .unknown }
      isMappedAtHost = leaf.map { Descriptor($0.raw).isValid }
    case .hypStage1:
      isMappedAtHyp = leaf.map { Descriptor($0.raw).isValid }
      if encoding.keepsHypStateInDescriptors { hyp = leaf.flatMap(encoding.hypState) ?? .unknown }
    case .guestStage2: guest = leaf.map(encoding.guestState) ?? .unknown
    }
  }

  private mutating func takeBackFrame(_ change: Change, _ encoding: TableEncoding) {
    let meaning = change.old.map(encoding.frame)
    if change.space == .host {
      if !encoding.keepsHostStateInDescriptors { host.state = meaning?.host ?? .unknown }
      shareCount = meaning?.shareCount
      return
    }
    if !encoding.keepsHypStateInDescriptors { hyp = meaning?.hyp ?? .unknown }
    pins = meaning.map { hyp == .owned ? 0 : UInt32($0.references) }
  }
}

extension TableEncoding {
  /// Whether an invalid descriptor of a stage 2 table marks a break-before-make.
  func isLocked(_ raw: UInt64) -> Bool { annotation(raw) == .locked }
}
