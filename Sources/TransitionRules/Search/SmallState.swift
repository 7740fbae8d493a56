// Why: the ownership state of a machine of few pages in two words, so that a search can hold millions of
// them. Not here: what operations do to it (SmallMachine).

import PageOwnership

/// The ownership state of at most four pages and three guests with as many addresses each.
struct SmallState: Hashable, Sendable {
  /// 16 bits a page: see ``SmallPage``.
  var pages: UInt64
  /// 5 bits a guest's address: see ``SmallLeaf``; address `a` of guest `g` is number `4g + a`.
  var leaves: UInt64

  /// How many pages, and addresses of each guest, fit.
  static let pageLimit = 4
  /// How many guests fit.
  static let guestLimit = 3

  /// Every page is the host's alone.
  static let initial = SmallState(pages: 0, leaves: 0)

  subscript(page page: Int) -> SmallPage {
    get { SmallPage(rawValue: UInt16(truncatingIfNeeded: pages >> UInt64(page * 16))) }
    set {
      let shift = UInt64(page * 16)
      pages = pages & ~(0xffff << shift) | UInt64(newValue.rawValue) << shift
    }
  }

  subscript(leaf leaf: Int) -> SmallLeaf {
    get { SmallLeaf(rawValue: UInt8(truncatingIfNeeded: leaves >> UInt64(leaf * 5) & 31)) }
    set {
      let shift = UInt64(leaf * 5)
      leaves = leaves & ~(31 << shift) | UInt64(newValue.rawValue) << shift
    }
  }
}

/// What the tables and counters say of one page. All zero: the host's alone, unmapped at EL2.
struct SmallPage: Hashable, Sendable {
  var rawValue: UInt16

  private func field(_ shift: UInt16, _ mask: UInt16) -> UInt16 { rawValue >> shift & mask }

  private mutating func set(_ shift: UInt16, _ mask: UInt16, _ value: UInt16) {
    rawValue = rawValue & ~(mask << shift) | (value & mask) << shift
  }

  /// The host's state: one of the four that pages have.
  var host: PageState {
    get { Self.state(field(0, 3)) }
    set { set(0, 3, UInt16(newValue.rawValue)) }
  }

  /// The hypervisor's state, stored inverted.
  var hyp: PageState {
    get { Self.state(field(2, 3) ^ 3) }
    set { set(2, 3, UInt16(newValue.rawValue) ^ 3) }
  }

  /// Whether the hypervisor's table maps the page.
  var isMapped: Bool {
    get { field(4, 1) != 0 }
    set { set(4, 1, newValue ? 1 : 0) }
  }

  /// Whether the secure world borrows the page: nothing in the hypervisor says so.
  var isLentToSecureWorld: Bool {
    get { field(5, 1) != 0 }
    set { set(5, 1, newValue ? 1 : 0) }
  }

  /// How often the page is pinned: 0 to 3.
  var pins: UInt16 {
    get { field(6, 3) }
    set { set(6, 3, newValue) }
  }

  /// The host's count of guests that borrow the page: 0 to 12.
  var shareCount: UInt16 {
    get { field(8, 15) }
    set { set(8, 15, newValue) }
  }

  /// Whom the host's table names: 0 nobody, 1 the hypervisor, from 2 on a guest's address by its number.
  var named: UInt16 {
    get { field(12, 15) }
    set { set(12, 15, newValue) }
  }

  /// Nobody, in ``named``.
  static let nobody: UInt16 = 0
  /// The hypervisor, in ``named``.
  static let hypervisor: UInt16 = 1
  /// The first address of the first guest, in ``named``.
  static let firstLeaf: UInt16 = 2

  /// The number of the guest's address that the host's table names.
  var namedLeaf: Int? { named >= Self.firstLeaf ? Int(named - Self.firstLeaf) : nil }

  private static func state(_ number: UInt16) -> PageState {
    switch number {
    case 0: .owned
    case 1: .sharedOwned
    case 2: .sharedBorrowed
    default: .noPage
    }
  }
}

/// What a guest's table says of one address. Zero: nothing is mapped.
struct SmallLeaf: Hashable, Sendable {
  var rawValue: UInt8

  static let unmapped = SmallLeaf(rawValue: 0)
  static let poisoned = SmallLeaf(rawValue: 4)

  init(rawValue: UInt8) { self.rawValue = rawValue }

  /// A leaf that maps a page in one of the three states that mapped pages have.
  init(_ state: PageState, page: Int) { rawValue = state.rawValue + 1 | UInt8(page) << 3 }

  var state: PageState {
    switch rawValue & 7 {
    case 1: .owned
    case 2: .sharedOwned
    case 3: .sharedBorrowed
    case 4: .poison
    default: .noPage
    }
  }

  /// The page that it maps; nil if it maps none.
  var page: Int? { (1...3).contains(rawValue & 7) ? Int(rawValue >> 3) : nil }
}
