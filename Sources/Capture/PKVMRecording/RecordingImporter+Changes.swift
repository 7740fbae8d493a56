// Why: what memory did under a line: changes hide on phases, on returns and inside the recorded calls
// (captures NOTES), run along pages that only the transition's range names, and leave out the middle of
// ranges of more than 64 pages.

import PageOwnership
import PageTables

/// A range of pages that indices `j` in a recording count along.
struct RecordedRange {
  /// The first page; nil where no physical page is known.
  var page: UInt64?
  /// How many pages the call asks for: any number that a register can hold.
  var count: UInt64
  var handle: UInt16?
  var isProtected: Bool?
  var guestPage: UInt64?

  /// Recorders look at no more pages of a range than this.
  static let lookedAtLimit: UInt64 = 512
  /// Of longer ranges only the first and the last leaf are written down.
  static let listedLimit: UInt64 = 64

  /// Up to 40 bits of guest address make a guest's space; recorders read what lies beyond at an alias.
  static let guestPageLimit: UInt64 = 1 << 28

  /// The offset of leaf `j`.
  static func offset(_ index: UInt64, count: UInt64) -> UInt64 {
    if count <= listedLimit { return index }
    return index == 0 ? 0 : min(count, lookedAtLimit) - 1
  }
}

extension RecordingImporter {
  /// The pages that a call is about.
  func readRange(_ line: RecordingLine, _ arguments: JSONValue, _ operation: Operation) throws(InputError)
    -> RecordedRange
  {
    var range = RecordedRange(count: try readCount(line, arguments))
    switch operation {
    case .bootFixup:
      guard let old = arguments["old"]?.hex else { throw line.error("the walk has no hexadecimal `old`") }
      range.page = Descriptor(old).outputAddress(level: 3) >> 12
    case .hostFault: range.page = try readAddress(line, arguments["ipa"], "ipa").map { $0 >> 12 }
    default: range.page = try readAddress(line, arguments["phys"], "phys").map { $0 >> 12 }
    }
    if let handle = arguments["handle"]?.hex {
      range.handle = UInt16(truncatingIfNeeded: handle)
      range.isProtected = arguments["protected"]?.bool
      range.guestPage = try readAddress(line, arguments["ipa"], "ipa").map { $0 >> 12 }
    }
    return range
  }

  // A range that wraps has a negative count; recorders look at one page of it.
  private func readCount(_ line: RecordingLine, _ arguments: JSONValue) throws(InputError) -> UInt64 {
    guard let count = arguments["nr"] else { return 1 }
    if let number = count.uint64 { return number }
    guard let number = count.int64, number < 0 else { throw line.error("`nr` is not a count of pages") }
    return 1
  }

  // Recorders shift frame numbers without a limit: what has more than 64 bits is no address of any page.
  private func readAddress(
    _ line: RecordingLine, _ value: JSONValue?, _ name: StaticString
  ) throws(InputError) -> UInt64? {
    guard let value, !value.isNull else { return nil }
    if let address = value.hex { return address }
    guard let text = value.string, text.isLongHex else { throw line.error("`\(name)` is not hexadecimal") }
    return nil
  }

  /// The changes of a line: those of its calls first, then its own.
  func readChanges(_ line: RecordingLine, _ open: OpenTransition) throws(InputError) -> [Change] {
    var reader = ChangeReader(importer: self, open: open)
    do throws(WordError) {
      try line.calls?.forEachElement { (call: JSONValue) throws(WordError) in try reader.takeCall(call) }
      try line.changes?.forEachElement { (change: JSONValue) throws(WordError) in try reader.take(change) }
      try reader.finish()
    } catch {
      throw line.error(error.message)
    }
    return reader.changes
  }

  /// Writes the changes of the entry made last, and performs them.
  func apply(_ changes: [Change]) {
    for (ordinal, change) in changes.enumerated() {
      var change = change
      change.seq = lastSeq
      change.ordinal = Int32(ordinal)
      batch.changes.append(change)
    }
    for change in changes { image.apply(change) }
  }

  /// The space that a table names as owner.
  func ownerSpace(_ annotation: OwnerAnnotation) -> SpaceID? {
    switch annotation {
    case .hyp: .hyp
    case .ffa: .ffa
    case .guest(let handle, _): liveGuests[handle.rawValue].map { SpaceID(rawValue: $0.space) }
    case .none, .locked, .other, .unknown: nil
    }
  }
}

