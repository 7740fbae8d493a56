// Why: what memory did between two moments of a machine, as the changes of a journal: raw words, levels,
// states, as a recorder would have seen them. Not here: which entry they belong to (TransitionJournaler).

import PageOwnership
import PageTables

/// Collects the changes between two moments.
struct MachineChanges {
  let shape: MachineShape
  let encoding: TableEncoding
  private(set) var changes: [Change] = []

  init(_ shape: MachineShape, _ encoding: TableEncoding) {
    self.shape = shape
    self.encoding = encoding
  }

  /// The changes from one machine to another: metadata first, so that the states beside table words are the new ones.
  mutating func collect(from before: Machine, to after: Machine) -> [Change] {
    changes.removeAll()
    before.frames.forEachDifference(to: after.frames) { addFrames($0, $1, $2, before, after) }
    addLeaves(.hostStage2, .host, before.host, after.host, after)
    addLeaves(.hypStage1, .hyp, before.hyp, after.hyp, after)
    for change in changes where change.table == .hypStage1 && change.oldState == .owned && change.newState != .owned {
      addReferences(change.pages, after)
    }
    for (old, new) in zip(before.guests, after.guests) {
      addLeaves(.guestStage2, new.space, old.table, new.table, after)
    }
    return changes
  }

  private mutating func add(_ change: Change) {
    var change = change
    change.ordinal = Int32(changes.count)
    changes.append(change)
  }

  // MARK: - metadata

  private mutating func addFrames(
    _ pages: Range<UInt64>, _ old: FrameWord, _ new: FrameWord, _ before: Machine, _ after: Machine
  ) {
    let range = PageRange(first: PageFrame(pages.lowerBound), count: pages.upperBound - pages.lowerBound)
    let oldView = MachineView(before, shape: shape, encoding: encoding)
    let newView = MachineView(after, shape: shape, encoding: encoding)
    let isHostHalf = !encoding.keepsHostStateInDescriptors && (old.host != new.host || old.shareCount != new.shareCount)
    let isHypHalf = old.references != new.references || !encoding.keepsHypStateInDescriptors && old.hyp != new.hyp
    func change(_ space: SpaceID, _ oldState: PageState, _ newState: PageState) -> Change {
      Change(
        seq: SequenceNumber(0), ordinal: 0, space: space, table: .vmemmap, pages: range, oldLevel: 3, newLevel: 3,
        old: old.raw(encoding), new: new.raw(encoding), oldState: oldState, newState: newState, owner: nil,
        isInferred: false)
    }
    let first = range.first
    if isHostHalf { add(change(.host, oldView.hostHolding(first).state, newView.hostHolding(first).state)) }
    if isHypHalf { add(change(.hyp, oldView.hypState(first), newView.hypState(first))) }
  }

  // The references of pages that the hypervisor owns are its allocator's, and a replay leaves them out. Once it gives
  // up a page they are pins again, and say so.
  private mutating func addReferences(_ pages: PageRange, _ after: Machine) {
    guard encoding.keepsHypStateInDescriptors else { return }
    var page = pages.first.rawValue
    while page < pages.end.rawValue {
      let index = after.frames.index(of: page)
      let end = min(after.frames.end(ofRun: index), pages.end.rawValue)
      let frame = after.frames.runs[index].value
      if frame.references != 0 {
        let state = MachineView(after, shape: shape, encoding: encoding).hypState(PageFrame(page))
        let raw = frame.raw(encoding)
        add(
          Change(
            seq: SequenceNumber(0), ordinal: 0, space: .hyp, table: .vmemmap,
            pages: PageRange(first: PageFrame(page), count: end - page), oldLevel: 3, newLevel: 3, old: raw, new: raw,
            oldState: state, newState: state, owner: nil, isInferred: true))
      }
      page = end
    }
  }

  // MARK: - tables

