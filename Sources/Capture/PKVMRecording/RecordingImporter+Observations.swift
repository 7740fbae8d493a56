// Why: what a line says it saw, apart from what it changed: the state at a call, and what another CPU
// did before the locks were held. Evidence to compare with, and knowledge where nothing was known.

import PageOwnership
import PageTables

/// The words seen of one page, or of a run of pages with equal vmemmap words.
struct SeenWords {
  var page: UInt64?
  var pageCount: UInt64 = 1
  var isUnordered = false
  var frame: UInt64?
  var host: LeafWord?
  var hyp: LeafWord?
  var guest: LeafWord?
  /// The offset of the guest's leaf along its range.
  var guestOffset: UInt64 = 0
}

extension RecordingImporter {
  /// The `state` of a call line.
  func readState(_ line: RecordingLine, _ range: RecordedRange) throws(InputError) -> [SeenWords] {
    guard let state = line.state else { return [] }
    do throws(WordError) {
      var seen: [UInt64: SeenWords] = [:]
      var runs: [SeenWords] = []
      try readFrames(state["vmemmap"], range, &seen, &runs)
      try readLeaves(state["host_s2"], .hostStage2, range, &seen) { $0.host = $1 }
      try readLeaves(state["hyp_s1"], .hypStage1, range, &seen) { $0.hyp = $1 }
      try readLeaves(state["guest_s2"], .guestStage2, range, &seen) { $0.guest = $1 }
      return seen.keys.sorted().compactMap { seen[$0] } + runs
    } catch {
      throw line.error(error.message)
    }
  }

  private func readFrames(
    _ list: JSONValue?, _ range: RecordedRange, _ seen: inout [UInt64: SeenWords], _ runs: inout [SeenWords]
  ) throws(WordError) {
    guard let list else { return }
    guard let page = range.page else { throw WordError("`vmemmap` was seen, but the call names no page") }
    let kinds = list.count
    var index: UInt64 = 0
    try list.forEachElement { (item: JSONValue) throws(WordError) in
      let word = try words.frame(item["raw"], "raw")
      try words.checkFrame(item, word)
      if let count = item["count"]?.uint64 {
        guard count > 0, count <= RecordedRange.lookedAtLimit else { throw WordError("`count` is out of range") }
        runs.append(SeenWords(page: page, pageCount: count, isUnordered: kinds > 1, frame: word))
      } else {
        seen[index, default: SeenWords()].page = page &+ index
        seen[index, default: SeenWords()].frame = word
      }
      index += 1
    }
  }

  private func readLeaves(
    _ list: JSONValue?, _ table: TableKind, _ range: RecordedRange, _ seen: inout [UInt64: SeenWords],
    _ set: (inout SeenWords, LeafWord) -> Void
  ) throws(WordError) {
    guard let list else { return }
    var index: UInt64 = 0
    try list.forEachElement { (item: JSONValue) throws(WordError) in
      defer { index += 1 }
      guard let leaf = try words.leaf(item, table, isDecoded: true) else { return }
      let offset = table == .guestStage2 ? index : RecordedRange.offset(index, count: range.count)
      guard offset < RecordedRange.lookedAtLimit else { throw WordError("more leaves were seen than pages") }
      if table != .guestStage2 { seen[offset, default: SeenWords()].page = range.page.map { $0 &+ offset } }
      seen[offset, default: SeenWords()].guestOffset = offset
      set(&seen[offset, default: SeenWords()], leaf)
    }
  }

  /// The boot walk names the hypervisor's descriptor twice, and the state in it.
  func checkWalk(_ line: RecordingLine, _ arguments: JSONValue) throws(InputError) {
    guard let old = arguments["old"]?.hex, let seen = line.state?["hyp_s1"] else { return }
    var first: JSONValue?
    seen.forEachElement { if first == nil { first = $0 } }
    // Stacks are walked by their private address, but the leaf that was seen is that of the linear map, which
    // maps the same page or none.
    let address = Descriptor(old).outputAddress(level: 3)
    let pte = first?["pte"]?.hex ?? 0
    let isSame = arguments["addr"]?.hex == address &- (facts.hypVAOffset.value ?? 0)
    if first != nil, isSame ? pte != old : pte & 1 == 1 && Descriptor(pte).outputAddress(level: 3) != address {
      throw line.error(
        "`old` says 0x\(String(old, radix: 16)), the leaf that was seen 0x\(String(pte, radix: 16))")
    }
    let names = ["OWNED", "SHARED_OWNED", "SHARED_BORROWED", "NOPAGE"]
    do throws(WordError) {
      let level = arguments["level"]?.int64.flatMap { Int8(exactly: $0) } ?? 3
      try words.checkShape(LeafWord(level: level, raw: old), .hypStage1)
    } catch {
      throw line.error(error.message)
    }
    guard let said = arguments["hyp_state"]?.makeString(), old != 0 else { return }
    let state = names[Int(old >> 55 & 3)]
    if said != state { throw line.error("`hyp_state` says \(said), `old` says \(state)") }
  }

