// Why: a file that we write for others is there whole or not at all, also after a crash: it is written beside its
// name, made durable, and then takes the name.

import Glibc

/// Files that appear at once.
enum WholeFile {
  /// Writes a file whose text `fill` hands over piece by piece.
  ///
  /// Throws a ``CommandFailure``: status 2 if it exists and may not be replaced, 4 if it cannot be written.
  static func write(
    to path: String, replaces: Bool, _ fill: (_ add: (String) throws -> Void) throws -> Void
  ) throws {
    guard replaces || access(path, F_OK) != 0 else {
      throw CommandFailure("\(path) exists already", hint: "choose another path", status: ExitStatus.usage)
    }
    let beside = path + "-new"
    let file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw failure(path) }
    do {
      defer { close(file) }
      try write(to: file, path, fill)
      guard fsync(file) == 0 else { throw failure(path) }
    } catch {
      unlink(beside)
      throw error
    }
    guard rename(beside, path) == 0 else {
      let error = failure(path)
      unlink(beside)
      throw error
    }
    syncFolder(of: path)
  }

  private static func write(
    to file: Int32, _ path: String, _ fill: (_ add: (String) throws -> Void) throws -> Void
  ) throws {
    var buffer: [UInt8] = []
    func flush() throws {
      var rest = buffer[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { throw failure(path) }
        rest = rest.dropFirst(count)
      }
      buffer.removeAll(keepingCapacity: true)
    }
    try fill { text in
      buffer.append(contentsOf: text.utf8)
      if buffer.count >= 1 << 16 { try flush() }
    }
    try flush()
  }

  /// The text of a file of at most `limit` bytes; nil if there is none.
  ///
  /// Throws a ``CommandFailure``: status 3 for what is no text or too long, 4 if it cannot be read.
  static func read(_ path: String, limit: Int) throws -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    if file < 0, errno == ENOENT { return nil }
    guard file >= 0 else { throw failure(path, "read") }
    defer { close(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count <= limit {
      let count = Glibc.read(file, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure(path, "read") }
      if count == 0 { break }
      bytes += buffer[..<count]
    }
    guard bytes.count <= limit, let text = String(validating: bytes, as: UTF8.self) else {
      throw CommandFailure("\(path) is not a text of at most \(limit) bytes", status: ExitStatus.corrupt)
    }
    return text
  }

  /// Removes a file, durably; one that is not there is fine.
  static func remove(_ path: String) throws {
    guard unlink(path) == 0 || errno == ENOENT else { throw failure(path, "remove") }
    syncFolder(of: path)
  }

  // Not every file system lets a folder be synced; the file itself is.
  private static func syncFolder(of path: String) {
    let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard opened >= 0 else { return }
    fsync(opened)
    close(opened)
  }

  private static func failure(_ path: String, _ verb: String = "write") -> CommandFailure {
    CommandFailure("cannot \(verb) \(path): \(String(cString: strerror(errno)))", status: ExitStatus.cannotOpen)
  }
}
