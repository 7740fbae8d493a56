// Why: what comes of asking whether a condition holds: a verdict, what was found at the page that decides, and
// the errno that this kernel gives for it; or why nobody can tell from a journal.
// Not here: how it is found (ConditionJudge) and how it is worded (CustodyCLI).

package import PageOwnership

/// A condition with everything that it is about.
package struct ConditionQuestion: Hashable, Sendable {
  /// What must hold.
  package var condition: Condition
  /// The state that every page must have; nil where the condition itself says.
  package var expected: PageState?
  /// The attempt whose ends, pages and arguments are looked at.
  package var transition: Transition

  /// Makes a question.
  package init(_ condition: Condition, expected: PageState? = nil, of transition: Transition) {
    self.condition = condition
    self.expected = expected
    self.transition = transition
  }
}

/// What was found where a condition is decided.
package enum Finding: Hashable, Sendable {
  /// What a space says of a page (its own numbers).
  case holding(SpaceID, PageFrame, Holding)
  /// How many times the hypervisor pinned a physical page.
  case pins(PageFrame, UInt32)
  /// To how many guests the host lent a physical page.
  case shareCount(PageFrame, UInt32)
  /// The leaf of a guest's table, and what it means.
  case guestLeaf(GuestPage, LeafWord, PageState)
  /// The leaf of the host's table.
  case hostLeaf(PageFrame, LeafWord, OwnerAnnotation)
  /// The host names a guest of this handle, and none lives.
  case deadGuest(PageFrame, VMHandle)
  /// What lies at a physical page; nil: no known region.
  case region(PageFrame, RegionKind?)
  /// The range leaves the region, or the gap between regions, in which it begins.
  case regionBorder(PageFrame)
  /// The frame numbers against how many there are.
  case frames(first: UInt64, count: UInt64, limit: UInt64)
  /// A page count, and the addresses that a block of it would need aligned.
  case size(count: UInt64, isAligned: Bool)
  /// Permission bits against those that may be given.
  case permissions(UInt64, allowed: UInt64)
  /// The address lies beyond the guest's address space.
  case beyondGuest(GuestPage)
}

/// Why a journal cannot tell whether a condition holds.
package enum Blindness: String, Hashable, Sendable, CaseIterable {
  /// Nobody saw the page, or lines are missing since.
  case unseen = "the page was not seen"
  /// The journal does not hold what a vCPU's memcache contains.
  case memcache = "the contents of the memcache are not recorded"
  /// The reference counts of the hypervisor's own pages are its allocator's.
  case allocator = "reference counts of the hypervisor's own pages are not recorded"
  /// No region of memory is known.
  case regions = "the regions of memory are not known"
  /// How wide physical addresses are.
  case addressBits = "the width of addresses is not known"
  /// The attempt names no page to look at.
  case noPage = "the recording names no page"
  /// The step is none that the catalogue knows.
  case unrecognised = "the step is not known"
}

/// Whether a condition holds.
package struct Judgement: Hashable, Sendable {
  /// Whether it does.
  package enum Verdict: Hashable, Sendable {
    /// It does, for every page.
    case holds
    /// It does not.
    case fails
    /// The journal cannot tell.
    case unknown(Blindness)
  }

  /// Whether it does.
  package var verdict: Verdict
  /// What was found: of a condition that fails at the first page where it does, else at the first page; nil where
  /// there is nothing to see.
  package var finding: Finding?
  /// What this generation's kernel returns for it; nil if it holds, or returns nothing for it.
  package var result: Int64?

  /// It holds.
  static func holds(_ finding: Finding? = nil) -> Judgement { Judgement(verdict: .holds, finding: finding) }

  /// It fails, with an errno (negative).
  static func fails(_ result: Int64?, _ finding: Finding?) -> Judgement {
    Judgement(verdict: .fails, finding: finding, result: result)
  }

  /// Nobody can tell.
  static func unknown(_ why: Blindness, _ finding: Finding? = nil) -> Judgement {
    Judgement(verdict: .unknown(why), finding: finding)
  }

  /// This one if it fails or is unknown, else the next: conditions of one step in the kernel's order.
  func then(_ next: () -> Judgement) -> Judgement { verdict == .holds ? next() : self }
}

/// The errnos that conditions give.
enum Refusal {
  static let permission: Int64 = -1
  static let noEntry: Int64 = -2
  static let tooBig: Int64 = -7
  static let again: Int64 = -11
  static let fault: Int64 = -14
  static let busy: Int64 = -16
  static let invalid: Int64 = -22
  static let range: Int64 = -34
  static let poison: Int64 = -133
}
