// Why: a script that judges a moment needs the journal as it was then, and must not be able to change ours: a new
// file with the rows up to an entry, sealed anew. Not here: which moments are worth it, and the index (a replay).

import GRDBSQLite
import Glibc
package import PageOwnership

extension JournalReader {
  /// Makes a journal that ends at an entry, with everything up to it.
  ///
  /// The seals of the original are not in it: its chain is made anew, without a key. It has no index, because that of
  /// the original is cut where later entries did something.
  ///
  /// - Throws: ``JournalError``: `exists`, `missing` (the folder), `readOnly`, `full`, `io`, `corrupt`, `pruned`.
  package func copyPast(to target: String, through seq: SequenceNumber) throws(JournalError) {
    try checkNotPruned(seq)
    let target = try SystemFiles.absolute(target)
    guard SystemFiles.kind(target) == .nothing else {
      throw JournalError(.exists, "\(target) exists already", hint: "choose another path for the copy")
    }
    let beside = target + "-new"
    Self.removeFiles(beside)
    do throws(JournalError) {
      try fill(beside, through: seq.rawValue)
      guard rename(beside, target) == 0 else {
        throw JournalError.system(errno, "cannot create \(target)")
      }
    } catch {
      Self.removeFiles(beside)
      throw error
    }
  }

  private static func removeFiles(_ path: String) {
    for ending in ["", "-journal", "-wal", "-shm"] { unlink(path + ending) }
  }

  private func fill(_ target: String, through seq: Int64) throws(JournalError) {
    let copy = try Connection(target, .write)
    // What goes wrong here is thrown away whole.
    try copy.execute("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF", "create")
    try copy.withDatabase("cannot create \(target)") { try Migration.apply(from: 0, to: $0) }
    let mode = isImmutable ? "immutable=1" : "mode=ro"
    try copy.execute("ATTACH 'file://\(Connection.percentEncoded(path))?\(mode)' AS source", "read \(path)")
    try copy.execute("BEGIN", "begin")
    for statement in try statements(through: seq) { try copy.execute(statement, "copy \(path)") }
    try copy.execute("UPDATE writer_state SET clean = 1", "close")
    try JournalWriter.sealEverything(copy, key: nil)
    try copy.execute("COMMIT", "write")
    try copy.execute("DETACH source", "end")
    try copy.close()
  }

  // Actions that reach beyond the entry have no end there, because it had not come yet.
  private func statements(through seq: Int64) throws(JournalError) -> [String] {
    func copy(_ table: String, _ condition: String) -> String {
      "INSERT INTO main.\(table) SELECT * FROM source.\(table) WHERE \(condition)"
    }
    let spaces = "id, kind, handle, incarnation, protected, born_seq"
    var statements = [
      copy("fact", "true"), copy("region", "true"), copy("site", "true"),
      "INSERT INTO main.space_row (\(spaces)) SELECT \(spaces) FROM source.space_row WHERE born_seq <= \(seq)",
      copy("space_end", "died_seq <= \(seq)"), copy("source_run", "first_seq <= \(seq)"),
      copy("snapshot_range", "snapshot IN (SELECT id FROM source.snapshot WHERE seq <= \(seq))"),
    ]
    // Names are younger than journals may be.
    if try connection.number("SELECT 1 FROM sqlite_schema WHERE name = 'bookmark'") != nil {
      statements.append(copy("bookmark", "seq <= \(seq)"))
    }
    // Without a key nothing of the past has a tag.
    if let anchor = try anchor() {
      statements.append(
        """
        INSERT INTO main.seal SELECT seq, head, state_hash, NULL, NULL, marks FROM source.seal
        WHERE seq = \(anchor.seq.rawValue)
        """)
      let columns = "one, seq, time, snapshot, known, last_space, loose, digest"
      statements.append("INSERT INTO main.anchor (\(columns)) SELECT \(columns) FROM source.anchor")
    }
    let bySeq = ["entry_row", "entry_note", "gap", "change_row", "observation_row", "snapshot", "snapshot_leaf"]
    statements += bySeq.map { copy($0, "seq <= \(seq)") }
    statements += ["activation_row", "transition_row"].map { copy($0, "first_seq <= \(seq)") }
    statements += ["activation_end", "transition_end"].map { copy($0, "last_seq <= \(seq)") }
    return statements
  }
}
