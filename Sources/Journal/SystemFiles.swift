// Why: the few questions to the file system that must not open the database file: a second descriptor in
// the writer's process would drop SQLite's locks when it is closed.

import Glibc

/// Looks at paths without opening them.
enum SystemFiles {
  /// What stands at a path.
  enum Kind: Equatable {
    case nothing
    case folder
    case file(byteCount: Int64)
    case other
  }

  /// What stands at `path`; symbolic links are followed.
  static func kind(_ path: String) -> Kind {
    var status = stat()
    guard stat(path, &status) == 0 else { return .nothing }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .file(byteCount: Int64(status.st_size))
    case S_IFDIR: return .folder
    default: return .other
    }
  }

  /// The absolute path with links resolved; the last part need not exist.
  static func absolute(_ path: String) throws(JournalError) -> String {
    if let found = resolved(path) { return found }
    let (folder, name) = split(path)
    guard let parent = resolved(folder) else {
      throw JournalError(.missing, "\(path): the folder \(folder) does not exist", hint: "make the folder first")
    }
    return (parent == "/" ? "" : parent) + "/" + name
  }

  /// Folder and last part of a path.
  static func split(_ path: String) -> (folder: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let folder = path[..<slash]
    return (folder.isEmpty ? "/" : String(folder), String(path[path.index(after: slash)...]))
  }

  /// Whether a write-ahead log with content lies beside the database.
  static func hasLog(_ path: String) -> Bool {
    guard case .file(let byteCount) = kind(path + "-wal") else { return false }
    return byteCount > 0
  }

  /// Whether this process may not let files grow beyond some size.
  static var hasFileSizeLimit: Bool {
    var limit = rlimit()
    return getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 && limit.rlim_cur != .max
  }

  /// Whether this process may read a file.
  static func isReadable(_ path: String) -> Bool { access(path, R_OK) == 0 }

  /// Makes a file durable that is no open database.
  static func sync(_ path: String) throws(JournalError) {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(errno, "cannot open \(path)") }
    defer { Glibc.close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .system(errno, "cannot sync \(path)") }
  }

  /// Makes a rename durable.
  static func syncFolder(of path: String) throws(JournalError) {
    let folder = split(path).folder
    let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(errno, "cannot open the folder \(folder)") }
    defer { Glibc.close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .system(errno, "cannot sync the folder \(folder)") }
  }

  private static func resolved(_ path: String) -> String? {
    guard let buffer = realpath(path, nil) else { return nil }
    defer { free(buffer) }
    return String(cString: buffer)
  }
}

/// Process-wide settings that a durable writer needs.
package enum ProcessSignals {
  /// Makes a hit file-size limit an error of the write instead of the end of the process.
  package static func ignoreFileSizeLimit() { signal(SIGXFSZ, SIG_IGN) }
}
