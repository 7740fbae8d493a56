// Why: the append path costs what SQLite costs: statements are prepared once and bound through the C API,
// without closures, boxes or copies a row.

import GRDBSQLite

/// An INSERT that is bound and run once a row.
struct InsertStatement {
  private let connection: OpaquePointer
  private let statement: OpaquePointer
  private let table: StaticString
  /// The first binding of the row that failed: SQLite copies text and bytes, and may have no memory for it. The
  /// row would hold NULL there.
  private let failedBinding: UnsafeMutablePointer<Int32>

  /// Prepares `INSERT INTO table VALUES (?, …)`, or `sql` if given, for the life of the connection.
  init(_ connection: Connection, _ table: StaticString, _ columns: Int, sql: String? = nil) throws(JournalError) {
    let holes = repeatElement("?", count: columns).joined(separator: ", ")
    var statement: OpaquePointer?
    let code = sqlite3_prepare_v3(
      connection.handle, sql ?? "INSERT INTO \(table) VALUES (\(holes))", -1, UInt32(SQLITE_PREPARE_PERSISTENT),
      &statement, nil)
    guard code == SQLITE_OK, let statement else {
      throw .sqlite(code, connection.handle, "\(connection.path): cannot write to \(table)")
    }
    self.connection = connection.handle
    self.statement = statement
    self.table = table
    failedBinding = .allocate(capacity: 1)
    failedBinding.initialize(to: SQLITE_OK)
  }

  /// Ends the statement; it must not be used again.
  func finalize() {
    sqlite3_finalize(statement)
    failedBinding.deallocate()
  }

  /// Binds a number.
  @inline(__always)
  func bind(_ index: Int32, _ value: Int64) { sqlite3_bind_int64(statement, index, value) }

  /// Binds a number or NULL.
  @inline(__always)
  func bind(_ index: Int32, _ value: Int64?) {
    if let value { sqlite3_bind_int64(statement, index, value) } else { sqlite3_bind_null(statement, index) }
  }

  /// Binds a small number or NULL.
  @inline(__always)
  func bind(_ index: Int32, _ value: Int32?) {
    if let value { sqlite3_bind_int64(statement, index, Int64(value)) } else { sqlite3_bind_null(statement, index) }
  }

  /// Binds the bits of a word or NULL.
  @inline(__always)
  func bind(_ index: Int32, word value: UInt64?) {
    if let value {
      sqlite3_bind_int64(statement, index, Int64(bitPattern: value))
    } else {
      sqlite3_bind_null(statement, index)
    }
  }

  /// Binds text; SQLite copies it.
  func bind(_ index: Int32, _ value: String) {
    var value = value
    value.withUTF8 { bytes in
      // An empty buffer may have no address, and no address means NULL.
      guard let start = bytes.baseAddress, !bytes.isEmpty else {
        note(sqlite3_bind_text(statement, index, "", 0, Self.copied))
        return
      }
      start.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
        note(sqlite3_bind_text(statement, index, $0, Int32(clamping: bytes.count), Self.copied))
      }
    }
  }

  /// Binds text or NULL.
  func bind(_ index: Int32, _ value: String?) {
    if let value { bind(index, value) } else { sqlite3_bind_null(statement, index) }
  }

  /// Binds bytes; SQLite copies them.
  func bind(_ index: Int32, _ value: [UInt8]) {
    value.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress, !bytes.isEmpty else {
        note(sqlite3_bind_zeroblob(statement, index, 0))
        return
      }
      note(sqlite3_bind_blob(statement, index, start, Int32(clamping: bytes.count), Self.copied))
    }
  }

  private func note(_ code: Int32) { if code != SQLITE_OK { failedBinding.pointee = code } }

  /// Writes the row.
  @inline(__always)
  func run() throws(JournalError) {
    guard failedBinding.pointee == SQLITE_OK else { throw failed(failedBinding.pointee) }
    let code = sqlite3_step(statement)
    guard code == SQLITE_DONE else { throw failed(code) }
    sqlite3_reset(statement)
  }

  @inline(never)
  private func failed(_ code: Int32) -> JournalError {
    let error = JournalError.sqlite(code, connection, "cannot write to \(table)")
    sqlite3_reset(statement)
    failedBinding.pointee = SQLITE_OK
    return error
  }

  /// SQLITE_TRANSIENT, which C spells as a cast that Swift does not import.
  private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
}