  private mutating func addLeaves(
    _ table: TableKind, _ space: SpaceID, _ before: StageTable, _ after: StageTable, _ machine: Machine
  ) {
    var remainders: [Range<UInt64>] = []
    let first = changes.count
    before.leaves.forEachDifference(to: after.leaves) { pages, old, new in
      if old.word == new.word, old.level == new.level || old.word == 0 { return }
      if new.word == 0, old.level < new.level {
        // What is left of a block that was cut up is zero: replays know that from the page written into it.
        remainders.append(Self.rounded(pages, to: old.level))
      } else {
        addLeaf(table, space, pages, new, before, machine)
      }
    }
    for block in remainders where !changes[first...].contains(where: { reaches(block, $0, table) }) {
      addLeaf(table, space, block, .empty(before.leaf(at: block.lowerBound).level), before, machine)
    }
  }

  private static func rounded(_ pages: Range<UInt64>, to level: Int8) -> Range<UInt64> {
    let mask = Leaf.pageCount(level) - 1
    return (pages.lowerBound & ~mask)..<((pages.upperBound + mask) & ~mask)
  }

  private func reaches(_ block: Range<UInt64>, _ change: Change, _ table: TableKind) -> Bool {
    let first = table == .hypStage1 ? change.pages.first.rawValue &+ hypDistance : change.pages.first.rawValue
    return block.contains(first)
  }

  private var hypDistance: UInt64 { shape.hypOffset >> 12 }

  private mutating func addLeaf(
    _ table: TableKind, _ space: SpaceID, _ written: Range<UInt64>, _ new: Leaf, _ before: StageTable,
    _ machine: Machine
  ) {
    let pages = new.word == 0 ? written : Self.rounded(written, to: new.level)
    let old = before.leaf(at: pages.lowerBound).descriptor(at: pages.lowerBound)
    let word = new.descriptor(at: pages.lowerBound)
    let first = table == .hypStage1 ? pages.lowerBound &- hypDistance : pages.lowerBound
    let range = PageRange(first: PageFrame(first), count: pages.upperBound - pages.lowerBound)
    if let last = changes.last, last.table == table, last.space == space, last.pages == range { return }
    let view = MachineView(machine, shape: shape, encoding: encoding)
    let meaning = meaning(word, table, range.first, view)
    add(
      Change(
        seq: SequenceNumber(0), ordinal: 0, space: space, table: table, pages: range, oldLevel: old.level,
        newLevel: word.level, old: old.raw, new: word.raw, oldState: self.meaning(old, table, range.first, view).state,
        newState: meaning.state, owner: owner(meaning.annotation, machine), isInferred: false))
  }

  // The state that a leaf implies, or the present one where the metadata holds it.
  private func meaning(
    _ leaf: LeafWord, _ table: TableKind, _ page: PageFrame, _ view: MachineView
  ) -> Holding {
    switch table {
    case .hostStage2:
      let isMemory = shape.stretch(at: page.address).kind == .memory
      let meaning = encoding.hostMeaning(leaf, isMemory: isMemory)
      return Holding(meaning.state ?? view.hostHolding(page).state, meaning.annotation)
    case .hypStage1: return Holding(encoding.hypState(leaf) ?? view.hypState(page))
    default: return Holding(encoding.guestState(leaf))
    }
  }

  private func owner(_ annotation: OwnerAnnotation, _ machine: Machine) -> SpaceID? {
    switch annotation {
    case .hyp: .hyp
    case .ffa: .ffa
    case .guest(let handle, _): machine.guests.first { $0.handle == handle }?.space
    default: nil
    }
  }
}

extension FrameWord {
  /// The page's `struct hyp_page` as a little-endian word of a generation; the order is left at 0.
  func raw(_ encoding: TableEncoding) -> UInt64 {
    let count = UInt64(references)
    guard encoding.frameByteCount == 8 else { return count }
    let word = count | UInt64(encoding.stateNumber(host) ?? 0) << 24 | UInt64(shareCount) << 32
    if encoding.keepsHypStateInDescriptors { return word }
    return word | UInt64((encoding.stateNumber(hyp) ?? 0) ^ 3) << 28
  }
}
