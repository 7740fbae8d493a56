// Why: the user's own SQL, on a connection of its own that can do nothing but read this one journal: an
// authorizer, SQLite's limits, a watch for time and Ctrl-C. Not here: printing.

import GRDB
import GRDBSQLite
import Glibc
import PageOwnership

/// One value of a row.
package enum SQLCell: Hashable, Sendable {
  /// NULL.
  case null
  /// A number.
  case integer(Int64)
  /// A number with a fraction.
  case real(Double)
  /// Text.
  case text(String)
  /// Bytes.
  case blob([UInt8])
}

/// How far a query may go.
package struct QueryLimits: Sendable {
  /// Rows after which it stops; nil for all.
  package var rowCount: Int?
  /// Milliseconds after which it is an error; nil for ever.
  package var milliseconds: Int64?
  /// Asked now and then; true stops the query.
  package var isCancelled: (@Sendable () -> Bool)?

  /// Makes limits.
  package init(rowCount: Int? = nil, milliseconds: Int64? = nil, isCancelled: (@Sendable () -> Bool)? = nil) {
    self.rowCount = rowCount
    self.milliseconds = milliseconds
    self.isCancelled = isCancelled
  }
}

extension JournalReader {
  /// Runs one statement that reads.
  ///
  /// - Parameters:
  ///   - sql: one SELECT (or VALUES, EXPLAIN, a reading PRAGMA such as `table_info`).
  ///   - columns: gets the names of the columns, once, before any row.
  ///   - row: gets each row; false stops.
  /// - Returns: true if the row limit left rows out.
  /// - Throws: ``JournalError``: `query` (wrong, or more than reading), `limit` (time), `interrupted`.
  @discardableResult
  package func query(
    _ sql: String, limits: QueryLimits = QueryLimits(), columns: ([String]) throws -> Void = { _ in },
    row: ([SQLCell]) throws -> Bool
  ) throws -> Bool {
    let connection = try Connection(path, isImmutable ? .readImmutable : .read)
    try connection.restrictToReading()
    let statement = try QueryStatement(connection, sql)
    let watch = QueryWatch(limits)
    watch.install(connection.handle)
    defer { watch.remove(connection.handle) }
    try columns(statement.columnNames)
    var count = 0
    while try statement.step(watch) {
      if let limit = limits.rowCount, count >= limit { return true }
      guard try row(statement.cells()) else { return false }
      count += 1
    }
    return false
  }
}

extension Connection {
  /// From here on nothing but reading is possible; our functions come first, as they need a writable schema.
  fileprivate func restrictToReading() throws(JournalError) {
    try withDatabase("cannot prepare for queries") { database in
      database.add(
        function: DatabaseFunction("hex64", argumentCount: 1, pure: true) { values in
          Int64.fromDatabaseValue(values[0]).map { "0x" + String(UInt64(bitPattern: $0), radix: 16) }
        })
      database.add(
        function: DatabaseFunction("errno_name", argumentCount: 1, pure: true) { values in
          Int64.fromDatabaseValue(values[0]).flatMap { Errno.name($0) }
        })
    }
    for table in Self.tableFunctions { _ = try? number("SELECT 1 FROM \(table) LIMIT 1") }
    for (limit, value) in Self.queryLimits { sqlite3_limit(handle, limit, value) }
    sqlite3_set_authorizer(handle, { _, action, first, second, _, _ in authorize(action, first, second) }, nil)
  }

  /// Table-valued functions that queries may use: they are made at first use, which the authorizer denies.
  private static let tableFunctions = [
    "pragma_table_info('x')", "pragma_table_xinfo('x')", "pragma_table_list('x')", "pragma_index_list('x')",
    "pragma_index_info('x')", "json_each('1')", "json_tree('1')", "dbstat",
  ]

  private static let queryLimits: [(Int32, Int32)] = [
    (SQLITE_LIMIT_LENGTH, 16_000_000), (SQLITE_LIMIT_SQL_LENGTH, 100_000), (SQLITE_LIMIT_COLUMN, 200),
    (SQLITE_LIMIT_EXPR_DEPTH, 100), (SQLITE_LIMIT_COMPOUND_SELECT, 20), (SQLITE_LIMIT_VDBE_OP, 50_000),
    (SQLITE_LIMIT_FUNCTION_ARG, 32), (SQLITE_LIMIT_ATTACHED, 0), (SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200),
    (SQLITE_LIMIT_VARIABLE_NUMBER, 10), (SQLITE_LIMIT_TRIGGER_DEPTH, 1), (SQLITE_LIMIT_WORKER_THREADS, 0),
  ]
}

/// What a query may do, asked by SQLite while it compiles one.
private func authorize(_ action: Int32, _ first: UnsafePointer<CChar>?, _ second: UnsafePointer<CChar>?) -> Int32 {
  switch action {
  case SQLITE_SELECT, SQLITE_READ, SQLITE_RECURSIVE: return SQLITE_OK
  case SQLITE_FUNCTION: return isName(second, in: deniedFunctions) ? SQLITE_DENY : SQLITE_OK
  case SQLITE_PRAGMA:
    if isName(first, in: describingPragmas) { return SQLITE_OK }
    return second == nil && isName(first, in: readingPragmas) ? SQLITE_OK : SQLITE_DENY
  default: return SQLITE_DENY
  }
}

private let deniedFunctions = ["load_extension", "fts3_tokenizer", "readfile", "writefile", "edit", "fts5"]
private let describingPragmas = ["table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo"]
private let readingPragmas = [
  "user_version", "application_id", "page_count", "page_size", "compile_options", "function_list",
  "schema_version", "encoding", "freelist_count",
]

