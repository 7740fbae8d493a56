// Why: what must be in memory after an apply, to the bit: every page that the rules name has the word that the
// generation's encoding demands, and nothing else was touched. Not here: when an apply is due (JudgedTransition).

import PageOwnership
import PageTables
import TransitionRules

/// Something in memory that the rules do not have.
struct Objection: Sendable {
  var space: SpaceID?
  var page: PageFrame?
  var recorded: String
  var rules: String
}

/// What came of judging an apply.
struct ApplyVerdict: Sendable {
  var objection: Objection?
  var blindness: Blindness?
  /// How many words and counters were exactly right.
  var words: Int64 = 0
}

/// Judges applies by what they leave behind.
struct ApplyJudge: Sendable {
  let leaves: LeafEncoding
  let protection: ProtectionBits
  var shapes = MachineShapes()
  /// Which guests live, and under which handle.
  let handles: [SpaceID: VMHandle]

  init(_ book: RuleBook, spaces: [Space]) {
    leaves = LeafEncoding(book.generation)
    protection = book.traits.protection
    handles = Dictionary(
      spaces.compactMap { space in space.handle.map { (space.id, $0) } }, uniquingKeysWith: { first, _ in first })
  }

  /// Judges a phase whose changes `image` has taken; `isTorn`: the recording ends inside it; `isDone`: nothing more
  /// of it is to come.
  mutating func judge(
    _ apply: PreparedApply, _ changes: [Change], _ image: MachineImage, isTorn: Bool = false, isDone: Bool = true
  ) -> ApplyVerdict {
    var verdict = ApplyVerdict()
    for change in changes where verdict.objection == nil && !change.isNothing { judge(change, apply, isTorn, &verdict) }
    guard !isTorn, isDone else { return verdict }
    for rule in apply.rules where verdict.objection == nil {
      judgeLeaves(rule, apply, image, &verdict)
      judgeState(rule, apply, image, &verdict)
      judgeCounters(rule, apply, image, &verdict)
    }
    return verdict
  }

  // MARK: - what was written

  private mutating func judge(_ change: Change, _ apply: PreparedApply, _ isTorn: Bool, _ verdict: inout ApplyVerdict) {
    guard let new = change.new else {
      verdict.blindness = .unseen
      return
    }
    guard let reach = apply.reach(change, encoding: leaves.encoding), reach.first <= change.pages.first,
      change.pages.end <= reach.end
    else {
      let pages = "\(change.pages.count) pages from 0x\(String(change.pages.first.address, radix: 16))"
      return verdict.object(change.space, change.pages.first, "\(change.table.name) of \(pages) written", "not written")
    }
    if change.table == .vmemmap {
      judgeFrame(change, new, apply, &verdict)
    } else if isTorn {
      judgeTorn(change, new, apply, &verdict)
    }
  }

  // All fields but those that the rules name stay what they were.
  private func judgeFrame(_ change: Change, _ new: UInt64, _ apply: PreparedApply, _ verdict: inout ApplyVerdict) {
    guard let old = change.old else { return }
    var expected = old
    for rule in apply.rules { expected = frame(expected, after: rule) }
    // What a loop did of its steps by now is seen when it is done.
    if apply.isLoop { expected = old & Self.unlent | new & ~Self.unlent }
    // The allocator counts the pages that the hypervisor owns.
    let isOwn = [old, new].contains { leaves.encoding.frame($0).hyp == .owned }
    let mask: UInt64 = isOwn || leaves.encoding.keepsHypStateInDescriptors ? ~0xff_ffff : .max
    let isCounter = apply.rules.contains { if case .references = $0.store { true } else { false } }
    guard (expected ^ new) & (isCounter ? .max : mask) != 0 else {
      verdict.words += 1
      return
    }
    verdict.object(
      change.space, change.pages.first, "vmemmap \(MachineShapes.hex(new))", "vmemmap \(MachineShapes.hex(expected))")
  }

  // All of a `struct hyp_page` but the host's state and the share count.
  private static let unlent: UInt64 = 0xf0ff_ffff

  private func frame(_ word: UInt64, after rule: ApplyRule) -> UInt64 {
    switch rule.store {
    case .hostOwner, .hostState, .hostStateAlone:
      guard leaves.encoding.hostState == .vmemmap, let state = rule.newState else { return word }
      return leaves.encoding.frame(word, .host, state) ?? word
    case .hypState: return rule.newState.flatMap { leaves.encoding.frame(word, .hyp, $0) } ?? word
    case .references(let step):
      return word & ~0xffff | (word &+ UInt64(bitPattern: Int64(step))) & 0xffff
    case .shareCount(let step): return word &+ UInt64(bitPattern: Int64(step)) << 32
    default: return word
    }
  }

  // Break before make: the old word, the marker, nothing, or already the new one.
  private mutating func judgeTorn(
    _ change: Change, _ new: UInt64, _ apply: PreparedApply, _ verdict: inout ApplyVerdict
  ) {
    if new == 0 || new == change.old || leaves.encoding.annotation(new) == .locked { return }
    for rule in apply.rules {
      guard let demanded = demand(rule, apply, change.table, change.pages.first) else { continue }
      let leaf = LeafWord(level: change.newLevel, raw: new)
      guard let objection = shapes.objection(to: leaf, demanded, change.table, leaves) else { return }
      verdict.object(change.space, change.pages.first, MachineShapes.hex(new), objection)
    }
  }

  // MARK: - what is there afterwards

