// Why: what one may do to a copy one must not do to the original: `recover --what-if`. The copy is made by SQLite,
// so that what stands in the log is in it, and appears under its name only when it is complete.

import GRDBSQLite
import Glibc

extension JournalReader {
  /// Copies the journal, as this reader sees it at one moment, to a file that does not exist yet.
  ///
  /// - Throws: ``JournalError``: `exists`, `missing` (the folder), `readOnly`, `full`, `io`, `corrupt`.
  package func copy(to path: String) throws(JournalError) {
    let path = try SystemFiles.absolute(path)
    guard SystemFiles.kind(path) == .nothing else {
      throw JournalError(.exists, "\(path) exists already", hint: "choose another path for the copy")
    }
    let lock = try LockFile.acquire(for: path)
    defer { lock.release() }
    do throws(JournalError) {
      try copyPages(to: path + "-new")
      guard rename(path + "-new", path) == 0 else { throw JournalError.system(errno, "cannot create \(path)") }
      try SystemFiles.syncFolder(of: path)
    } catch {
      for ending in ["-new", "-new-journal"] { unlink(path + ending) }
      throw error
    }
  }

  private func copyPages(to path: String) throws(JournalError) {
    for ending in ["", "-journal", "-wal", "-shm"] { unlink(path + ending) }
    var target: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
    let code = sqlite3_open_v2(path, &target, flags, nil)
    defer { sqlite3_close_v2(target) }
    guard code == SQLITE_OK, let target else { throw .sqlite(code, target, "cannot create \(path)") }
    guard let backup = sqlite3_backup_init(target, "main", connection.handle, "main") else {
      throw .sqlite(sqlite3_extended_errcode(target), target, "cannot copy to \(path)")
    }
    let stepped = sqlite3_backup_step(backup, -1)
    let finished = sqlite3_backup_finish(backup)
    guard stepped == SQLITE_DONE, finished == SQLITE_OK else {
      throw .sqlite(stepped == SQLITE_DONE ? finished : stepped, target, "cannot copy to \(path)")
    }
    // The copy of a journal in use says that it needs a log; on its own it does not.
    let mode = sqlite3_exec(target, "PRAGMA journal_mode = DELETE", nil, nil, nil)
    guard mode == SQLITE_OK else { throw .sqlite(mode, target, "cannot finish \(path)") }
  }
}
