// Why: facts as rows that a person can read: a key, a value in words, and how it is known. Whatever the
// recording says of itself beyond the known facts has keys that begin with `recording.`.

import GRDB
import PageOwnership

/// The tables `fact` and `region`.
enum FactRows {
  private static let otherPrefix = "recording."

  /// Writes facts into a new journal.
  static func insert(_ facts: Facts, into database: Database) throws {
    let statement = try database.makeStatement(sql: "INSERT INTO fact VALUES (?, ?, ?)")
    func put(_ key: String, _ value: String?, _ provenance: Provenance) throws {
      try statement.execute(arguments: [key, value, provenance.rawValue])
    }
    try put("generation", facts.generation.value?.rawValue, facts.generation.provenance)
    try put("kernel", facts.kernel.value, facts.kernel.provenance)
    try put("el2_debug", facts.el2Debug.value.map { $0 ? "yes" : "no" }, facts.el2Debug.provenance)
    try put("page_shift", facts.pageShift.value.map { "\($0)" }, facts.pageShift.provenance)
    try put("address_bits", facts.addressBits.value.map { "\($0)" }, facts.addressBits.provenance)
    let offset = facts.hypVAOffset.value.map { "0x" + String($0, radix: 16) }
    try put("hyp_va_offset", offset, facts.hypVAOffset.provenance)
    try put("regions", facts.regions.value.map { "\($0.count)" }, facts.regions.provenance)
    // Recordings have no such fact, not even as unknown: nobody drove them.
    if let driver = facts.drivenBy.value { try put("driven_by", driver, facts.drivenBy.provenance) }
    for (key, value) in facts.others { try put(otherPrefix + key, value, .recorded) }
    try insert(facts.regions.value ?? [], into: database)
  }

  private static func insert(_ regions: [Region], into database: Database) throws {
    let sql = "INSERT INTO region (start_page, page_count, kind) VALUES (?, ?, ?)"
    for region in regions {
      let start = Int64(bitPattern: region.pages.first.rawValue)
      let count = Int64(bitPattern: region.pages.count)
      try database.execute(sql: sql, arguments: [start, count, region.kind.rawValue])
    }
  }

  /// Reads the facts of a journal.
  static func read(_ connection: Connection) throws(JournalError) -> Facts {
    let rows = try Cursor(connection, "SELECT key, value, provenance FROM fact", of: "fact")
    var facts = Facts()
    while try rows.step() {
      let key = rows.text(0)
      if key.hasPrefix(otherPrefix) {
        facts.others[String(key.dropFirst(otherPrefix.count))] = rows.text(1)
        continue
      }
      let provenance = try rows.coded(2, Provenance.init(rawValue:))
      guard let value = rows.optionalText(1), provenance != .unknown else { continue }
      guard set(&facts, key, value, provenance) else { throw rows.damaged(1) }
    }
    if facts.regions.value != nil {
      facts.regions = Known(try regions(connection), facts.regions.provenance)
    }
    return facts
  }

  /// Sets one fact; false if the value is none.
  private static func set(_ facts: inout Facts, _ key: String, _ value: String, _ how: Provenance) -> Bool {
    func assign<Value>(_ path: WritableKeyPath<Facts, Known<Value>>, _ value: Value?) -> Bool {
      guard let value else { return false }
      facts[keyPath: path] = Known(value, how)
      return true
    }
    switch key {
    case "generation": return assign(\.generation, Generation(rawValue: value))
    case "kernel": return assign(\.kernel, value)
    case "el2_debug": return assign(\.el2Debug, ["yes": true, "no": false][value])
    case "page_shift": return assign(\.pageShift, Int64(value))
    case "address_bits": return assign(\.addressBits, Int64(value))
    case "hyp_va_offset": return assign(\.hypVAOffset, UInt64(value.dropFirst(2), radix: 16))
    case "regions": return assign(\.regions, [])
    case "driven_by": return assign(\.drivenBy, value)
    default: return true
    }
  }

  private static func regions(_ connection: Connection) throws(JournalError) -> [Region] {
    let rows = try Cursor(connection, "SELECT start_page, page_count, kind FROM region ORDER BY id", of: "region")
    var regions: [Region] = []
    while try rows.step() {
      let pages = PageRange(first: PageFrame(rows.word(0)), count: rows.word(1))
      regions.append(Region(pages: pages, kind: try rows.coded(2, RegionKind.init(rawValue:))))
    }
    return regions
  }
}
