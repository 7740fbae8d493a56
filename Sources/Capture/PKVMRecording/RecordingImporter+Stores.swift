// Why: single stores are evidence for the apply line that follows them; where the recording ends (or
// breaks) before that line, they are all that is known of a half-done apply, and become a `torn` entry.

import PageOwnership
import PageTables

extension RecordingImporter {
  /// `store`: one store of the hypervisor into a table.
  func takeStore(_ line: RecordingLine) throws(InputError) {
    guard let value = line.value["value"]?.hex, let size = line.value["size"]?.int64, [1, 2, 4, 8].contains(size),
      let what = line.value["what"]?.string
    else { throw line.error("the store has no `value`, `size` and `what`") }
    let store = try readStore(line, what, Int(size), value)
    let symbol = line.value["sym"]?.makeString() ?? "?"
    var entry = makeEntry(
      plainSite(.store, line, step: line.step.map { "\(symbol) in \($0.makeString())" } ?? symbol), line,
      action: knownAction(line))
    entry.space = SpaceID(rawValue: store.space)
    entry.page = PageFrame(store.page)
    entry.pageCount = MachineImage.pagesPerLeaf(store.level)
    entry.result = Int64(bitPattern: value)
    entry.note = storeNote(line, store, size)
    batch.entries.append(entry)
    guard let action = line.action, openTransitions[action]?.stores.count ?? 0 < Self.storeLimit else { return }
    openTransitions[action]?.stores.append(store)
  }

  /// An apply has one store for each word it writes; of more than this the rest is not kept.
  private static let storeLimit = 16_384

  // After a gap a store may belong to something whose begin is missing.
  private func knownAction(_ line: RecordingLine) -> ActionID? {
    guard let id = line.action, openTransitions[id] != nil || openActivations[id] != nil else { return nil }
    return ActionID(id)
  }

  private func storeNote(_ line: RecordingLine, _ store: PendingStore, _ size: Int64) -> String {
    let table = TableKind(rawValue: store.table)?.name ?? "?"
    let place = table == "vmemmap" ? "byte \(store.byte)" : "level \(store.level)"
    let at = line.value["at"]?.makeString() ?? "?"
    return "\(table) \(place), \(size) bytes at \(at)" + (store.isTable ? ", a table" : "")
  }

  private func readStore(
    _ line: RecordingLine, _ what: StringView, _ size: Int, _ value: UInt64
  ) throws(InputError) -> PendingStore {
    if what.equals("vmemmap") {
      guard let address = line.value["phys"]?.hex, let byte = line.value["byte"]?.int64, (0..<8).contains(byte) else {
        throw line.error("the store has no `phys` and `byte`")
      }
      return PendingStore(
        table: TableKind.vmemmap.rawValue, space: 0, page: address >> 12, level: 3, byte: Int(byte), size: size,
        value: value, isTable: false)
    }
    guard let address = line.value["addr"]?.hex, let level = line.value["level"]?.int64, (-1...3).contains(level) else {
      throw line.error("the store has no `addr` and `level`")
    }
    let isTable = line.value["table"]?.bool ?? false
    let (table, space, page) = try storeTarget(line, what, address)
    if let decoded = line.value["decoded"] {
      do throws(WordError) {
        try words.check(decoded, LeafWord(level: Int8(level), raw: value), table)
      } catch {
        throw line.error(error.message)
      }
    }
    return PendingStore(
      table: table.rawValue, space: space.rawValue, page: page, level: Int8(level), byte: 0, size: size, value: value,
      isTable: isTable)
  }

  private func storeTarget(
    _ line: RecordingLine, _ what: StringView, _ address: UInt64
  ) throws(InputError) -> (TableKind, SpaceID, UInt64) {
    if what.equals("host_s2") { return (.hostStage2, .host, address >> 12) }
    if what.equals("hyp_s1") { return (.hypStage1, .hyp, (address &+ (facts.hypVAOffset.value ?? 0)) >> 12) }
    let name = what.makeString()
    guard name.hasPrefix("guest_s2:0x"), let handle = UInt16(name.dropFirst(11), radix: 16) else {
      throw line.error("`\(name)` is no table")
    }
    return (.guestStage2, guestSpace(handle, isProtected: nil), address >> 12)
  }

  // MARK: - an apply that the recording ends inside

  /// Turns the stores of applies that never got their line into entries.
  package func flushTornStores() {
    for id in openTransitions.keys.sorted() { finishTorn(id) }
  }

