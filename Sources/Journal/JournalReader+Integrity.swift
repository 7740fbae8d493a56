// Why: what `verify` asks of a journal: SQLite's own check, the schema, the history against its seals, the log
// beside it; and how many rows and bytes there are. Not here: the history itself (ChainCheck), whether
// the changes lead to the observed snapshots (Analysis).

import GRDBSQLite
import PageOwnership

/// How many rows a journal has.
package struct JournalCounts: Hashable, Sendable {
  /// Rows by table, in order of the schema.
  package var rows: [(table: String, count: Int64)]

  /// The rows of one table; 0 for an unknown one.
  package func count(_ table: String) -> Int64 { rows.first { $0.table == table }?.count ?? 0 }

  /// Whether two counts are equal.
  package static func == (left: JournalCounts, right: JournalCounts) -> Bool {
    left.rows.elementsEqual(right.rows) { $0 == $1 }
  }

  /// Mixes the counts into a hash.
  package func hash(into hasher: inout Hasher) {
    for row in rows { hasher.combine(row.count) }
  }
}

extension JournalReader {
  private static let countedTables = [
    "entry_row", "change_row", "observation_row", "transition_row", "transition_end", "activation_row",
    "activation_end", "site", "space_row", "snapshot", "snapshot_range", "snapshot_leaf", "gap", "entry_note",
    "source_run",
  ]

  /// Counts the rows of every table.
  package func counts() throws(JournalError) -> JournalCounts {
    var rows: [(table: String, count: Int64)] = []
    for table in Self.countedTables {
      rows.append((table, try connection.number("SELECT count(*) FROM \(table)") ?? 0))
    }
    return JournalCounts(rows: rows)
  }

  /// The bytes that each table and index takes on disk, largest first; empty if SQLite cannot tell.
  package func tableSizes() throws(JournalError) -> [(table: String, byteCount: Int64)] {
    guard
      let rows = try? Cursor(
        connection, "SELECT name, sum(pgsize) AS size FROM dbstat GROUP BY name ORDER BY size DESC, name")
    else { return [] }
    var sizes: [(table: String, byteCount: Int64)] = []
    while try rows.step() { sizes.append((rows.text(0), rows.number(1))) }
    return sizes
  }

  /// Checks the file, its schema, every row of history and what the seals say of it.
  ///
  /// A journal that is being written is checked up to its last commit; the writer's log is not held back.
  ///
  /// - Parameters:
  ///   - key: the first key, for checking tags.
  ///   - expected: what must be found.
  ///   - observer: hears of each entry and seal.
  /// - Throws: ``JournalError`` `corrupt`, `io`, `interrupted`; and what `observer` throws.
  package func check(
    key: SealKey? = nil, expecting expected: [ExpectedHead] = [], observer: CheckObserver? = nil
  ) throws -> JournalCheck {
    var found = JournalCheck()
    found.isClean = try isClean()
    let isLive = !isImmutable && SystemFiles.hasLog(path)
    let log = isImmutable ? nil : try WriteAheadLog(beside: path)
    try checkFile(&found, isLive: isLive)
    // Rows of a file whose pages are damaged say nothing.
    guard found.findings.isEmpty else { return found }
    found.findings += try SchemaCheck.findings(connection)
    let isKnownSchema = found.findings.isEmpty
    do {
      try checkHistory(&found, key, expected, observer)
    } catch let error as JournalError where error.code == .corrupt && error.cause == nil || !isKnownSchema {
      found.findings.append(IntegrityFinding(structure: "rows", message: error.message))
    }
    note(log, &found)
    return found
  }

  /// What does not hold of the file and its rows; empty if all is well.
  package func integrity() throws(JournalError) -> [IntegrityFinding] {
    do {
      return try check().findings
    } catch { throw .wrapping(error, "cannot check \(path)") }
  }

  private func checkHistory(
    _ found: inout JournalCheck, _ key: SealKey?, _ expected: [ExpectedHead], _ observer: CheckObserver?
  ) throws {
    let start = try CheckStart(connection)
    if start.tail == nil {
      found.skipped.append("the chain: a journal of schema \(try schemaVersion()) has no seals")
      if key != nil || expected.contains(where: { $0.head != nil }) {
        found.findings.append(
          IntegrityFinding(structure: "seal", message: "the journal has no seals to hold this against"))
      }
    }
    var chain = ChainCheck(connection, start, key: key, expected: expected, base: found, decodes: true)
    try chain.run(observer)
    found = chain.check
    found.coverage += try SchemaCheck.wordCounts(connection)
    let names = try Bookmark.check(connection, head: found.seq)
    found.findings += names.findings
    found.coverage += names.coverage
    for rows in found.coverage where rows.checked != rows.present && rows.skipped == nil {
      found.findings.append(
        IntegrityFinding(
          structure: rows.table, message: "\(rows.present) rows are there, \(rows.checked) belong to entries"))
    }
    let isMet = expected.contains { $0.seq != nil } && !found.findings.contains { $0.structure == "seal" }
    found.isEndProven = found.isClean || isMet
  }

  private func note(_ log: WriteAheadLog?, _ found: inout JournalCheck) {
    guard let log else { return }
    if log.isHeadDamaged {
      found.findings.append(
        IntegrityFinding(structure: "wal", message: "the head of the log is damaged: nothing in it can be read"))
    }
    guard log.leftFrames > 0 else { return }
    let frames = "\(log.leftFrames) frames behind the last valid commit (frame \(log.validFrames)) carry the log's salt"
    if log.hidesCommit {
      // A commit frame is written in two pieces: one whose writer died between them looks like one that was damaged.
      let lost = "entries behind \(found.seq.rawValue) are lost, unless its writer died while it wrote it"
      found.findings.append(IntegrityFinding(structure: "wal", message: "\(frames), and one ends a group: \(lost)"))
    } else {
      found.skipped.append("the log: \(frames): a group that was not committed")
    }
  }

  // SQLite's check reads the whole file in one transaction: beside a writer it gets a second, then gives way.
  private func checkFile(_ found: inout JournalCheck, isLive: Bool) throws(JournalError) {
    let watch = isLive ? TimeLimit(milliseconds: 900) : nil
    watch?.install(connection.handle)
    defer { watch?.remove(connection.handle) }
    do throws(JournalError) {
      let rows = try Cursor(connection, "PRAGMA integrity_check(20)")
      while try rows.step() {
        if rows.text(0) != "ok" { found.findings.append(IntegrityFinding(structure: "file", message: rows.text(0))) }
      }
    } catch {
      guard error.code == .interrupted, isLive else { throw error }
      found.skipped.append("SQLite's own structures: a writer is at work, and its log may not be held back")
    }
  }
}

/// Stops a statement after some time.
private final class TimeLimit {
  private let deadline: Int64

  init(milliseconds: Int64) { deadline = ChainScan.now() &+ milliseconds &* 1_000_000 }

  func install(_ handle: OpaquePointer) {
    sqlite3_progress_handler(
      handle, 1000,
      { context in
        guard let context else { return 0 }
        return ChainScan.now() > Unmanaged<TimeLimit>.fromOpaque(context).takeUnretainedValue().deadline ? 1 : 0
      },
      Unmanaged.passUnretained(self).toOpaque())
  }

  func remove(_ handle: OpaquePointer) { sqlite3_progress_handler(handle, 0, nil, nil) }
}