  /// `changes_seen`: what the words are now.
  func readChangesSeen(_ line: RecordingLine, _ open: OpenTransition) throws(InputError) -> [SeenWords] {
    guard line.changesSeen != nil else { return [] }
    var seen: [SeenWords] = []
    do throws(WordError) {
      try line.changesSeen?.forEachElement { (change: JSONValue) throws(WordError) in
        if let words = try readSeen(change, open) { seen.append(words) }
      }
    } catch {
      throw line.error(error.message)
    }
    return seen
  }

  private func readSeen(_ change: JSONValue, _ open: OpenTransition) throws(WordError) -> SeenWords? {
    guard let what = change["what"]?.string else { throw WordError("a seen change has no `what`") }
    if what.equals("vmemmap") {
      guard let address = change["phys"]?.hex, let count = change["n"]?.uint64, count > 0, count <= 512 else {
        throw WordError("a vmemmap change has no `phys` and `n`")
      }
      let old = try words.frame(change["old"], "old")
      let new = try words.frame(change["new"], "new")
      try words.checkFields(change["fields"], old: old, new: new)
      for page in address >> 12..<address >> 12 + count { try open.checkSeen(.vmemmap, page, old) }
      return SeenWords(page: address >> 12, pageCount: count, frame: new)
    }
    guard let index = change["j"]?.uint64, index < RecordedRange.lookedAtLimit, let new = change["new"] else {
      throw WordError("a seen change has no `j` and `new`")
    }
    let offset = RecordedRange.offset(index, count: open.pageCount)
    var seen = SeenWords(page: open.page.map { $0 &+ offset }, guestOffset: index)
    let old = change["old"]
    switch what {
    case "host_s2": seen.host = try readSeen(old, new, .hostStage2, seen.page, open)
    case "hyp_s1": seen.hyp = try readSeen(old, new, .hypStage1, seen.page, open)
    case "guest_s2": seen.guest = try readSeen(old, new, .guestStage2, open.guestPage.map { $0 &+ index }, open)
    default: throw WordError("`\(what.makeString())` is no table")
    }
    return seen
  }

  private func readSeen(
    _ old: JSONValue?, _ new: JSONValue, _ table: TableKind, _ page: UInt64?, _ open: OpenTransition
  ) throws(WordError) -> LeafWord? {
    guard let old else { throw WordError("a seen change has no `old`") }
    let before = try words.leaf(old, table, isDecoded: false)
    if let page, let before { try open.checkSeen(table, page, before.raw) }
    return try words.leaf(new, table, isDecoded: true)
  }

  /// Writes what was seen as observations of the entry made last, and learns from it.
  func record(_ seen: [SeenWords], _ open: OpenTransition) {
    for (ordinal, words) in seen.enumerated() {
      let pages = PageRange(first: PageFrame(words.page ?? 0), count: words.page == nil ? 0 : words.pageCount)
      var observation = Observation(
        seq: lastSeq, ordinal: Int32(ordinal), pages: pages, isUnordered: words.isUnordered)
      observation.frame = words.frame
      observation.host = words.page == nil ? nil : words.host
      observation.hyp = words.page == nil ? nil : words.hyp
      if let guest = words.guest, let space = open.guestSpace, let page = open.guestPage,
        page < RecordedRange.guestPageLimit
      {
        observation.guestSpace = SpaceID(rawValue: space)
        observation.guestPage = PageFrame(page &+ words.guestOffset)
        observation.guest = guest
      }
      batch.observations.append(observation)
      image.learn(from: observation)
    }
  }
}

extension OpenTransition {
  /// What a transition says a word was before must be what it last said of it.
  func checkSeen(_ table: TableKind, _ page: UInt64, _ old: UInt64) throws(WordError) {
    guard !hasChanges, let known = seen.first(where: { $0.table == table.rawValue && $0.page == page }),
      known.raw != old
    else { return }
    throw WordError(
      "`old` says 0x\(String(old, radix: 16)), the same call saw 0x\(String(known.raw, radix: 16)) before")
  }

  /// Takes over what was seen now.
  mutating func note(_ words: [SeenWords]) {
    for word in words {
      if let page = word.page {
        if let frame = word.frame, !word.isUnordered {
          for page in page..<page + word.pageCount { note(.vmemmap, page, frame) }
        }
        if let host = word.host { note(.hostStage2, page, host.raw) }
        if let hyp = word.hyp { note(.hypStage1, page, hyp.raw) }
      }
      if let guest = word.guest, let page = guestPage { note(.guestStage2, page &+ word.guestOffset, guest.raw) }
    }
  }

  private mutating func note(_ table: TableKind, _ page: UInt64, _ raw: UInt64) {
    let now = SeenRaw(table: table.rawValue, page: page, raw: raw)
    if let place = seen.firstIndex(where: { $0.table == now.table && $0.page == page }) {
      seen[place] = now
    } else if seen.count < 256 {
      seen.append(now)
    }
  }
}
