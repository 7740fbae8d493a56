// Why: what the rows of the rules ask about: an attempt with its arguments as the hypervisor derives them, and
// what the journal tells of it besides the tables. Not here: whether a row holds (ConditionJudge+Rules).

package import PageOwnership
import PageTables

/// An attempt to change ownership, as the rules look at it.
package struct RuleSubject: Hashable, Sendable {
  /// The attempt. Its ends are what the hypervisor makes of the raw arguments, modulo 2^64.
  package var transition: Transition
  /// Whether the vCPU's memcache holds enough pages for any new tables; nil where nothing says.
  package var memcacheSuffices: Bool?
  /// The reference counts that the call saw, of pages that the hypervisor owns.
  package var references: [PageFrame: UInt16] = [:]
  /// The guest's leaf that the call saw, with the access flag that hardware may have set.
  package var seenGuestLeaf: LeafWord?

  /// An attempt of which nothing but its arguments is known.
  package init(_ transition: Transition) {
    self.transition = transition
    if let frame = transition.argument("pfn") { setHostAddress(frame << 12) }
    if let frame = transition.argument("gfn") { setGuestAddress(frame << 12) }
    if let count = transition.rawPageCount { self.transition.pageCount = count }
  }

  /// The physical pages, at most ``pageLimit``; nil where none is known.
  var frames: PageRange? {
    transition.firstFrame.map { PageRange(first: $0, count: min(transition.pageCount, Self.pageLimit)) }
  }

  /// The guest's pages, at most ``pageLimit``; nil where there are none.
  var guestPages: (space: SpaceID, pages: PageRange)? {
    transition.guestPage.map {
      ($0.space, PageRange(first: $0.page, count: min(transition.pageCount, Self.pageLimit)))
    }
  }

  /// Recorders look at no more pages of a range than this.
  static let pageLimit: UInt64 = 512

  /// The page is the one that the guest's own table names now.
  mutating func followGuestLeaf(in image: MachineImage) {
    switch transition.operation {
    case .guestShareHost, .guestUnshareHost, .hostReclaimGuest, .hostUnshareGuest:
      guard let place = transition.guestPage, let page = image.physicalPage(of: place) else { return }
      setHostAddress(page.address)
    default: return
    }
  }

  private mutating func setHostAddress(_ address: UInt64) {
    if transition.source.space == .host { transition.source.address = address }
    if transition.target.space == .host { transition.target.address = address }
    transition.page = PageFrame(containing: address)
  }

  private mutating func setGuestAddress(_ address: UInt64) {
    if transition.source.space.isGuest { transition.source.address = address }
    if transition.target.space.isGuest { transition.target.address = address }
  }
}

extension Transition {
  // A register may hold any count; recorders write large ones as negative numbers.
  fileprivate var rawPageCount: UInt64? {
    if operation == .pin || operation == .unpin { return nil }
    if let count = argument("nr") { return count }
    guard let text = arguments.value(named: "nr") else { return nil }
    return Int64(text).map { UInt64(bitPattern: $0) }
  }
}
