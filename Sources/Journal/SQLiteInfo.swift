// Why: what `custody doctor` says of the SQLite library that this process runs with.

import GRDBSQLite

/// The SQLite library of this process.
package enum SQLiteInfo {
  /// Its version, such as `3.40.1`.
  package static var version: String { String(cString: sqlite3_libversion()) }

  /// Its version as a number, such as 3040001.
  package static var versionNumber: Int32 { sqlite3_libversion_number() }

  /// The check-in that it was built from.
  package static var sourceID: String { String(cString: sqlite3_sourceid()) }

  /// The options that it was compiled with.
  package static var compileOptions: [String] {
    var options: [String] = []
    while let text = sqlite3_compileoption_get(Int32(options.count)) { options.append(String(cString: text)) }
    return options
  }

  /// Whether a version can lose pages when one connection checkpoints while another resets the log.
  ///
  /// Custody's writer is the only connection that does either, so a journal is safe from it; other
  /// programs that write the same file are not.
  package static func hasWALResetBug(versionNumber: Int32) -> Bool {
    switch versionNumber {
    case ..<3_007_000: false
    case 3_044_006..<3_045_000, 3_050_007..<3_051_000: false
    default: versionNumber < 3_051_003
    }
  }

  /// Whether the library of this process has the bug.
  package static var hasWALResetBug: Bool { hasWALResetBug(versionNumber: versionNumber) }
}
