// Why: a journal appears under its name only when it is complete: it is built beside it and then renamed,
// so a crash leaves either nothing or an empty journal that opens.

import GRDB
import Glibc
package import PageOwnership

extension JournalWriter {
  /// Makes a journal and opens it for appending.
  ///
  /// `importState` is where an import stands that has read nothing yet, as JSON; nil if no import makes the journal.
  /// With a key, each seal gets a tag.
  ///
  /// - Throws: ``JournalError``: `exists`, `missing` (the folder), `locked`, `readOnly`, `full`, `io`.
  package static func create(
    at path: String, facts: Facts, importState: String? = nil, key: SealKeyFile? = nil
  ) throws(JournalError) -> JournalWriter {
    let path = try SystemFiles.absolute(path)
    do {
      let lock = try LockFile.acquire(for: path)
      defer { lock.release() }
      guard SystemFiles.kind(path) == .nothing else {
        throw JournalError(
          .exists, "\(path) exists already", hint: "choose another path, or go on with an import by --resume")
      }
      try buildOrClear(at: path + "-new", facts, importState, key?.key)
      guard rename(path + "-new", path) == 0 else { throw JournalError.system(errno, "cannot create \(path)") }
      try SystemFiles.syncFolder(of: path)
      if let key { try key.advance(to: key.key.epoch + 1) }
    } catch {
      throw .wrapping(error, "cannot create \(path)")
    }
    return try open(at: path, key: key)
  }

  private static func buildOrClear(
    at path: String, _ facts: Facts, _ importState: String?, _ key: SealKey?
  ) throws(JournalError) {
    clear(path)
    do {
      try build(at: path, facts, importState, key)
    } catch {
      clear(path)
      throw error
    }
  }

  private static func clear(_ path: String) {
    for ending in ["", "-journal", "-wal", "-shm"] { unlink(path + ending) }
  }

  private static func build(
    at path: String, _ facts: Facts, _ importState: String?, _ key: SealKey?
  ) throws(JournalError) {
    let connection = try Connection(path, .write)
    // What goes wrong here is thrown away whole; a journal on disk could outlive the new name.
    try connection.execute("PRAGMA journal_mode = MEMORY", "create")
    try connection.withDatabase("cannot create \(path)") { database in
      try Migration.apply(from: 0, to: database)
      try database.inTransaction(.immediate) {
        try FactRows.insert(facts, into: database)
        for space in Space.fixed {
          try database.execute(
            sql: "INSERT INTO space_row (id, kind, incarnation, born_seq) VALUES (?, ?, 0, 0)",
            arguments: [space.id.rawValue, space.kind.rawValue])
        }
        if let importState {
          try database.execute(sql: "INSERT INTO import_state VALUES (1, 0, ?)", arguments: [importState])
        }
        try sealEverything(connection, key: key)
        return .commit
      }
    }
    try connection.close()
  }
}