  func finishTorn(_ id: Int64) {
    guard let open = openTransitions[id], !open.stores.isEmpty, let operation = Operation(rawValue: open.operation)
    else { return }
    openTransitions[id]?.stores.removeAll()
    let changes = tornChanges(open.stores)
    guard !changes.isEmpty else { return }
    openTransitions[id]?.hasChanges = true
    var entry = makeEntry(ownSite(.torn, operation: operation), nil, action: ActionID(id))
    entry.cpu = open.cpu < 0 ? nil : open.cpu
    entry.space = changes.first?.space
    entry.page = changes.first?.pages.first
    entry.note = "inferred from \(open.stores.count) stores after the last finished step"
    batch.entries.append(entry)
    apply(changes)
  }

  // The last word of each place that the stores leave behind; the allocator's counts are left out.
  private func tornChanges(_ stores: [PendingStore]) -> [Change] {
    var places: [PendingStore] = []
    for store in stores {
      if let known = places.firstIndex(where: { $0.isSamePlace(as: store) }) {
        places[known] = store
      } else {
        places.append(store)
      }
    }
    return places.flatMap { store in
      TableKind(rawValue: store.table) == .vmemmap ? tornFrame(store) : tornLeaf(store)
    }
  }

  private func tornFrame(_ store: PendingStore) -> [Change] {
    let page = PageFrame(store.page)
    guard let old = image.frameWord(at: page) else { return [] }
    let mask = store.size >= 8 ? UInt64.max : (UInt64(1) << UInt64(store.size * 8)) - 1
    let shift = UInt64(min(store.byte, 7) * 8)
    let new = old & ~(mask << shift) | (store.value & mask) << shift
    let before = words.encoding.frame(old)
    let after = words.encoding.frame(new)
    var changes: [Change] = []
    if before.host != after.host || before.shareCount != after.shareCount {
      changes.append(tornChange(.vmemmap, .host, page, 3, old, new, before.host, after.host))
    }
    let isAllocators = before.hyp == .owned && after.hyp == .owned
    if before.hyp != after.hyp || (before.references != after.references && !isAllocators) {
      changes.append(tornChange(.vmemmap, .hyp, page, 3, old, new, before.hyp, after.hyp))
    }
    return changes
  }

  private func tornLeaf(_ store: PendingStore) -> [Change] {
    guard let table = TableKind(rawValue: store.table) else { return [] }
    let space = SpaceID(rawValue: store.space)
    let page = PageFrame(store.page)
    if table == .hypStage1, !MachineImage.isLinear(page) { return [] }
    guard let old = image.leaf(table, space, at: page) else { return [] }
    // A table in place of a leaf: its entries are zero until other stores fill them.
    let new = store.isTable ? LeafWord(level: store.level + 1, raw: 0) : LeafWord(level: store.level, raw: store.value)
    if store.isTable, old.level > store.level { return [] }
    if old == new || (old.raw == 0 && new.raw == 0) { return [] }
    let meaning: (PageState?, OwnerAnnotation)
    switch table {
    case .hostStage2: meaning = words.encoding.hostMeaning(new, isMemory: facts.isMemory(page))
    case .hypStage1: meaning = (words.encoding.hypState(new), .none)
    default: meaning = (words.encoding.guestState(new), .none)
    }
    let size = MachineImage.pagesPerLeaf(new.raw == 0 ? old.level : new.level)
    var change = tornChange(table, space, page, new.level, old.raw, new.raw, nil, meaning.0)
    change.pages = PageRange(first: PageFrame(page.rawValue & ~(size - 1)), count: size)
    change.oldLevel = old.level
    change.owner = ownerSpace(meaning.1)
    return [change]
  }

  private func tornChange(
    _ table: TableKind, _ space: SpaceID, _ page: PageFrame, _ level: Int8, _ old: UInt64, _ new: UInt64,
    _ before: PageState?, _ after: PageState?
  ) -> Change {
    let present = image.ownership.holding(space, page).state
    return Change(
      seq: lastSeq, ordinal: 0, space: space, table: table, pages: PageRange(page), oldLevel: level, newLevel: level,
      old: old, new: new, oldState: before ?? present, newState: after ?? present, owner: nil, isInferred: true)
  }
}

extension PendingStore {
  func isSamePlace(as other: PendingStore) -> Bool {
    table == other.table && space == other.space && page == other.page && level == other.level && byte == other.byte
  }
}
