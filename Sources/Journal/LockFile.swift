// Why: SQLite's locks let two writers take turns; a journal has one writer at a time. The lock is the
// kernel's (flock), so it dies with its holder and a file left behind means nothing.

import Glibc

/// The lock `PATH-lock`: held from ``acquire(for:)`` to ``release()``.
struct LockFile {
  private let path: String
  private let descriptor: Int32

  /// Takes the lock of a journal.
  ///
  /// - Throws: `locked`, naming the holder, or `readOnly`, `missing`, `io`.
  static func acquire(for journal: String) throws(JournalError) -> LockFile {
    let path = journal + "-lock"
    while true {
      let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
      guard descriptor >= 0 else { throw .system(errno, "cannot write beside \(journal)") }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        defer { Glibc.close(descriptor) }
        throw held(journal, errno, holder: text(descriptor))
      }
      let lock = LockFile(path: path, descriptor: descriptor)
      if lock.isCurrent {
        lock.writeHolder()
        return lock
      }
      Glibc.close(descriptor)
    }
  }

  /// Removes the file and drops the lock.
  func release() {
    unlink(path)
    Glibc.close(descriptor)
  }

  /// False if the file was removed between our opening and our locking it.
  private var isCurrent: Bool {
    var ours = stat()
    var named = stat()
    return fstat(descriptor, &ours) == 0 && stat(path, &named) == 0
      && ours.st_ino == named.st_ino && ours.st_dev == named.st_dev
  }

  private func writeHolder() {
    let program = SystemFiles.split(CommandLine.arguments.first ?? "").name
    let text = "\(getpid()) \(program)\n"
    _ = ftruncate(descriptor, 0)
    _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
  }

  private static func text(_ descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 128)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(0, count)).prefix { $0 != 10 }, as: UTF8.self)
  }

  private static func held(_ journal: String, _ error: Int32, holder: String) -> JournalError {
    guard error == EWOULDBLOCK else { return .system(error, "cannot lock \(journal)") }
    let words = holder.split(separator: " ", maxSplits: 1)
    let who = words.isEmpty ? "another process" : "process \(words[0])" + (words.count > 1 ? " (\(words[1]))" : "")
    return JournalError(
      .locked, "\(journal) is being written by \(who)",
      hint: "a journal has one writer at a time; readers are welcome meanwhile")
  }
}
