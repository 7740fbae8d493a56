// Why: reads rows through the C API. A journal may come from anybody, so every column is checked for its
// type and range, and a surprise is an error with table and row, never a trap.

import GRDBSQLite

/// A prepared statement that is stepped row by row; finalized when it goes away.
final class Cursor {
  private let connection: Connection
  private let statement: OpaquePointer
  private let table: String

  /// Prepares one statement of ours; `table` names its rows in errors.
  init(_ connection: Connection, _ sql: String, of table: String = "row") throws(JournalError) {
    var statement: OpaquePointer?
    let code = sqlite3_prepare_v3(connection.handle, sql, -1, 0, &statement, nil)
    guard code == SQLITE_OK, let statement else {
      throw .sqlite(code, connection.handle, "\(connection.path): cannot read")
    }
    self.connection = connection
    self.statement = statement
    self.table = table
  }

  deinit { sqlite3_finalize(statement) }

  /// Binds numbers to ?1, ?2 … and starts over.
  func restart(_ first: Int64, _ second: Int64 = 0, _ third: Int64 = 0, _ fourth: Int64 = 0) {
    sqlite3_reset(statement)
    let count = sqlite3_bind_parameter_count(statement)
    if count >= 1 { sqlite3_bind_int64(statement, 1, first) }
    if count >= 2 { sqlite3_bind_int64(statement, 2, second) }
    if count >= 3 { sqlite3_bind_int64(statement, 3, third) }
    if count >= 4 { sqlite3_bind_int64(statement, 4, fourth) }
  }

  /// Lets go of the read transaction.
  func reset() { sqlite3_reset(statement) }

  /// Moves to the next row; false at the end.
  @inline(__always)
  func step() throws(JournalError) -> Bool {
    let code = sqlite3_step(statement)
    if code == SQLITE_ROW { return true }
    guard code == SQLITE_DONE else {
      throw .sqlite(code, connection.handle, "\(connection.path): reading stopped")
    }
    return false
  }

  /// How many columns a row has.
  var columnCount: Int32 { sqlite3_column_count(statement) }

  /// What a column holds.
  enum ColumnType {
    case null, number, text, other
  }

  /// What a column holds.
  @inline(__always)
  func type(_ column: Int32) -> ColumnType {
    switch sqlite3_column_type(statement, column) {
    case SQLITE_INTEGER: .number
    case SQLITE_NULL: .null
    case SQLITE_TEXT: .text
    default: .other
    }
  }

  /// Gives the bytes of a column that holds text.
  func withText(_ column: Int32, _ body: (UnsafeRawBufferPointer) -> Void) {
    let start = sqlite3_column_text(statement, column)
    body(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column))))
  }

  /// Whether a column is NULL.
  @inline(__always)
  func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }

  /// A number; NULL and text read as 0.
  @inline(__always)
  func number(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }

  /// A number, or nil for NULL.
  @inline(__always)
  func optionalNumber(_ column: Int32) -> Int64? { isNull(column) ? nil : number(column) }

  /// A raw 64-bit word.
  @inline(__always)
  func word(_ column: Int32) -> UInt64 { UInt64(bitPattern: number(column)) }

  /// A raw 64-bit word, or nil for NULL.
  @inline(__always)
  func optionalWord(_ column: Int32) -> UInt64? { isNull(column) ? nil : word(column) }

  /// A number that must fit a smaller type.
  @inline(__always)
  func exact<Number: FixedWidthInteger>(_ column: Int32, as type: Number.Type) throws(JournalError) -> Number {
    guard let value = Number(exactly: number(column)) else { throw damaged(column) }
    return value
  }

  /// A number that must fit a smaller type, or nil for NULL.
  @inline(__always)
  func optionalExact<Number: FixedWidthInteger>(
    _ column: Int32, as type: Number.Type
  ) throws(JournalError) -> Number? {
    isNull(column) ? nil : try exact(column, as: type)
  }

  /// A number that is 0 or 1.
  func flag(_ column: Int32) throws(JournalError) -> Bool {
    let value = number(column)
    guard value == 0 || value == 1 else { throw damaged(column) }
    return value == 1
  }

  /// Text; broken UTF-8 is repaired.
  func text(_ column: Int32) -> String {
    guard let bytes = sqlite3_column_text(statement, column) else { return "" }
    let count = Int(sqlite3_column_bytes(statement, column))
    return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
  }

  /// Text, or nil for NULL.
  func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

  /// Bytes; NULL reads as none.
  func bytes(_ column: Int32) -> [UInt8] {
    guard let start = sqlite3_column_blob(statement, column) else { return [] }
    return [UInt8](UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column))))
  }

  /// One of our words, stored as text.
  func coded<Code>(_ column: Int32, _ make: (String) -> Code?) throws(JournalError) -> Code {
    guard let value = make(text(column)) else { throw damaged(column) }
    return value
  }

  /// One of our words, stored as text, or nil for NULL.
  func optionallyCoded<Code>(_ column: Int32, _ make: (String) -> Code?) throws(JournalError) -> Code? {
    isNull(column) ? nil : try coded(column, make)
  }

  /// The error for a value that cannot be: names the column, its row's first number and the statement.
  func damaged(_ column: Int32) -> JournalError {
    let name = sqlite3_column_name(statement, column).map { String(cString: $0) } ?? "?"
    return JournalError(
      .corrupt, "\(connection.path): \(table) \(number(0)): \(name) cannot be \(text(column))",
      hint: "`custody verify` lists what is damaged")
  }
}
