// Why: the chain once more, from the documentation alone: rows by SQL, bytes by hand, one at a time. Slow and
// simple, so that the fast one can be held against it. Not here: anything of the code under test but `query`.

import Crypto

@testable import Journal

/// Recomputes the chain of a journal.
struct NaiveChain {
  private let reader: JournalReader
  private var named: Set<Int64> = [0, 1, 2]

  init(_ reader: JournalReader) { self.reader = reader }

  /// The heads at the given entries, which rise; a seal stands at each of `seals`.
  mutating func heads(at wanted: [Int64], seals: Set<Int64>) throws -> [Int64: String] {
    var heads: [Int64: String] = [:]
    var last = try genesis()
    if wanted.contains(0) { heads[0] = Self.hex(last) }
    var bytes = Self.domain("custody seal v1") + last
    for seq in stride(from: 1, through: wanted.max() ?? 0, by: 1) {
      bytes += try entry(seq)
      let head = Array(SHA256.hash(data: bytes + Self.number(seq)))
      if wanted.contains(seq) { heads[seq] = Self.hex(head) }
      if seals.contains(seq) {
        last = head
        bytes = Self.domain("custody seal v1") + last
      }
    }
    return heads
  }

  private func genesis() throws -> [UInt8] {
    let facts = try rows("SELECT key, value, provenance FROM fact ORDER BY key").map { record("F", $0) }
    let regions = try rows("SELECT id, start_page, page_count, kind FROM region ORDER BY id").map { record("M", $0) }
    let spaces = try rows("SELECT \(Self.spaceColumns) FROM space_row WHERE id < 3 ORDER BY id").map { record("B", $0) }
    let bytes = Self.domain("custody genesis v1") + (facts + regions + spaces).flatMap { $0 }
    return Array(SHA256.hash(data: bytes + Self.number(Int64(facts.count + regions.count))))
  }

  private static let spaceColumns = "id, kind, handle, incarnation, protected, born_seq"

  private mutating func entry(_ seq: Int64) throws -> [UInt8] {
    let row = try rows(
      """
      SELECT action, space, page, page_count, cpu, found, outcome, result, time, site FROM entry_row WHERE seq = \(seq)
      """
    )
    guard let columns = row.first, case .integer(let site) = columns[9] else { return [] }
    var bytes = record("E", Array(columns.prefix(9)), prefix: try digest(ofSite: site))
    var spaces = [columns[1]]
    func add(_ tag: Character, _ sql: String, spaces places: [Int] = []) throws {
      for row in try rows(sql) {
        bytes += record(tag, row)
        spaces += places.map { row[$0] }
      }
    }
    try add("N", "SELECT text FROM entry_note WHERE seq = \(seq)")
    try add("R", "SELECT first_index FROM source_run WHERE first_seq = \(seq)")
    try add("G", "SELECT missing, first_index, why FROM gap WHERE seq = \(seq)")
    try add(
      "C",
      "SELECT space, page, page_count, levels, old, new, flags, owner FROM change_row WHERE seq = \(seq) ORDER BY ord",
      spaces: [0, 7])
    try add(
      "O",
      """
      SELECT page, page_count, frame, host, hyp, guest_space, guest_page, guest, levels, flags
      FROM observation_row WHERE seq = \(seq) ORDER BY ord
      """, spaces: [5])
    if case .integer(let id) = columns[0] {
      let own = "id = \(id) AND first_seq = \(seq)"
      try add("A", "SELECT parent, kind, x1, x2, x3, x4, x5, x6, arguments FROM activation_row WHERE \(own)")
      try add(
        "T",
        """
        SELECT activation, source_space, source_address, target_space, target_address, page_count, arguments
        FROM transition_row WHERE \(own)
        """, spaces: [1, 3])
      let ended = "id = \(id) AND last_seq = \(seq)"
      try add("a", "SELECT result FROM activation_end WHERE \(ended)")
      try add("t", "SELECT outcome, result, failed_seq FROM transition_end WHERE \(ended)")
    }
    try add("D", "SELECT space FROM space_end WHERE died_seq = \(seq) ORDER BY space", spaces: [0])
    let snapshots = try rows(
      """
      SELECT id, why, registers, busy_cpus, guests FROM snapshot WHERE origin = 'observed' AND seq = \(seq) ORDER BY id
      """
    )
    for snapshot in snapshots {
      bytes += record("S", snapshot)
      if case .text(let guests) = snapshot[4] {
        spaces += guests.split(separator: " ").map { .integer(Int64($0) ?? 0) }
      }
      guard case .integer(let id) = snapshot[0] else { continue }
      try add(
        "r", "SELECT space, kind, page, page_count, level, raw FROM snapshot_range WHERE snapshot = \(id) ORDER BY ord",
        spaces: [0])
    }
    return try bytes + births(spaces)
  }

  private mutating func births(_ spaces: [SQLCell]) throws -> [UInt8] {
    var bytes: [UInt8] = []
    let numbers = spaces.compactMap { if case .integer(let number) = $0 { number } else { nil } }
    for number in Set(numbers).sorted() where !named.contains(number) {
      let row = try rows("SELECT \(Self.spaceColumns) FROM space_row WHERE id = \(number)")
      if let row = row.first {
        bytes += record("B", row)
        named.insert(number)
      }
    }
    return bytes
  }

  private func digest(ofSite site: Int64) throws -> [UInt8] {
    let columns = "kind, operation, kernel_function, kernel_step, source_line, condition, skipped, effect, side"
    let row = try rows("SELECT \(columns), expected, new_state, provenance FROM site WHERE id = \(site)")
    return Array(SHA256.hash(data: Self.domain("custody site v1") + record("s", row[0]) + Self.number(0)))
  }

  private func record(_ tag: Character, _ columns: [SQLCell], prefix: [UInt8] = []) -> [UInt8] {
    var bitmap: UInt16 = 0
    var values: [UInt8] = []
    for (index, column) in columns.enumerated() {
      if column != .null { bitmap |= 1 << UInt16(index) }
      switch column {
      case .integer(let number): values += Self.number(number)
      case .text(let text): values += Self.number(Int64(text.utf8.count)) + Array(text.utf8)
      default: break
      }
    }
    return [tag.asciiValue ?? 0, UInt8(bitmap & 0xff), UInt8(bitmap >> 8)] + prefix + values
  }

  private func rows(_ sql: String) throws -> [[SQLCell]] {
    var rows: [[SQLCell]] = []
    try reader.query(sql) {
      rows.append($0)
      return true
    }
    return rows
  }

  private static func domain(_ name: String) -> [UInt8] { Array(name.utf8) + [0] }

  private static func number(_ value: Int64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
