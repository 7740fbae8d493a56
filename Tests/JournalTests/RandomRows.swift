// Why: rows with every field at its edges, from a seed.

import PageOwnership

/// A small generator of numbers (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

/// Random entries, changes and observations.
struct RandomRows {
  private var numbers: SeededNumbers

  init(seed: UInt64) { numbers = SeededNumbers(state: seed) }

  mutating func batch(entryCount: Int64) -> EntryBatch {
    var batch = EntryBatch()
    batch.sites = [(SiteID(rawValue: 1), Site(.op)), (SiteID(rawValue: 2), Site(.store))]
    for seq in 1...entryCount {
      batch.entries.append(entry(seq))
      for ordinal in 0..<Int32.random(in: 0...2, using: &numbers) {
        batch.changes.append(change(seq, ordinal))
        batch.observations.append(observation(seq, ordinal))
      }
    }
    return batch
  }

  private mutating func entry(_ seq: Int64) -> Entry {
    var entry = Entry(seq: SequenceNumber(seq), site: SiteID(rawValue: Int32.random(in: 1...2, using: &numbers)))
    entry.action = signed().map { ActionID($0) }
    entry.cpu = small()
    entry.space = small().map { SpaceID(rawValue: $0) }
    entry.page = word().map { PageFrame($0) }
    entry.pageCount = entry.page == nil ? word() : word() ?? 1
    entry.found = PageState.allCases.randomElement(using: &numbers)
    entry.outcome = UInt8.random(in: .min ... .max, using: &numbers)
    entry.result = signed()
    entry.time = signed()
    entry.sourceIndex = Bool.random(using: &numbers) ? seq : signed()
    entry.note = Bool.random(using: &numbers) ? nil : ["", "a\u{0}b", "größer", "'"].randomElement(using: &numbers)
    return entry
  }

  private mutating func change(_ seq: Int64, _ ordinal: Int32) -> Change {
    Change(
      seq: SequenceNumber(seq), ordinal: ordinal, space: SpaceID(rawValue: small() ?? 0),
      table: TableKind.allCases.randomElement(using: &numbers) ?? .vmemmap, pages: range(), oldLevel: level(),
      newLevel: level(), old: word(), new: word(),
      oldState: PageState.allCases.randomElement(using: &numbers) ?? .owned,
      newState: PageState.allCases.randomElement(using: &numbers) ?? .owned,
      owner: small().map { SpaceID(rawValue: $0) }, isInferred: Bool.random(using: &numbers))
  }

  private mutating func observation(_ seq: Int64, _ ordinal: Int32) -> Observation {
    var seen = Observation(
      seq: SequenceNumber(seq), ordinal: ordinal, pages: range(), isUnordered: Bool.random(using: &numbers))
    seen.frame = word()
    seen.host = leaf()
    seen.hyp = leaf()
    seen.guestSpace = small().map { SpaceID(rawValue: $0) }
    seen.guestPage = word().map { PageFrame($0) }
    seen.guest = leaf()
    return seen
  }

  private mutating func leaf() -> LeafWord? { word().map { LeafWord(level: level(), raw: $0) } }

  private mutating func range() -> PageRange { PageRange(first: PageFrame(word() ?? 0), count: word() ?? 1) }

  private mutating func level() -> Int8 { [3, 3, 2, 0, -1, .min, .max].randomElement(using: &numbers) ?? 3 }

  private mutating func small() -> Int32? { [nil, 0, 1, 3, -1, .min, .max].randomElement(using: &numbers) ?? nil }

  private mutating func signed() -> Int64? {
    [nil, 0, 1, -1, -133, .min, .max].randomElement(using: &numbers) ?? nil
  }

  private mutating func word() -> UInt64? {
    [nil, 0, 1, 0x48163, 1 << 63, .max - 1, .max].randomElement(using: &numbers) ?? nil
  }
}
