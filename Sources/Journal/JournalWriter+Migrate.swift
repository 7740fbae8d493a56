// Why: a journal of an older schema is brought up to date by its first writer: a copy first, then everything
// in one transaction, so that a crash leaves the old journal or the new one. Not here: the SQL (migrations/).

import GRDB
import GRDBSQLite
import Glibc

extension JournalWriter {
  /// Brings the schema up to date; seals an older journal's entries.
  static func migrate(_ connection: Connection, keepsCopy: Bool) throws(JournalError) {
    let version = try connection.checkedVersion()
    guard version < Migration.all.count else { return }
    if keepsCopy { try copy(connection, version) }
    // A transaction that writes one database in place is safe in either mode; the log keeps readers welcome.
    try enterLog(connection)
    let wasSealed = try connection.hasSeals()
    try connection.withDatabase("\(connection.path): cannot bring the schema up to date") { database in
      try Migration.apply(from: version, to: database) {
        if !wasSealed { try sealEverything(connection, key: nil) }
      }
    }
  }

  /// Keeps the journal as it is, as `PATH.schema-1`, or the first such name that is free.
  private static func copy(_ connection: Connection, _ version: Int) throws(JournalError) {
    let path = connection.path
    let names = ["\(path).schema-\(version)"] + (2...99).map { "\(path).schema-\(version)-\($0)" }
    guard let name = names.first(where: { SystemFiles.kind($0) == .nothing }) else {
      throw JournalError(.exists, "\(names[0]) and 98 more copies exist", hint: "move them away")
    }
    let draft = name + "-new"
    unlink(draft)
    do throws(JournalError) {
      try connection.execute("VACUUM INTO '\(draft.replacing("'", with: "''"))'", "copy the journal to \(name)")
      try SystemFiles.sync(draft)
      guard rename(draft, name) == 0 else { throw .system(errno, "cannot copy the journal to \(name)") }
      try SystemFiles.syncFolder(of: name)
    } catch {
      unlink(draft)
      throw error
    }
  }
}