/// Collects the changes of one line.
struct ChangeReader {
  let importer: RecordingImporter
  let open: OpenTransition
  private(set) var changes: [Change] = []

  private var page: UInt64?
  private var count: UInt64
  private var words: WordReader { importer.words }
  private var regions: Facts { importer.facts }

  init(importer: RecordingImporter, open: OpenTransition) {
    self.importer = importer
    self.open = open
    page = open.page
    count = max(1, open.pageCount)
  }

  /// A recorded call: its changes count along its own arguments.
  mutating func takeCall(_ call: JSONValue) throws(WordError) {
    try checkState(call["args"]?["state"])
    guard let inner = call["changes"] else { return noteUnseen(call) }
    try takeInner(inner, call["args"])
    page = open.page
    count = max(1, open.pageCount)
  }

  /// Changes that count along the arguments of the function that made them.
  mutating func takeInner(_ inner: JSONValue, _ arguments: JSONValue?) throws(WordError) {
    guard let range = range(arguments) else { throw WordError("a call with changes names no pages") }
    page = range.first.rawValue
    count = max(1, range.count)
    try inner.forEachElement { (change: JSONValue) throws(WordError) in try take(change) }
    try finish()
  }

  private func range(_ arguments: JSONValue?) -> PageRange? {
    if let address = arguments?["addr"]?.hex, let size = arguments?["size"]?.hex {
      return PageRange(first: PageFrame(containing: address), count: size >> 12)
    }
    if let from = arguments?["from"]?.hex, let to = arguments?["to"]?.hex {
      let offset = importer.facts.hypVAOffset.value ?? 0
      return PageRange(first: PageFrame(containing: from &+ offset), count: (to &- from &+ 0xfff) >> 12)
    }
    return arguments?["phys"]?.hex.map { PageRange(PageFrame(containing: $0)) }
  }

  // The state that a call asked for or wrote is a state, whatever the step says of it.
  private func checkState(_ said: JSONValue?) throws(WordError) {
    guard let said, let name = said.makeString() else { return }
    guard let state = PageState(name: name), state != .unknown else { throw WordError("`\(name)` is no state") }
  }

  // What calls did where recorders do not look.
  private mutating func noteUnseen(_ call: JSONValue) {
    guard open.operation == Operation.hostFault.rawValue, let function = call["fn"]?.string else { return }
    if function.equals("host_stage2_unmap_dev_all") {
      for pages in importer.facts.deviceRanges { add(unseen(.hostStage2, .host, pages)) }
    } else if function.equals("host_stage2_idmap_locked") {
      noteUnseenMapping(call)
    }
  }

  // Recorders see no leaves of large ranges outside memory: what the call did there is not written down.
  private mutating func noteUnseenMapping(_ call: JSONValue) {
    guard call["ret"]?.int64 == 0, let address = call["args"]?["addr"]?.hex, let size = call["args"]?["size"]?.hex
    else { return }
    let pages = PageRange(first: PageFrame(containing: address), count: size >> 12)
    guard pages.count > RecordedRange.listedLimit, regions.isMemory(pages.first) != true else { return }
    add(unseen(.hostStage2, .host, pages))
  }

  private func unseen(_ table: TableKind, _ space: SpaceID, _ pages: PageRange) -> Change {
    Change(
      seq: importer.lastSeq, ordinal: 0, space: space, table: table, pages: pages, oldLevel: 3, newLevel: 3, old: nil,
      new: nil, oldState: .unknown, newState: .unknown, owner: nil, isInferred: true)
  }

  private mutating func add(_ change: Change) { changes.append(change) }

  /// One element of a `changes` array.
  mutating func take(_ change: JSONValue) throws(WordError) {
    guard let what = change["what"]?.string else { throw WordError("a change has no `what`") }
    switch what {
    case "vmemmap": try takeFrame(change)
    case "host_s2": try takeLeaf(change, .hostStage2, .host)
    case "hyp_s1": try takeLeaf(change, .hypStage1, .hyp)
    case "guest_s2":
      guard let space = open.guestSpace else { throw WordError("a guest's table changes, but the call names no guest") }
      try takeLeaf(change, .guestStage2, SpaceID(rawValue: space))
    default: throw WordError("`\(what.makeString())` is no table")
    }
  }