  private mutating func judgeLeaves(
    _ rule: ApplyRule, _ apply: PreparedApply, _ image: MachineImage, _ verdict: inout ApplyVerdict
  ) {
    guard let table = rule.store.table, let pages = table == .guestStage2 ? apply.guest?.pages : apply.frames else {
      return
    }
    let space = table == .hostStage2 ? SpaceID.host : table == .hypStage1 ? .hyp : apply.guest?.space ?? .host
    for page in pages.frames {
      guard let demanded = demand(rule, apply, table, page) else { continue }
      guard let leaf = image.leaf(table, space, at: page) else {
        verdict.blindness = .unseen
        continue
      }
      if let objection = shapes.objection(to: leaf, demanded, table, leaves) {
        return verdict.object(space, page, "\(table.name) \(MachineShapes.hex(leaf.raw))", objection)
      }
      verdict.words += 1
    }
  }

  /// What a rule demands of a leaf; nil for nothing.
  private func demand(
    _ rule: ApplyRule, _ apply: PreparedApply, _ table: TableKind, _ page: PageFrame
  ) -> DemandedLeaf? {
    switch (rule.store, table) {
    case (.hostMapping, .hostStage2): return .mapping(to: page, state: rule.newState, rights: .all)
    case (.hostOwner(let owner), .hostStage2): return owned(by: owner, apply, page)
    case (.hostState, .hostStage2):
      return apply.firstHostState == .noPage ? .mapping(to: page, state: nil, rights: .all) : nil
    case (.hypMapping, .hypStage1):
      let state = leaves.encoding.keepsHypStateInDescriptors ? rule.newState : nil
      return .mapping(to: page, state: state, rights: .data)
    case (.hypUnmapping, .hypStage1), (.guestUnmapping, .guestStage2): return .word(0)
    case (.guestPoison, .guestStage2): return .word(TableEncoding.poison)
    case (.guestMapping, .guestStage2):
      guard let guest = apply.guest, let first = apply.frames?.first else { return nil }
      let target = first.advanced(by: page.rawValue &- guest.pages.first.rawValue)
      return .mapping(to: target, state: rule.newState, rights: rights(apply))
    default: return nil
    }
  }

  private func owned(by owner: SpaceKind, _ apply: PreparedApply, _ page: PageFrame) -> DemandedLeaf? {
    switch owner {
    case .hyp: return leaves.encoding.word(naming: .hyp).map { .word($0) }
    case .guest:
      guard let guest = apply.guest, let handle = apply.guestHandle, let first = apply.frames?.first else { return nil }
      let place = guest.pages.first.advanced(by: page.rawValue &- first.rawValue)
      return leaves.encoding.word(naming: .guest(handle: handle, gfn: place)).map { .word($0) }
    case .host:
      // Since 7.1 the host gets its pages back mapped.
      return leaves.encoding.annotations == .typed ? .mapping(to: page, state: nil, rights: .all) : .word(0)
    case .ffa: return nil
    }
  }

  private func rights(_ apply: PreparedApply) -> Rights {
    guard let bits = apply.protection, apply.operation == .hostShareGuest else { return .all }
    let execute = bits & protection.execute
    return Rights(
      read: bits & protection.read != 0, write: bits & protection.write != 0,
      execute: execute == 0 ? false : execute == protection.execute ? true : nil, bits: bits & protection.all)
  }

  private func judgeState(
    _ rule: ApplyRule, _ apply: PreparedApply, _ image: MachineImage, _ verdict: inout ApplyVerdict
  ) {
    guard let state = rule.newState else { return }
    let isGuest = rule.subject == .guest
    guard let pages = isGuest ? apply.guest?.pages : apply.frames else { return }
    let space: SpaceID = isGuest ? apply.guest?.space ?? .host : rule.subject == .hyp ? .hyp : .host
    var index = 0
    for page in pages.frames {
      defer { index += 1 }
      if rule.occasion == .ifNoGuestBorrows, apply.isUnlent(index) != true { continue }
      let found = image.ownership.holding(space, page).state
      if found == .unknown {
        verdict.blindness = .unseen
      } else if found != state {
        return verdict.object(space, page, found.name, state.name)
      }
    }
  }

  private func judgeCounters(
    _ rule: ApplyRule, _ apply: PreparedApply, _ image: MachineImage, _ verdict: inout ApplyVerdict
  ) {
    switch rule.store {
    case .references(let step):
      judge(apply.pins, step, .hyp, apply, "pins", &verdict) { image.ownership.pins($0) }
    case .shareCount(let step):
      judge(apply.shareCounts, step, .host, apply, "shares", &verdict) { image.ownership.shareCount($0) }
    default: return
    }
  }

  private func judge(
    _ before: [UInt32?], _ step: Int8, _ space: SpaceID, _ apply: PreparedApply, _ unit: String,
    _ verdict: inout ApplyVerdict, _ count: (PageFrame) -> UInt32?
  ) {
    guard let pages = apply.frames else { return }
    for (page, old) in zip(pages.frames, before) {
      guard let old, let new = count(page) else {
        verdict.blindness = .unseen
        continue
      }
      let expected = Int64(old) + Int64(step)
      if Int64(new) != expected { return verdict.object(space, page, "\(new) \(unit)", "\(expected) \(unit)") }
      verdict.words += 1
    }
  }
}

extension ApplyVerdict {
  /// Notes an objection, if it is the first.
  mutating func object(_ space: SpaceID?, _ page: PageFrame?, _ recorded: String, _ rules: String) {
    if objection == nil { objection = Objection(space: space, page: page, recorded: recorded, rules: rules) }
  }
}

extension Store {
  /// The table whose leaves it writes; nil for none.
  fileprivate var table: TableKind? {
    switch self {
    case .hostMapping, .hostOwner, .hostState: .hostStage2
    case .hypMapping, .hypUnmapping: .hypStage1
    case .guestMapping, .guestUnmapping, .guestPoison: .guestStage2
    default: nil
    }
  }
}
