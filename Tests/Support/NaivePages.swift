// Why: the judge of the fast engine: the ownership rules once more, written by hand from the specification,
// one dictionary entry a page, one function an operation, without tables, leaves, runs or phases. Not here:
// blocks, table pages, permissions, and ranges that leave a region in the generations that judge leaves.

package import PageOwnership

/// What an operation returns in the naive model.
package struct NaiveResult: Hashable, Sendable {
  /// The returned value; nil after a BUG or a fault.
  package var value: Int64?
  /// Whether the hypervisor warned or stopped.
  package var isFatal: Bool

  static func refused(_ errno: Int64) -> NaiveResult { NaiveResult(value: errno, isFatal: false) }
  static let done = NaiveResult(value: 0, isFatal: false)
  static let warned = NaiveResult(value: 0, isFatal: true)
  static let stopped = NaiveResult(value: nil, isFatal: true)
}

/// A page of memory in the naive model.
package struct NaivePage: Hashable, Sendable {
  /// The host's state.
  package var host = PageState.owned
  /// The hypervisor's state.
  package var hyp = PageState.noPage
  /// Whether the hypervisor maps it.
  package var isMapped = false
  /// Pins.
  package var references = 0
  /// Guests that borrow it.
  package var shares = 0
  /// The guest that owns it, with the gfn; nil if the hypervisor does, or nobody but the host.
  package var guestOwner: GuestPage?
  /// Whether the host's table has a mapping here that sharing made.
  package var isDeviceMapped = false
}

/// A page of a guest in the naive model.
package struct NaiveGuestPage: Hashable, Sendable {
  /// Its state.
  package var state: PageState
  /// The page of memory; 0 for a poisoned one.
  package var page: UInt64
}