  private mutating func takeFrame(_ change: JSONValue) throws(WordError) {
    guard let address = change["phys"]?.hex, let run = change["n"]?.uint64, run > 0,
      run <= RecordedRange.lookedAtLimit
    else { throw WordError("a vmemmap change has no `phys` and `n`") }
    let old = try words.frame(change["old"], "old")
    let new = try words.frame(change["new"], "new")
    try words.checkFields(change["fields"], old: old, new: new)
    let pages = PageRange(first: PageFrame(containing: address), count: run)
    if let page, pages.first.rawValue < page || pages.end.rawValue &- page > min(count, RecordedRange.lookedAtLimit) {
      throw WordError("a vmemmap change at 0x\(String(address, radix: 16)) lies outside the call's pages")
    }
    let before = words.encoding.frame(old)
    let after = words.encoding.frame(new)
    let hostDiffers = before.host != after.host || before.shareCount != after.shareCount
    if hostDiffers { add(frameChange(.host, pages, old, new, before.host, after.host)) }
    if before.hyp != after.hyp || before.references != after.references || !hostDiffers {
      add(frameChange(.hyp, pages, old, new, before.hyp, after.hyp))
    }
  }

  // A generation that keeps the state elsewhere leaves it as it is.
  private func frameChange(
    _ space: SpaceID, _ pages: PageRange, _ old: UInt64, _ new: UInt64, _ before: PageState?, _ after: PageState?
  ) -> Change {
    let present = presentState(space, pages.first)
    return Change(
      seq: importer.lastSeq, ordinal: 0, space: space, table: .vmemmap, pages: pages, oldLevel: 3, newLevel: 3,
      old: old, new: new, oldState: before ?? present, newState: after ?? present, owner: nil, isInferred: false)
  }

  private mutating func takeLeaf(_ change: JSONValue, _ table: TableKind, _ space: SpaceID) throws(WordError) {
    guard let index = change["j"]?.uint64, index < RecordedRange.lookedAtLimit else {
      throw WordError("a change has no page index `j`")
    }
    guard let oldValue = change["old"], let newValue = change["new"] else {
      throw WordError("a change has no `old` and `new`")
    }
    let old = try words.leaf(oldValue, table, isDecoded: false)
    let new = try words.leaf(newValue, table, isDecoded: true)
    let base = table == .guestStage2 ? open.guestPage : page
    guard let base else { throw WordError("a change, but the call names no page") }
    let offset = table == .guestStage2 ? index : RecordedRange.offset(index, count: count)
    try takeLeaf(table, space, PageFrame(base).advanced(by: offset), old, new)
    if table == .guestStage2 { noteHiddenPages(index, old, new) }
  }

  // Recorders look up the page of a guest's address when the call begins: if another CPU mapped another page
  // since, what became of that one in the host's table was not seen.
  private mutating func noteHiddenPages(_ index: UInt64, _ old: LeafWord?, _ new: LeafWord?) {
    guard movesPages, let leaf = [old, new].compactMap({ $0 }).first(where: { $0.raw & 1 == 1 }) else { return }
    let size = MachineImage.pagesPerLeaf(leaf.level)
    let mapped = Descriptor(leaf.raw).outputAddress(level: leaf.level) >> 12
    if let page, page &+ index & ~(size - 1) == mapped { return }
    let pages = PageRange(first: PageFrame(mapped), count: size)
    add(unseen(.hostStage2, .host, pages))
    add(unseen(.vmemmap, .host, pages))
  }

  private var movesPages: Bool {
    let others: [Operation] = [.guestRelaxPerms, .guestWriteProtect, .guestTestClearYoung, .guestMakeYoung]
    return !others.contains { $0.rawValue == open.operation }
  }

