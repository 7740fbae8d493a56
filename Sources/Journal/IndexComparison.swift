// Why: an index is only worth what a replay confirms: each row that a replay gives is looked up by its key,
// and what is left over is found by counting. Not here: the replay (CustodyCLI composes it).

package import PageOwnership

/// Compares the index of a journal with rows that are known to be right.
package final class IndexComparison {
  /// What is wrong, the first row of each table; empty if nothing is.
  package private(set) var findings: [IntegrityFinding] = []
  /// How many rows were compared.
  package var rowCount: Int64 { seen.values.reduce(0, +) }

  private let connection: Connection
  private let names: [SpaceID: String]
  private let tables: [Table: Cursor]
  private var seen: [Table: Int64] = [:]

  private enum Table: String, CaseIterable {
    case block = "ownership_block"
    case count = "ownership_count"
    case span = "ownership_span_row"

    var key: String {
      switch self {
      case .block: "space, level, page, seq"
      case .count: "field, level, page, seq"
      case .span: "space, first_page, from_seq"
      }
    }

    var values: String {
      switch self {
      case .block: "state, owner, owner_page, frame"
      case .count: "count"
      case .span: "state, owner, owner_page, frame, page_count, to_seq"
      }
    }
  }

  /// Prepares a comparison. Throws ``JournalError``.
  package init(_ reader: JournalReader) throws(JournalError) {
    connection = reader.connection
    var tables: [Table: Cursor] = [:]
    for table in Table.allCases {
      let columns = table.key.split(separator: ", ")
      let place = columns.enumerated().map { "\($1) = ?\($0 + 1)" }.joined(separator: " AND ")
      tables[table] = try Cursor(connection, "SELECT \(table.values) FROM \(table.rawValue) WHERE \(place)")
    }
    self.tables = tables
    names = Dictionary(try reader.spaces().map { ($0.space.id, $0.space.name) }) { first, _ in first }
  }

  /// Looks rows up. Throws ``JournalError`` `io`.
  package func compare(_ rows: OwnershipRows) throws(JournalError) {
    for block in rows.blocks {
      let key = [
        Int64(block.space.rawValue), Int64(block.level), Int64(bitPattern: block.page.rawValue), block.seq.rawValue,
      ]
      try compare(.block, key, Self.words(block.holding))
    }
    for block in rows.counts {
      let key = [
        Int64(block.field.rawValue), Int64(block.level), Int64(bitPattern: block.page.rawValue), block.seq.rawValue,
      ]
      try compare(.count, key, [block.count.map { Int64($0) }])
    }
    for span in rows.spans {
      let key = [Int64(span.space.rawValue), Int64(bitPattern: span.pages.first.rawValue), span.from.rawValue]
      let count = span.pages.count == 1 ? nil : Int64(bitPattern: span.pages.count)
      try compare(.span, key, Self.words(span.holding) + [count, span.to?.rawValue])
    }
  }

  /// The tables with more rows than were compared. Throws ``JournalError``.
  package func tablesWithMore() throws(JournalError) -> [String] {
    var found: [String] = []
    for table in Table.allCases {
      let count = try connection.number("SELECT count(*) FROM \(table.rawValue)") ?? 0
      if count > seen[table] ?? 0 { found.append(table.rawValue) }
    }
    return found
  }

  /// Finds the first row of a table that is not among `keys` (see ``keys(of:in:)``). Throws ``JournalError``.
  package func findExtra(in name: String, keys: Set<[Int64]>) throws(JournalError) {
    guard let table = Table(rawValue: name) else { return }
    let rows = try Cursor(connection, "SELECT \(table.key) FROM \(name) ORDER BY \(table.key)")
    while try rows.step() {
      let key = (0..<rows.columnCount).map { rows.number($0) }
      if !keys.contains(key) { return note(table, key, "a replay gives no such row") }
    }
  }

  /// The keys that rows have in a table.
  package static func keys(of name: String, in rows: OwnershipRows) -> [[Int64]] {
    switch Table(rawValue: name) {
    case .block:
      rows.blocks.map {
        [Int64($0.space.rawValue), Int64($0.level), Int64(bitPattern: $0.page.rawValue), $0.seq.rawValue]
      }
    case .count:
      rows.counts.map {
        [Int64($0.field.rawValue), Int64($0.level), Int64(bitPattern: $0.page.rawValue), $0.seq.rawValue]
      }
    case .span:
      rows.spans.map { [Int64($0.space.rawValue), Int64(bitPattern: $0.pages.first.rawValue), $0.from.rawValue] }
    case nil: []
    }
  }

  private static func words(_ holding: IndexedHolding) -> [Int64?] {
    [
      (holding.state?.rawValue).map { Int64($0) }, holding.owner?.code,
      (holding.owner?.page?.rawValue).map { Int64(bitPattern: $0) },
      (holding.frame?.rawValue).map { Int64(bitPattern: $0) },
    ]
  }

  private func compare(_ table: Table, _ key: [Int64], _ wanted: [Int64?]) throws(JournalError) {
    seen[table, default: 0] += 1
    guard let row = tables[table], !findings.contains(where: { $0.structure == table.rawValue }) else { return }
    row.restart(key[0], key[1], key[2], key.count > 3 ? key[3] : 0)
    guard try row.step() else { return note(table, key, "the row is missing") }
    let columns = table.values.split(separator: ", ")
    for (column, value) in wanted.enumerated() where row.optionalNumber(Int32(column)) != value {
      let found = row.optionalNumber(Int32(column)).map { "\($0)" } ?? "NULL"
      return note(table, key, "\(columns[column]) is \(found), a replay gives \(value.map { "\($0)" } ?? "NULL")")
    }
  }

  private func note(_ table: Table, _ key: [Int64], _ what: String) {
    let space = table == .count ? nil : Int32(exactly: key[0]).flatMap { names[SpaceID(rawValue: $0)] }
    let place = zip(table.key.split(separator: ", "), key).map { "\($0) \($1)" }.joined(separator: ", ")
    findings.append(
      IntegrityFinding(
        structure: table.rawValue, message: "\(place)\(space.map { " (\($0))" } ?? ""): \(what)"))
  }
}