/// The naive model.
package struct NaivePages: Sendable {
  /// Whose rules.
  package let generation: Generation
  /// Whether EL2 debugging is built in.
  package let debug: Bool
  /// Memory; everything else is devices.
  package let regions: [Region]
  /// Pages that were ever touched.
  package var pages: [UInt64: NaivePage] = [:]
  /// Guests' pages that are not NOPAGE.
  package var guests: [GuestPage: NaiveGuestPage] = [:]

  /// A machine whose host owns everything.
  package init(_ generation: Generation, debug: Bool, regions: [Region]) {
    self.generation = generation
    self.debug = debug
    self.regions = regions
  }

  private var age: Int { Generation.allCases.firstIndex(of: generation) ?? 0 }
  private var isLeafy: Bool { age <= 2 }
  private var hasHypMetadata: Bool { age >= 4 }
  private var isNewest: Bool { generation == .linux7_1 }

  /// A page.
  package subscript(_ page: UInt64) -> NaivePage {
    get { pages[page] ?? NaivePage() }
    set { pages[page] = newValue }
  }

  private func kind(_ page: UInt64) -> RegionKind? { regions.first { $0.pages.contains(PageFrame(page)) }?.kind }

  private func region(_ page: UInt64) -> Int? { regions.firstIndex { $0.pages.contains(PageFrame(page)) } }

  /// What the host holds of a page, as everybody would tell it.
  package func hostState(_ page: UInt64) -> PageState {
    if kind(page) == .memory { return self[page].host }
    if generation == .linux6_1 || generation == .linux6_2 { return self[page].host }
    return .noPage
  }

  /// The host's check of a range: 0 or an errno.
  private func checkHost(_ first: UInt64, _ count: UInt64, _ state: PageState) -> Int64 {
    if !isLeafy {
      guard count > 0 else { return 0 }
      let last = region(first + count - 1)
      guard region(first) == last else { return -22 }
      guard kind(first) == .memory else { return -1 }
    }
    for page in first..<first + count {
      let accepts = kind(page) == .memory || kind(page) == .nomap && generation == .linux6_1
      if age <= 1 && !accepts && (self[page].isDeviceMapped && self[page].host != .noPage) { return -22 }
      if hostState(page) != state { return -1 }
    }
    return 0
  }

  private func checkHyp(_ first: UInt64, _ count: UInt64, _ state: PageState) -> Int64 {
    for page in first..<first + count {
      let isStrange = age <= 1 && self[page].isMapped && kind(page) != .memory
      if isStrange && !(kind(page) == .nomap && generation == .linux6_1) { return -22 }
      if self[page].hyp != state { return -1 }
    }
    return 0
  }

  private func isPinned(_ first: UInt64, _ count: UInt64) -> Bool {
    (first..<first + count).contains { self[$0].references > 0 }
  }

  private mutating func each(_ first: UInt64, _ count: UInt64, _ change: (inout NaivePage) -> Void) {
    for page in first..<first + count { change(&self[page]) }
  }

  // MARK: host and hypervisor

  /// `host_share_hyp`
  package mutating func hostShareHyp(_ page: UInt64) -> NaiveResult {
    let host = checkHost(page, 1, .owned)
    if host != 0 { return .refused(host) }
    if debug || hasHypMetadata {
      let hyp = checkHyp(page, 1, .noPage)
      if hyp != 0 { return .refused(hyp) }
    }
    let maps = !hasHypMetadata
    each(page, 1) {
      $0.host = .sharedOwned
      $0.hyp = .sharedBorrowed
      if maps { $0.isMapped = true }
      $0.isDeviceMapped = true
    }
    return .done
  }

  /// `host_unshare_hyp`
  package mutating func hostUnshareHyp(_ page: UInt64) -> NaiveResult {
    let host = checkHost(page, 1, .sharedOwned)
    if host != 0 { return .refused(host) }
    if isLeafy && age >= 1 && isPinned(page, 1) { return .refused(-16) }
    if debug || !isLeafy {
      let hyp = checkHyp(page, 1, .sharedBorrowed)
      if hyp != 0 { return .refused(hyp) }
    }
    if !isLeafy && isPinned(page, 1) { return .refused(-16) }
    let wasMapped = self[page].isMapped
    each(page, 1) {
      $0.host = .owned
      $0.hyp = .noPage
    }
    if hasHypMetadata { return .done }
    self[page].isMapped = false
    return wasMapped ? .done : NaiveResult(value: isLeafy ? 1 : 0, isFatal: true)
  }

  /// `host_donate_hyp`
  package mutating func hostDonateHyp(_ page: UInt64, _ count: UInt64) -> NaiveResult {
    let host = checkHost(page, count, .owned)
    if host != 0 { return .refused(host) }
    if debug || hasHypMetadata {
      let hyp = checkHyp(page, count, .noPage)
      if hyp != 0 { return .refused(hyp) }
    }
    each(page, count) {
      $0.host = .noPage
      $0.guestOwner = nil
      $0.hyp = .owned
      $0.isMapped = true
    }
    return .done
  }

  /// `hyp_donate_host`
  package mutating func hypDonateHost(_ page: UInt64, _ count: UInt64) -> NaiveResult {
    let hyp = checkHyp(page, count, .owned)
    if hyp != 0 { return .refused(hyp) }
    if debug || hasHypMetadata {
      let host = checkHost(page, count, .noPage)
      if host != 0 { return .refused(host) }
    }
    if isNewest && isPinned(page, count) { return .refused(-16) }
    each(page, count) {
      $0.hyp = .noPage
      $0.isMapped = false
      $0.host = .owned
      $0.isDeviceMapped = false
    }
    return .done
  }

  /// `pin`
  package mutating func pin(_ page: UInt64, _ count: UInt64) -> NaiveResult {
    let host = checkHost(page, count, .sharedOwned)
    if host != 0 { return .refused(host) }
    let hyp = checkHyp(page, count, .sharedBorrowed)
    if hyp != 0 { return .refused(hyp) }
    let maps = hasHypMetadata
    each(page, count) {
      $0.references += 1
      if maps { $0.isMapped = true }
    }
    return .done
  }

  /// `unpin`
  package mutating func unpin(_ page: UInt64, _ count: UInt64) -> NaiveResult {
    var result = NaiveResult.done
    for page in page..<page + count {
      if self[page].references == 0 { return .stopped }
      if hasHypMetadata && self[page].references == 1 {
        if !self[page].isMapped { result = .warned }
        self[page].isMapped = false
      }
      self[page].references -= 1
    }
    return result
  }

  /// `host_share_ffa` and `host_unshare_ffa`
  package mutating func shareFFA(_ page: UInt64, _ count: UInt64, isEnd: Bool) -> NaiveResult {
    let host = checkHost(page, count, isEnd ? .sharedOwned : .owned)
    if host != 0 { return .refused(host) }
    each(page, count) { $0.host = isEnd ? .owned : .sharedOwned }
    return .done
  }

  // MARK: guests

  /// `host_share_guest`, one page
  package mutating func hostShareGuest(_ page: UInt64, _ guest: GuestPage) -> NaiveResult {
    guard kind(page) == .memory else { return .refused(-1) }
    guard guests[guest] == nil else { return .refused(-1) }
    switch self[page].host {
    case .owned: break
    case .sharedOwned where self[page].shares > 0: break
    case .sharedOwned where generation == .linux6_14: return NaiveResult(value: -1, isFatal: true)
    default: return .refused(-1)
    }
    self[page].host = .sharedOwned
    self[page].shares += 1
    guests[guest] = NaiveGuestPage(state: .sharedBorrowed, page: page)
    return .done
  }

  /// `host_unshare_guest`, one page
  package mutating func hostUnshareGuest(_ guest: GuestPage) -> NaiveResult {
    guard let found = guests[guest], found.state != .poison else { return .refused(-2) }
    guard found.state == .sharedBorrowed, self[found.page].host == .sharedOwned else { return .refused(-1) }
    if self[found.page].shares == 0 { return NaiveResult(value: -22, isFatal: true) }
    guests[guest] = nil
    self[found.page].shares -= 1
    if self[found.page].shares == 0 { self[found.page].host = .owned }
    return .done
  }

  /// `host_donate_guest`
  package mutating func hostDonateGuest(_ page: UInt64, _ guest: GuestPage) -> NaiveResult {
    let host = checkHost(page, 1, .owned)
    if host != 0 { return .refused(host) }
    guard guests[guest] == nil else { return .refused(-1) }
    self[page].host = .noPage
    self[page].guestOwner = guest
    guests[guest] = NaiveGuestPage(state: .owned, page: page)
    return .done
  }

  /// `guest_share_host` and `guest_unshare_host`
  package mutating func guestShareHost(_ guest: GuestPage, isEnd: Bool) -> NaiveResult {
    guard let found = guests[guest] else { return .refused(-2) }
    if found.state == .poison { return .refused(-133) }
    guard found.state == (isEnd ? .sharedOwned : .owned) else { return .refused(-1) }
    guard self[found.page].host == (isEnd ? .sharedBorrowed : .noPage) else { return .refused(-1) }
    guests[guest]?.state = isEnd ? .owned : .sharedOwned
    self[found.page].host = isEnd ? .noPage : .sharedBorrowed
    self[found.page].guestOwner = isEnd ? guest : nil
    return .done
  }

  /// `host_reclaim_guest`
  package mutating func hostReclaimGuest(_ guest: GuestPage) -> NaiveResult {
    guard let found = guests[guest] else { return .refused(-2) }
    let wanted: PageState
    switch found.state {
    case .poison: return .done
    case .owned: wanted = .noPage
    case .sharedOwned: wanted = .sharedBorrowed
    default: return .refused(-1)
    }
    let isRight = self[found.page].host == wanted
    guests[guest] = nil
    self[found.page].host = .owned
    self[found.page].guestOwner = nil
    return isRight ? .done : .warned
  }

  /// `host_force_reclaim`
  package mutating func hostForceReclaim(_ page: UInt64) -> NaiveResult {
    guard let kind = kind(page) else { return .refused(-14) }
    if kind == .nomap || self[page].host != .noPage { return .refused(-11) }
    guard let guest = self[page].guestOwner else { return .refused(-1) }
    guard let found = guests[guest] else { return .refused(-2) }
    if found.state == .poison { return .refused(-133) }
    guard found.state == .owned else { return .refused(-1) }
    guests[guest]?.state = .poison
    self[page].host = .owned
    self[page].guestOwner = nil
    return found.page == page ? .done : .warned
  }
}
