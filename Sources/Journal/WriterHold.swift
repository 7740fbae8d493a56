// Why: a descriptor outlives its name, and a fork has it too. What is written then is written where nobody will
// look, or twice. So a writer knows which process opened it and which files the names stood for.

import Glibc

/// What a writer took hold of when it opened.
struct WriterHold {
  private let path: String
  private let process: pid_t
  private let database: FileIdentity?
  private let log: FileIdentity?

  /// Takes note of the files; the log must be there.
  init(_ path: String) {
    self.path = path
    process = getpid()
    database = FileIdentity(path)
    log = FileIdentity(path + "-wal")
  }

  /// False in a process that was forked off.
  var isOurs: Bool { getpid() == process }

  /// Refuses a copy of the process.
  ///
  /// - Throws: `invalid`.
  func checkProcess() throws(JournalError) {
    guard isOurs else {
      throw JournalError(
        .invalid, "\(path) is being written by process \(process); process \(getpid()) is a copy of it",
        hint: "write in the process that opened the journal, or open it again")
    }
  }

  /// Whether the log is removed, and with this process goes away.
  var logIsGone: Bool { FileIdentity(path + "-wal") == nil }

  /// Refuses to acknowledge what lies in files that have lost their names.
  ///
  /// - Throws: `io`, naming the file.
  func checkFiles() throws(JournalError) {
    for (name, held) in [(path, database), (path + "-wal", log)] where FileIdentity(name) != held {
      throw JournalError(
        .io, "\(name) was renamed, removed or replaced while it was being written",
        hint: "nothing more is written; put the file back under its name, or look for it where it went")
    }
  }
}

/// What a name stands for.
private struct FileIdentity: Hashable {
  let device: dev_t
  let inode: ino_t

  /// Nil if the name stands for nothing.
  init?(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    device = status.st_dev
    inode = status.st_ino
  }
}
