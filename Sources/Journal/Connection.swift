// Why: opens the one file in the three ways that a journal is opened, each with SQLite's defensive
// settings. GRDB opens, configures and migrates; the hot paths and everything that reads a file of
// unknown origin then use the C API on the same connection, where a wrong type is an error and no trap.

import CSQLiteConfig
import GRDB
import GRDBSQLite

/// An open SQLite connection.
final class Connection {
  /// What a connection may do.
  enum Mode {
    /// The one writer.
    case write
    /// A reader beside a writer.
    case read
    /// A reader of a file that nobody can change: no locks, no shared memory.
    case readImmutable
  }

  /// The absolute path of the database.
  let path: String
  /// The C connection.
  let handle: OpaquePointer
  private let queue: DatabaseQueue

  /// Opens the file at an absolute path.
  init(_ path: String, _ mode: Mode) throws(JournalError) {
    self.path = path
    do {
      queue = try DatabaseQueue(path: Self.name(path, mode), configuration: Self.configuration(mode))
      guard let handle = queue.unsafeReentrantWrite({ $0.sqliteConnection }) else {
        throw JournalError(.io, "\(path): the connection is closed")
      }
      self.handle = handle
      // GRDB's observers expect every commit to happen inside a GRDB call; ours happen in the C API.
      sqlite3_commit_hook(handle, nil, nil)
      sqlite3_rollback_hook(handle, nil, nil)
      // Its authorizer notes every column that a statement names, for those observers: half the time of opening.
      sqlite3_set_authorizer(handle, nil, nil)
    } catch {
      let error = JournalError.wrapping(error, "cannot open \(path)")
      throw error.code == .notAJournal ? Self.notADatabase(path, error) : error
    }
  }

  private static func notADatabase(_ path: String, _ error: JournalError) -> JournalError {
    var error = error
    error.message = "\(path) is not a journal"
    return error
  }

  /// Gives GRDB's view of the connection to `body`.
  func withDatabase<T>(_ doing: String, _ body: (Database) throws -> T) throws(JournalError) -> T {
    do {
      return try queue.unsafeReentrantWrite(body)
    } catch {
      throw .wrapping(error, doing)
    }
  }

  /// Runs SQL without parameters and results.
  func execute(_ sql: String, _ doing: String) throws(JournalError) {
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw .sqlite(code, handle, "\(path): cannot \(doing)") }
  }

  /// The first column of the first row as a number.
  func number(_ sql: String) throws(JournalError) -> Int64? {
    let cursor = try Cursor(self, sql)
    return try cursor.step() ? cursor.optionalNumber(0) : nil
  }

  /// The first column of the first row as text.
  func text(_ sql: String) throws(JournalError) -> String? {
    let cursor = try Cursor(self, sql)
    return try cursor.step() ? cursor.optionalText(0) : nil
  }

  /// Changes between the log and DELETE mode; returns the mode that then holds.
  func switchMode(to mode: String) throws(JournalError) -> String? {
    let cursor = try Cursor(self, "PRAGMA journal_mode = \(mode)")
    let name = try cursor.step() ? cursor.optionalText(0) : nil
    // The row comes first; what can fail is the commit behind it.
    while try cursor.step() {}
    return name
  }

  /// Closes the connection; no statement may be left.
  func close() throws(JournalError) {
    do {
      try queue.close()
    } catch {
      throw .wrapping(error, "cannot close \(path)")
    }
  }

  private static func name(_ path: String, _ mode: Mode) -> String {
    guard case .readImmutable = mode else { return path }
    return "file://" + percentEncoded(path) + "?immutable=1"
  }

  /// A path as part of a URI.
  static func percentEncoded(_ path: String) -> String {
    var text = ""
    for byte in path.utf8 {
      switch byte {
      case 0x2d...0x39, 0x41...0x5a, 0x5f, 0x61...0x7a: text.unicodeScalars.append(Unicode.Scalar(byte))
      default: text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }
    }
    return text
  }

  private static func configuration(_ mode: Mode) -> Configuration {
    var configuration = Configuration()
    configuration.foreignKeysEnabled = false
    configuration.allowsUnsafeTransactions = true
    configuration.busyMode = .timeout(2)
    var isWriter = false
    if case .write = mode { isWriter = true }
    configuration.readonly = !isWriter
    configuration.prepareDatabase { [isWriter] database in
      try harden(database, isWriter: isWriter)
    }
    return configuration
  }

  /// SQLite's advice for files of unknown origin; a reader also leaves checkpoints to the writer.
  private static func harden(_ database: Database, isWriter: Bool) throws {
    var settings: [(Int32, Int32)] = [
      (SQLITE_DBCONFIG_DEFENSIVE, 1), (SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
      (SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0), (SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0),
      (SQLITE_DBCONFIG_DQS_DDL, 0), (SQLITE_DBCONFIG_DQS_DML, 0),
    ]
    if !isWriter { settings += [(SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1), (SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)] }
    for (setting, value) in settings {
      let code = custody_sqlite_configure(database.sqliteConnection, setting, value)
      guard code == SQLITE_OK else { throw JournalError.sqlite(code, database.sqliteConnection, "cannot configure") }
    }
    try database.execute(sql: "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY")
    if !isWriter { try database.execute(sql: "PRAGMA query_only = ON") }
  }
}

extension Connection {
  /// Refuses a file that is no journal, or newer than this program.
  ///
  /// - Returns: how many migrations the file has.
  func checkedVersion() throws(JournalError) -> Int {
    let applicationID = try number("PRAGMA application_id")
    guard applicationID == Migration.applicationID else {
      let tables = try number("SELECT count(*) FROM sqlite_schema") ?? 0
      let what = tables == 0 ? "an empty SQLite database" : "a SQLite database of another application"
      throw JournalError(.notAJournal, "\(path) is \(what), not a journal", hint: "check the path")
    }
    let version = Int(try number("PRAGMA user_version") ?? 0)
    guard version <= Migration.all.count else {
      throw JournalError(
        .newer, "\(path) has schema \(version), this program knows \(Migration.all.count)",
        hint: "use the program that wrote it, or a newer one")
    }
    guard version >= 1 else { throw JournalError(.notAJournal, "\(path) has no journal's schema") }
    return version
  }

  /// Refuses what can be refused without opening: a missing file, a folder, an empty file.
  static func checkPresence(_ path: String) throws(JournalError) {
    switch SystemFiles.kind(path) {
    case .nothing:
      throw JournalError(
        .missing, "\(path): no such journal", hint: "`custody import RECORDING -j PATH` makes one")
    case .folder: throw JournalError(.notAJournal, "\(path) is a folder, not a journal")
    case .other: throw JournalError(.notAJournal, "\(path) is no regular file")
    case .file(let byteCount):
      guard byteCount > 0 || SystemFiles.hasLog(path) else {
        throw JournalError(
          .notAJournal, "\(path) is empty", hint: "remove it; `custody import RECORDING -j PATH` makes a journal")
      }
      guard SystemFiles.isReadable(path) else {
        throw JournalError(.io, "\(path) may not be read", hint: "check its permissions")
      }
    }
  }
}

extension Connection {
  /// Closing then leaves the log to the next writer instead of checkpointing.
  func keepLogOnClose() { _ = custody_sqlite_configure(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1) }
}
