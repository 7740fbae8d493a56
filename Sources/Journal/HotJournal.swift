// Why: a writer that dies while the file changes between log and DELETE mode leaves a rollback journal, and a
// connection that only reads may not undo it. So a reader takes the writer's place for a moment; the file then
// is what it was before the change.

import GRDBSQLite
import Glibc

/// A rollback journal that a dead writer left.
enum HotJournal {
  /// What SQLite says to a reader who meets one.
  static let refusal = SQLITE_READONLY | 3 << 8

  /// Undoes what was half done and opens the file for reading.
  ///
  /// - Throws: ``JournalError``: `locked`, `readOnly`, `corrupt`, `io`.
  static func undo(_ path: String, _ refused: JournalError) throws(JournalError) -> Connection {
    guard !namesAnotherFile(path + "-journal") else {
      throw JournalError(
        .corrupt, "\(path)-journal belongs to several files, as no journal's does",
        hint: "do not trust these files; `sqlite3` on a copy reads them", cause: refused.cause)
    }
    do throws(JournalError) {
      let lock = try LockFile.acquire(for: path)
      defer { lock.release() }
      let writer = try Connection(path, .write)
      _ = try writer.number("SELECT count(*) FROM sqlite_schema")
      try writer.close()
    } catch {
      guard error.code == .readOnly || error.code == .missing else { throw error }
      throw JournalError(
        .readOnly, "\(path): a writer died while it changed the file, and the file may not be written to undo that",
        hint: "copy the file and its -journal to a folder that may be written", cause: refused.cause)
    }
    let reader = try Connection(path, .read)
    _ = try reader.number("SELECT count(*) FROM sqlite_schema")
    return reader
  }

  /// Whether the file ends as one does whose transaction spans several databases: undoing it removes the file that it
  /// names, whatever that is.
  private static func namesAnotherFile(_ path: String) -> Bool {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    let mark: [UInt8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]
    var tail = [UInt8](repeating: 0, count: mark.count)
    let end = lseek(descriptor, 0, SEEK_END)
    return end >= 8 && pread(descriptor, &tail, tail.count, end - 8) == tail.count && tail == mark
  }
}