private func isName(_ name: UnsafePointer<CChar>?, in list: [String]) -> Bool {
  guard let name else { return false }
  return list.contains(String(cString: name).lowercased())
}

/// The user's statement.
private final class QueryStatement {
  private let connection: Connection
  private let statement: OpaquePointer

  init(_ connection: Connection, _ sql: String) throws(JournalError) {
    self.connection = connection
    statement = try Self.prepare(connection, sql)
  }

  deinit { sqlite3_finalize(statement) }

  private static func prepare(_ connection: Connection, _ sql: String) throws(JournalError) -> OpaquePointer {
    let bytes = Array(sql.utf8CString)
    guard !bytes.dropLast().contains(0) else { throw JournalError(.query, "the SQL holds a zero byte") }
    var statement: OpaquePointer?
    var others = false
    let code = bytes.withUnsafeBufferPointer { text -> Int32 in
      var tail: UnsafePointer<CChar>?
      let code = sqlite3_prepare_v2(connection.handle, text.baseAddress, Int32(clamping: text.count), &statement, &tail)
      if code == SQLITE_OK, let tail { others = holdsStatement(connection.handle, tail) }
      return code
    }
    guard code == SQLITE_OK else { throw refusal(connection, code) }
    guard let statement else { throw JournalError(.query, "the SQL is empty") }
    guard !others, sqlite3_stmt_readonly(statement) != 0 else {
      sqlite3_finalize(statement)
      let what = others ? "more than one statement" : "a statement that writes"
      throw JournalError(.query, "\(what): a query is one statement that reads", hint: "run them one by one")
    }
    return statement
  }

  /// Whether something follows the first statement: anything but blanks, comments and semicolons.
  private static func holdsStatement(_ handle: OpaquePointer, _ tail: UnsafePointer<CChar>) -> Bool {
    var tail: UnsafePointer<CChar>? = tail
    while let start = tail, start.pointee != 0 {
      var statement: OpaquePointer?
      let code = sqlite3_prepare_v2(handle, start, -1, &statement, &tail)
      if statement != nil || code != SQLITE_OK {
        sqlite3_finalize(statement)
        return true
      }
      if tail == start { return false }
    }
    return false
  }

  private static func refusal(_ connection: Connection, _ code: Int32) -> JournalError {
    let text = String(cString: sqlite3_errmsg(connection.handle))
    if code & 0xff == SQLITE_AUTH {
      return JournalError(
        .query, "not allowed: \(text)", hint: "a query only reads; use `sqlite3` on a copy for more",
        cause: JournalError.Cause(code: code, message: text))
    }
    let offset = sqlite3_error_offset(connection.handle)
    let place = offset >= 0 ? " at byte \(offset)" : ""
    return JournalError(
      .query, "the SQL is wrong\(place): \(text)",
      hint: "`SELECT name FROM sqlite_schema WHERE type = 'view'` lists what can be asked",
      cause: JournalError.Cause(code: code, message: text))
  }

  var columnNames: [String] {
    (0..<sqlite3_column_count(statement)).map { column in
      sqlite3_column_name(statement, column).map { String(cString: $0) } ?? ""
    }
  }

  func step(_ watch: QueryWatch) throws(JournalError) -> Bool {
    let code = sqlite3_step(statement)
    if code == SQLITE_ROW { return true }
    if code == SQLITE_DONE { return false }
    if code & 0xff == SQLITE_INTERRUPT, let reason = watch.reason { throw reason }
    throw .sqlite(code, connection.handle, "the query stopped")
  }

  func cells() -> [SQLCell] {
    (0..<sqlite3_column_count(statement)).map { column in
      switch sqlite3_column_type(statement, column) {
      case SQLITE_INTEGER: .integer(sqlite3_column_int64(statement, column))
      case SQLITE_FLOAT: .real(sqlite3_column_double(statement, column))
      case SQLITE_TEXT: .text(text(column))
      case SQLITE_BLOB: .blob(blob(column))
      default: .null
      }
    }
  }

  private func text(_ column: Int32) -> String {
    guard let start = sqlite3_column_text(statement, column) else { return "" }
    let count = Int(sqlite3_column_bytes(statement, column))
    return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }

  private func blob(_ column: Int32) -> [UInt8] {
    guard let start = sqlite3_column_blob(statement, column) else { return [] }
    return [UInt8](UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column))))
  }
}

/// Stops a query that takes too long or that nobody wants any more.
private final class QueryWatch {
  private let limits: QueryLimits
  private let deadline: Int64
  /// Why it was stopped.
  private(set) var reason: JournalError?

  init(_ limits: QueryLimits) {
    self.limits = limits
    deadline = limits.milliseconds.map { Self.now() &+ $0 } ?? .max
  }

  func install(_ handle: OpaquePointer) {
    sqlite3_progress_handler(
      handle, 1000,
      { context in
        guard let context else { return 0 }
        return Unmanaged<QueryWatch>.fromOpaque(context).takeUnretainedValue().mustStop() ? 1 : 0
      },
      Unmanaged.passUnretained(self).toOpaque())
  }

  func remove(_ handle: OpaquePointer) { sqlite3_progress_handler(handle, 0, nil, nil) }

  private func mustStop() -> Bool {
    if let isCancelled = limits.isCancelled, isCancelled() {
      reason = JournalError(.interrupted, "the query was interrupted")
    } else if Self.now() > deadline {
      reason = JournalError(
        .limit, "the query took longer than \(limits.milliseconds ?? 0) ms", hint: "narrow it, or allow more time")
    }
    return reason != nil
  }

  private static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000
  }
}
