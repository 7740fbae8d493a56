// Why: every test has a folder of its own that goes away with it; other programs touch the files, because
// a second descriptor in the writer's process would drop SQLite's locks.

import Foundation

/// A folder that is removed when the value goes away.
final class TemporaryFolder {
  let path: String

  init() {
    var template = Array((NSTemporaryDirectory() + "custody-XXXXXX").utf8CString)
    path = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) } ?? "/nonexistent"
    }
    chmod(path, 0o755)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of a file in the folder.
  func file(_ name: String = "journal.db") -> String { path + "/" + name }

  /// The names in the folder, sorted.
  var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
}

/// Runs a shell command; returns its output and exit status.
@discardableResult
func shell(_ command: String) -> (output: String, status: Int32) {
  guard let pipe = popen(command + " 2>&1", "r") else { return ("", -1) }
  var output: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 4096)
  while true {
    let count = fread(&buffer, 1, buffer.count, pipe)
    if count == 0 { break }
    output += buffer.prefix(count)
  }
  let status = pclose(pipe)
  return (String(decoding: output, as: UTF8.self), status >> 8)
}

/// Whether the stock SQLite shell is installed.
let hasSQLiteShell = shell("sqlite3 --version").status == 0
