// Why: recovery changes single words; here a word's present value, its replacement and the change between the two
// are made, for every table. Not here: which words (RecoveryPlan+Back, +Forward).

import PageOwnership
import PageTables

/// Makes changes of words.
struct RecoveryWords {
  let evidence: ProgressEvidence
  private let encoding: TableEncoding

  init(_ evidence: ProgressEvidence) {
    self.evidence = evidence
    encoding = TableEncoding(evidence.generation)
  }

  /// The change that writes a leaf; nil if it stands there already.
  func leaf(
    _ table: TableKind, _ space: SpaceID, _ page: PageFrame, becomes new: LeafWord, in image: MachineImage
  ) throws(RecoveryObstacle) -> Change? {
    guard let old = image.leaf(table, space, at: page) else { throw Self.unknown(table, page) }
    if old.raw == new.raw, old.level == new.level || new.raw == 0 { return nil }
    let size = MachineImage.pagesPerLeaf(new.raw == 0 ? 3 : new.level)
    let pages = PageRange(first: PageFrame(page.rawValue & ~(size - 1)), count: size)
    return Change(
      seq: SequenceNumber(0), ordinal: 0, space: space, table: table, pages: pages,
      oldLevel: old.raw == 0 ? new.level : old.level, newLevel: new.raw == 0 ? max(old.level, 0) : new.level,
      old: old.raw, new: new.raw, oldState: state(old, table, space, page, image),
      newState: state(new, table, space, page, image), owner: owner(new, table), isInferred: false)
  }

  /// The change that writes one half of a `struct hyp_page`; nil if it stands there already.
  ///
  /// - Parameter count: the pins of the hypervisor's half, the share count of the host's; nil leaves it.
  func frame(
    _ space: SpaceID, _ page: PageFrame, becomes state: PageState?, count: UInt32?, in image: MachineImage
  ) throws(RecoveryObstacle) -> Change? {
    guard let old = image.frameWord(at: page) else { throw Self.unknown(.vmemmap, page) }
    let present = image.ownership.holding(space, page).state
    let state = state ?? present
    let new = encoding.frame(
      old, space, state, pins: space == .hyp ? count : nil, shareCount: space == .host ? count : nil)
    guard let new else { throw Self.unknown(.vmemmap, page) }
    guard new != old else { return nil }
    return Change(
      seq: SequenceNumber(0), ordinal: 0, space: space, table: .vmemmap, pages: PageRange(page), oldLevel: 3,
      newLevel: 3, old: old, new: new, oldState: present, newState: state, owner: nil, isInferred: false)
  }

  private static func unknown(_ table: TableKind, _ page: PageFrame) -> RecoveryObstacle {
    RecoveryObstacle(reason: "the word of \(table.name) at page 0x\(String(page.rawValue, radix: 16)) was never seen")
  }

  private func state(
    _ leaf: LeafWord, _ table: TableKind, _ space: SpaceID, _ page: PageFrame, _ image: MachineImage
  ) -> PageState {
    let present = image.ownership.holding(space, page).state
    return switch table {
    case .hostStage2: encoding.hostMeaning(leaf, isMemory: evidence.facts.isMemory(page)).state ?? present
    case .hypStage1: encoding.hypState(leaf) ?? present
    case .guestStage2: encoding.guestState(leaf)
    case .vmemmap: present
    }
  }

  private func owner(_ leaf: LeafWord, _ table: TableKind) -> SpaceID? {
    guard table == .hostStage2 else { return nil }
    switch encoding.annotation(leaf.raw) {
    case .hyp: return .hyp
    case .ffa: return .ffa
    case .guest(let handle, _):
      return evidence.spaces.last { $0.handle == handle && evidence.replayed.livingGuests.contains($0.id) }?.id
    default: return nil
    }
  }
}
