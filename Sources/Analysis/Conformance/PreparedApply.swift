// Why: an apply is judged by what it leaves behind, and some of that depends on what was there before: counters,
// permissions, whether the host had access. This is taken down right before the entry's changes.
// Not here: what must be there afterwards (ApplyJudge).

import PageOwnership
import PageTables
import TransitionRules

/// An apply phase with what was there right before it.
struct PreparedApply: Sendable {
  var rules: [ApplyRule]
  var operation: Operation
  /// The physical pages that it is about.
  var frames: PageRange?
  /// The guest's pages that it is about, and the guest.
  var guest: (space: SpaceID, pages: PageRange)?
  var guestHandle: VMHandle?
  var protection: UInt64?
  /// Of each physical page.
  var pins: [UInt32?] = []
  var shareCounts: [UInt32?] = []
  /// Of each of the guest's pages.
  var guestLeaves: [LeafWord?] = []
  /// The host's state of the first page.
  var firstHostState = PageState.unknown
  /// Of a lazy mapping: it is judged by what was there before.
  var faultVerdict: ApplyVerdict?
  /// Several steps that are made for one page before any is made for the next, and are recorded as they come.
  var isLoop = false

  init(_ rules: [ApplyRule], _ subject: RuleSubject, pages: PageRange?, handle: VMHandle?, _ image: MachineImage) {
    self.rules = rules
    operation = subject.transition.operation
    frames = pages
    guest = subject.guestPages
    guestHandle = handle
    protection = subject.transition.argument("prot")
    if let first = pages?.first { firstHostState = image.ownership.holding(.host, first).state }
    if let pages, rules.contains(where: \.store.countsReferences) {
      pins = pages.frames.map { image.ownership.pins($0) }
    }
    if let pages, rules.contains(where: \.store.countsShares) || rules.contains(where: \.isForLastShare) {
      shareCounts = pages.frames.map { image.ownership.shareCount($0) }
    }
    if let guest, rules.contains(where: \.store.changesAttributes) {
      guestLeaves = guest.pages.frames.map { image.leaf(.guestStage2, guest.space, at: $0) }
    }
  }

  /// Whether no guest borrows a page any more when the phase looks at the count; nil: not known.
  func isUnlent(_ index: Int) -> Bool? {
    guard index < shareCounts.count, let count = shareCounts[index] else { return nil }
    return count == (isLoop ? 1 : 0)
  }

  /// The pages of a table that the phase may write; nil for none.
  func reach(_ change: Change, encoding: TableEncoding) -> PageRange? {
    let isAllowed = rules.contains { $0.store.writes(change, encoding, hadNoAccess: firstHostState == .noPage) }
    guard isAllowed else { return nil }
    guard change.table == .guestStage2 else { return frames }
    guard let guest, guest.space == change.space else { return nil }
    // Attributes are the whole leaf's.
    guard let leaf = guestLeaves.first, let level = leaf?.level, leaf?.raw != 0, level < 3 else { return guest.pages }
    let size = MachineImage.pagesPerLeaf(level)
    return PageRange(first: PageFrame(guest.pages.first.rawValue & ~(size - 1)), count: max(size, guest.pages.count))
  }
}

extension ApplyRule {
  fileprivate var isForLastShare: Bool { occasion == .ifNoGuestBorrows }
}

extension Store {
  fileprivate var countsReferences: Bool {
    if case .references = self { return true }
    return false
  }

  fileprivate var countsShares: Bool {
    if case .shareCount = self { return true }
    return false
  }

  /// Whether it edits a guest's mappings without moving ownership.
  var changesAttributes: Bool {
    switch self {
    case .guestPermissions, .guestWriteProtection, .guestAge, .guestYouth: true
    default: false
    }
  }

  /// Whether a change is of a piece of memory that this store writes.
  func writes(_ change: Change, _ encoding: TableEncoding, hadNoAccess: Bool) -> Bool {
    let isHostState = change.table == .vmemmap && change.space == .host
    switch self {
    case .hostMapping: return change.table == .hostStage2
    case .hostOwner: return change.table == .hostStage2 || isHostState && encoding.hostState == .vmemmap
    case .hostState: return isHostState || change.table == .hostStage2 && hadNoAccess
    case .hostStateAlone, .shareCount: return isHostState
    case .hypMapping, .hypUnmapping: return change.table == .hypStage1
    case .hypState, .references: return change.table == .vmemmap && change.space == .hyp
    case .contents, .guestPoisonQuery, .nothing: return false
    case .guestMapping, .guestUnmapping, .guestPoison, .guestPermissions, .guestWriteProtection, .guestAge,
      .guestYouth:
      return change.table == .guestStage2
    }
  }
}
