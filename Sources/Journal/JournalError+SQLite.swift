// Why: the one place where SQLite's codes and the system's errnos become our words.

import GRDB
import GRDBSQLite
import Glibc

extension JournalError {
  /// The error for a failed call on a raw connection, while doing what `doing` says.
  static func sqlite(_ code: Int32, _ connection: OpaquePointer?, _ doing: String) -> JournalError {
    let text = connection.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
    let systemError = connection.map { sqlite3_system_errno($0) } ?? 0
    return translated(Cause(code: code, message: text), systemError, doing)
  }

  /// The error for what GRDB threw, while doing what `doing` says.
  static func wrapping(_ error: any Error, _ doing: String) -> JournalError {
    if let error = error as? JournalError { return error }
    guard let error = error as? DatabaseError else { return JournalError(.io, "\(doing): \(error)") }
    let code = error.extendedResultCode.rawValue
    return translated(Cause(code: code, message: error.message ?? String(cString: sqlite3_errstr(code))), 0, doing)
  }

  /// The error for a failed system call on `path`.
  static func system(_ errorNumber: Int32, _ doing: String) -> JournalError {
    let code: Code =
      switch errorNumber {
      case ENOENT: .missing
      case EACCES, EPERM, EROFS: .readOnly
      case ENOSPC, EDQUOT, EFBIG: .full
      default: .io
      }
    return JournalError(code, "\(doing): \(String(cString: strerror(errorNumber)))", hint: hint(code))
  }

  private static func translated(_ cause: Cause, _ systemError: Int32, _ doing: String) -> JournalError {
    // For a file size limit SQLite has no word, and GRDB keeps no errno.
    let isFailedWrite = cause.code == SQLITE_IOERR | 3 << 8
    let outOfSpace = [ENOSPC, EDQUOT, EFBIG].contains(systemError) || isFailedWrite && SystemFiles.hasFileSizeLimit
    let code: Code =
      switch cause.code & 0xff {
      case SQLITE_FULL: .full
      case SQLITE_IOERR: outOfSpace ? .full : .io
      case SQLITE_NOTADB: .notAJournal
      case SQLITE_CORRUPT, SQLITE_FORMAT: .corrupt
      case SQLITE_BUSY, SQLITE_LOCKED: .locked
      case SQLITE_READONLY, SQLITE_PERM: .readOnly
      case SQLITE_INTERRUPT: .interrupted
      case SQLITE_TOOBIG, SQLITE_NOMEM: .limit
      case SQLITE_CONSTRAINT, SQLITE_MISMATCH: .invalid
      case SQLITE_AUTH, SQLITE_ERROR: .query
      default: .io
      }
    return JournalError(code, doing, hint: hint(code), cause: cause)
  }

  private static func hint(_ code: Code) -> String? {
    switch code {
    case .full:
      (SystemFiles.hasFileSizeLimit ? "raise the limit of file sizes (ulimit -f)" : "make room")
        + "; what was committed is safe, and an import goes on with --resume"
    case .corrupt: "`custody verify` lists what is damaged; work on a copy"
    case .locked: "end the other program, or work on a copy"
    case .readOnly: "check the permissions of the file and its folder"
    case .notAJournal: "`custody import RECORDING -j PATH` makes a journal"
    default: nil
    }
  }
}
