// Why: a recording repeats some 150 combinations of words a hundred thousand times; each becomes a site
// once. The key is built of interned texts, so that a line costs one look-up and no allocation.

import PageOwnership

/// Numbers for texts.
struct TextTable {
  private var slots: [Int32] = Array(repeating: -1, count: 1024)
  private var texts: [[UInt8]] = []

  /// The number of a text, from 0; new texts get the next one.
  mutating func number(of view: StringView?) -> Int32 {
    guard let view else { return -1 }
    var position = Self.hash(view.bytes) & (slots.count - 1)
    while slots[position] >= 0 {
      let number = slots[position]
      if texts[Int(number)].elementsEqual(view.bytes) { return number }
      position = (position + 1) & (slots.count - 1)
    }
    slots[position] = Int32(texts.count)
    texts.append(Array(view.bytes))
    if texts.count * 2 > slots.count { grow() }
    return Int32(texts.count - 1)
  }

  private mutating func grow() {
    slots = Array(repeating: -1, count: slots.count * 2)
    for (number, text) in texts.enumerated() {
      var position = text.withUnsafeBytes { Self.hash($0) } & (slots.count - 1)
      while slots[position] >= 0 { position = (position + 1) & (slots.count - 1) }
      slots[position] = Int32(number)
    }
  }

  private static func hash(_ bytes: UnsafeRawBufferPointer) -> Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return Int(truncatingIfNeeded: (hash ^ hash >> 32) & 0x7fff_ffff)
  }
}

/// What a line's words have in common with other lines.
struct SiteKey: Hashable {
  var phase: RecordedPhase
  var function: Int32
  var step: Int32 = -1
  var sourceLine: Int64 = -1
  var wanted: Int32 = -1
  var resultBy: Int32 = -1
  var isWhole = false
  var extra: Int32 = -1
}

/// A site and what it means.
struct SiteInfo {
  var id: SiteID
  var meaning = PhaseMeaning(side: .both)
  /// The outcome that every check at this site has, whatever the recording says.
  var fixedOutcome: CheckOutcome?
}

/// The sites of one import.
struct SiteTable {
  var texts = TextTable()
  private var known: [SiteKey: SiteInfo] = [:]
  private var numbers: [Site: SiteID] = [:]
  private(set) var count: Int32 = 0

  /// Takes over the sites that a journal already has.
  mutating func restore(_ sites: [(SiteID, Site)]) {
    for (id, site) in sites {
      numbers[site] = id
      count = max(count, id.rawValue)
    }
  }

  /// The site of a key; `make` says what it is when it is new to this run, `isNew` when new to the journal.
  mutating func info(
    _ key: SiteKey, make: () -> (Site, PhaseMeaning, CheckOutcome?), onNew: (SiteID, Site) -> Void
  ) -> SiteInfo {
    if let info = known[key] { return info }
    let (site, meaning, outcome) = make()
    let info = SiteInfo(id: id(of: site, onNew: onNew), meaning: meaning, fixedOutcome: outcome)
    known[key] = info
    return info
  }

  /// The number of a site.
  mutating func id(of site: Site, onNew: (SiteID, Site) -> Void) -> SiteID {
    if let id = numbers[site] { return id }
    count += 1
    let id = SiteID(rawValue: count)
    numbers[site] = id
    onNew(id, site)
    return id
  }
}