  private mutating func takeLeaf(
    _ table: TableKind, _ space: SpaceID, _ page: PageFrame, _ old: LeafWord?, _ new: LeafWord?
  ) throws(WordError) {
    // A zero that is read at another level covers what the recorder looked at: one page.
    let covering = new.map { $0.raw != 0 ? $0.level : old?.raw == 0 ? 3 : old?.level ?? 3 } ?? 3
    let size = MachineImage.pagesPerLeaf(covering)
    let pages = PageRange(first: PageFrame(page.rawValue & ~(size - 1)), count: size)
    // The first and the last page of a long range may lie under one leaf: one change.
    if let same = changes.last(where: { $0.table == table && $0.space == space && $0.pages == pages }) {
      guard same.new == new?.raw else {
        throw WordError("two words for one leaf at page 0x\(String(page.rawValue, radix: 16))")
      }
      if same.old == old?.raw { return }
    }
    add(leafChange(table, space, pages, old, new))
  }

  private func leafChange(
    _ table: TableKind, _ space: SpaceID, _ pages: PageRange, _ old: LeafWord?, _ new: LeafWord?
  ) -> Change {
    let before = old.map { meaning($0, table, space, pages.first) }
    let after = new.map { meaning($0, table, space, pages.first) }
    return Change(
      seq: importer.lastSeq, ordinal: 0, space: space, table: table, pages: pages, oldLevel: old?.level ?? 3,
      newLevel: new?.level ?? 3, old: old?.raw, new: new?.raw, oldState: before?.0 ?? .unknown,
      newState: after?.0 ?? .unknown, owner: after.flatMap { importer.ownerSpace($0.1) }, isInferred: false)
  }

  // The state as the changes before this one on the same line leave it.
  private func presentState(_ space: SpaceID, _ page: PageFrame) -> PageState {
    let earlier = changes.last { $0.space == space && $0.pages.contains(page) }
    return earlier?.newState ?? importer.image.ownership.holding(space, page).state
  }

  // The state that a leaf implies, or the present one where this generation keeps it elsewhere.
  private func meaning(
    _ leaf: LeafWord, _ table: TableKind, _ space: SpaceID, _ page: PageFrame
  ) -> (PageState, OwnerAnnotation) {
    let present = presentState(space, page)
    switch table {
    case .hostStage2:
      let meaning = words.encoding.hostMeaning(leaf, isMemory: regions.isMemory(page))
      return (meaning.state ?? present, meaning.annotation)
    case .hypStage1: return (words.encoding.hypState(leaf) ?? present, .none)
    case .guestStage2: return (words.encoding.guestState(leaf), .none)
    case .vmemmap: return (present, .none)
    }
  }

  // MARK: - what a long range leaves out

  /// Fills in the pages between the first and the last leaf of a long range.
  mutating func finish() throws(WordError) {
    guard count > RecordedRange.listedLimit, let page, open.operation != Operation.hostFault.rawValue else { return }
    for (table, space) in [(TableKind.hostStage2, SpaceID.host), (.hypStage1, .hyp)] {
      fillMiddle(table, space, page)
    }
    let lookedAt = RecordedRange.lookedAtLimit
    guard count > lookedAt, changes.contains(where: { $0.table == .vmemmap }) else { return }
    let rest = PageRange(first: PageFrame(page &+ lookedAt), count: count - lookedAt)
    for half in [SpaceID.host, .hyp] { add(unseen(.vmemmap, half, rest)) }
  }

  private mutating func fillMiddle(_ table: TableKind, _ space: SpaceID, _ base: UInt64) {
    let lookedAt = min(count, RecordedRange.lookedAtLimit)
    let last = PageFrame(base &+ lookedAt &- 1)
    let own = changes.filter { $0.table == table && $0.space == space }
    guard !own.isEmpty else { return }
    let middle = PageRange(first: PageFrame(base &+ 1), count: lookedAt - 2)
    if let first = own.first(where: { $0.pages == PageRange(PageFrame(base)) }),
      let final = own.first(where: { $0.pages == PageRange(last) }), let firstWord = first.new,
      let lastWord = final.new, Descriptor(firstWord).advanced(byPages: lookedAt - 1).rawValue == lastWord
    {
      var filled = first
      filled.pages = middle
      filled.old = nil
      filled.oldState = .unknown
      filled.new = Descriptor(firstWord).advanced(byPages: 1).rawValue
      filled.isInferred = true
      add(filled)
    } else if own.contains(where: { $0.pages.count == 1 }) {
      add(unseen(table, space, middle))
    }
    if count > lookedAt {
      add(unseen(table, space, PageRange(first: last.advanced(by: 1), count: count - lookedAt)))
    }
  }
}
