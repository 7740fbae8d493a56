// Why: what the doctor looks at, as values that both formats print.

import Glibc
import Journal
import PageOwnership

/// The sections of the report.
enum DoctorFindings {
  private static let importantOptions = [
    "THREADSAFE", "DEFAULT_SYNCHRONOUS", "DEFAULT_WAL_SYNCHRONOUS", "DQS", "ENABLE_DBSTAT_VTAB", "OMIT_LOAD_EXTENSION",
    "MAX_MMAP_SIZE", "DEFAULT_PAGE_SIZE", "TEMP_STORE", "SECURE_DELETE", "OMIT_WAL",
  ]

  /// The SQLite library.
  static func environment(isVerbose: Bool) -> [DoctorSection] {
    let options = SQLiteInfo.compileOptions.filter { option in
      isVerbose || importantOptions.contains(String(option.prefix { $0 != "=" }))
    }
    return [
      DoctorSection(
        "sqlite",
        [
          ("version", .text(SQLiteInfo.version)), ("source", .text(SQLiteInfo.sourceID)),
          ("has_wal_reset_bug", .bool(SQLiteInfo.hasWALResetBug)), ("meaning", .text(walResetMeaning)),
          ("compile_options", .array(options.map { .text($0) })),
        ])
    ]
  }

  private static var walResetMeaning: String {
    SQLiteInfo.hasWALResetBug
      ? "harmless here: it needs a checkpoint beside another writing connection, and Custody has one that does both; "
        + "let no other program write a journal"
      : "this library is free of it"
  }

  /// A journal.
  static func journal(_ reader: JournalReader, isVerbose: Bool) throws -> [DoctorSection] {
    let counts = try reader.counts()
    let clean = try reader.isClean()
    let holder = LockHolder(of: reader.path)
    let open = try reader.openTransitions().count
    let fields: [(String, JSONTree)] = [
      ("path", .text(reader.path)), ("present", .bool(true)),
      ("schema_version", .integer(Int64(try reader.schemaVersion()))),
      ("clean", .bool(clean)), ("import_complete", .bool(try reader.isComplete())),
      ("writer", .text(holder.words)), ("entries", .integer(try reader.headSeq().rawValue)),
      ("open_transitions", .integer(Int64(open))), ("gaps", .integer(counts.count("gap"))),
      ("bytes", JSONTree(FileSize.bytes(of: reader.path))),
      ("log_bytes", .integer(FileSize.bytes(of: reader.path + "-wal") ?? 0)),
      ("free_bytes", JSONTree(FileSize.freeBytes(beside: reader.path))),
      ("advice", .text(advice(isClean: clean, isComplete: try reader.isComplete(), holder))),
    ]
    return [
      DoctorSection("journal", fields), try tables(reader, counts, isVerbose),
      DoctorSection("facts", try facts(reader), keepsKeys: true),
    ]
  }

  private static func advice(isClean: Bool, isComplete: Bool, _ holder: LockHolder) -> String {
    if holder.isWriting { return "a writer is at work: what it has committed can be read" }
    if !isComplete { return "`custody import --resume` goes on with the import" }
    if !isClean { return "the last writer did not close in order; `custody verify` tells whether all is well" }
    return "nothing to do"
  }

  // Rows and bytes by table; small tables are joined unless asked for.
  private static func tables(
    _ reader: JournalReader, _ counts: JournalCounts, _ isVerbose: Bool
  ) throws -> DoctorSection {
    let sizes = try reader.tableSizes()
    let shown = isVerbose ? sizes : sizes.filter { $0.byteCount >= 16 * 1024 || counts.count($0.table) > 100 }
    let fields = shown.map { size -> (String, JSONTree) in
      (
        size.table,
        .object([
          ("rows", counts.rows.contains { $0.table == size.table } ? .integer(counts.count(size.table)) : .null),
          ("bytes", .integer(size.byteCount)),
        ])
      )
    }
    return DoctorSection("tables", fields, keepsKeys: true)
  }

  private static func facts(_ reader: JournalReader) throws -> [(String, JSONTree)] {
    var found: [(String, JSONTree)] = []
    try reader.query("SELECT key, value, provenance FROM fact ORDER BY key LIKE 'recording.%', key") { row in
      found.append((row[0].plain, fact(row)))
      return found.count < 1000
    }
    return found
  }

  private static func fact(_ row: [Cell]) -> JSONTree {
    .object([("value", JSONTree(row[1])), ("provenance", JSONTree(row[2]))])
  }
}

/// Sizes that the file system tells.
enum FileSize {
  /// The bytes of a file; nil if there is none.
  static func bytes(of path: String) -> Int64? {
    var status = stat()
    return stat(path, &status) == 0 ? Int64(status.st_size) : nil
  }

  /// The bytes that a user may still write beside a file.
  static func freeBytes(beside path: String) -> Int64? {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return nil }
    let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
    return overflow ? Int64.max : Int64(clamping: bytes)
  }
}

/// Who holds the lock of a journal, asked without taking it: a writer that starts now must not fail.
struct LockHolder {
  /// Whether a process holds the lock.
  let isWriting: Bool
  /// For a person.
  let words: String

  init(of journal: String) {
    var status = stat()
    guard stat(journal + "-lock", &status) == 0 else {
      isWriting = false
      words = "none"
      return
    }
    let holder = Self.process(holding: UInt64(status.st_ino))
    isWriting = holder != nil
    words = holder.map { "process \($0)" } ?? "none (a lock file without a holder is left: it means nothing)"
  }

  // `1: FLOCK  ADVISORY  WRITE 123 08:01:4567 0 EOF`
  private static func process(holding inode: UInt64) -> Int32? {
    guard let file = fopen("/proc/locks", "r") else { return nil }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 512)
    while fgets(&buffer, Int32(buffer.count), file) != nil {
      let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let words = text.split(separator: " ")
      guard words.count >= 6, words[1] == "FLOCK", words[5].hasSuffix(":\(inode)") else { continue }
      return Int32(words[4])
    }
    return nil
  }
}
