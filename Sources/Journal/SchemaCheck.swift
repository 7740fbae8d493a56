// Why: a view, a trigger or a word table that was changed makes a journal say something else without a row
// of history being touched. The schema of each version is known: it is made again in memory and compared.

import GRDB

/// Compares a journal's schema and words with what its migrations make.
enum SchemaCheck {
  private static let wordTables = ["state_word", "outcome_word", "table_word", "activation_word"]

  /// What differs.
  static func findings(_ connection: Connection) throws(JournalError) -> [IntegrityFinding] {
    let version = try connection.checkedVersion()
    let model = try Connection(":memory:", .write)
    try model.withDatabase("cannot make the schema in memory") { database in
      for migration in Migration.all.prefix(version) {
        try database.execute(sql: String(decoding: migration.bytes, as: UTF8.self))
      }
    }
    let expected = try objects(model)
    let found = try objects(connection)
    var findings: [IntegrityFinding] = []
    for (name, sql) in expected.sorted(by: { $0.key < $1.key }) where found[name] != sql {
      let what = found[name] == nil ? "is missing" : "is not what the schema of version \(version) says"
      findings.append(IntegrityFinding(structure: name, message: "it \(what)"))
    }
    for name in found.keys.sorted() where expected[name] == nil && !name.hasPrefix("sqlite_stat") {
      findings.append(IntegrityFinding(structure: name, message: "no schema of version \(version) has it"))
    }
    guard findings.isEmpty else { return findings }
    for table in wordTables where try words(table, connection) != words(table, model) {
      findings.append(IntegrityFinding(structure: table, message: "its words are not those of the schema"))
    }
    return findings
  }

  /// How many rows the word tables have.
  static func wordCounts(_ connection: Connection) throws(JournalError) -> [TableCoverage] {
    var counts: [TableCoverage] = []
    for table in wordTables {
      let count = try connection.number("SELECT count(*) FROM \(table)") ?? 0
      counts.append(TableCoverage(table: table, present: count, checked: count))
    }
    return counts
  }

  private static func objects(_ connection: Connection) throws(JournalError) -> [String: String] {
    // SQLite takes bytes for a name too: a flipped bit makes them of a text.
    let types = "typeof(type) || typeof(name) || typeof(tbl_name) || typeof(sql)"
    let rows = try Cursor(
      connection, "SELECT name, type || ' on ' || tbl_name || ': ' || ifnull(sql, '') || \(types) FROM sqlite_schema")
    var objects: [String: String] = [:]
    while try rows.step() { objects[rows.text(0)] = rows.text(1) }
    return objects
  }

  private static func words(_ table: String, _ connection: Connection) throws(JournalError) -> [String] {
    let rows = try Cursor(connection, "SELECT id, name FROM \(table) ORDER BY id")
    var words: [String] = []
    while try rows.step() { words.append("\(rows.number(0)) \(rows.text(1))") }
    return words
  }
}
