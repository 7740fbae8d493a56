// Why: a journal with all that hangs on it (seals, own snapshots, index) may cost 2.5 times what plain C needs to
// insert the same rows. Both are made here, group by group, and must hold the same rows.

import CAppendBaseline
import CustodyCLI
import Glibc
import Journal
import JournalGenerator
import PageOwnership

/// Makes a journal and its plain copy.
struct JournalMaking {
  /// Nanoseconds of CPU: appending with seals and own snapshots, building the index, the same rows in C.
  private(set) var append: Int64 = 0, index: Int64 = 0, baseline: Int64 = 0
  /// Entries and rows.
  private(set) var entryCount: Int64 = 0, rowCount: Int64 = 0
  /// Bytes of the tables, without spans and with them.
  private(set) var byteCount: Int64 = 0, spanByteCount: Int64 = 0
  /// Hashes of all rows of both.
  private(set) var journalHash: UInt64 = 0, baselineHash: UInt64 = 0

  private static let groupSize = 10_000
  private static let tables: [(name: String, key: String, columns: Int32)] = [
    ("activation_row", "id", 11), ("transition_row", "id", 9), ("entry_row", "seq", 11), ("change_row", "seq", 10),
    ("activation_end", "id", 3), ("transition_end", "id", 5),
  ]

  /// What was measured, in words.
  var words: String {
    let all = Double(append + index) / Double(max(1, baseline))
    let each = { (time: Int64) in Figure.tenths(Double(time) / Double(max(1, entryCount)), 0) }
    let bytes = Figure.tenths(Double(byteCount) / Double(max(1, entryCount)), 1)
    let spans = Figure.tenths(Double(spanByteCount) / Double(max(1, entryCount)), 1)
    return """
      entries    \(entryCount), rows \(rowCount)
      append     \(each(append)) ns CPU an entry, with seals and own snapshots
      index      \(each(index)) ns CPU an entry, built at the end
      plain C    \(each(baseline)) ns CPU an entry for the same rows
      ratio      \(Figure.tenths(Double(append) / Double(max(1, baseline)), 2)) without the index, \
      \(Figure.tenths(all, 2)) with it
      size       \(bytes) bytes an entry without spans, \(spans) of spans
      hash       \(String(journalHash, radix: 16)), C \(String(baselineHash, radix: 16))
      """
  }

  /// Makes a journal at `path`; the plain copy lies beside it for as long as this runs.
  ///
  /// - Parameter spoilt: an entry whose result is another one than it was.
  static func run(at path: String, entryCount: Int, seed: UInt64, spoilt: Int64? = nil) throws -> JournalMaking {
    var making = JournalMaking()
    let copy = path + ".plain"
    for name in [copy, copy + "-wal", copy + "-shm"] { unlink(name) }
    defer { for name in [copy, copy + "-wal", copy + "-shm"] { unlink(name) } }
    var generator = JournalGenerator(seed: seed)
    try making.write(&generator, path, entryCount, spoilt)
    let reader = try JournalReader(at: path)
    for table in try reader.tableSizes() {
      let isSpan = table.table.hasPrefix("ownership_span")
      if isSpan { making.spanByteCount += table.byteCount } else { making.byteCount += table.byteCount }
    }
    try making.writePlain(reader, copy, generator.facts)
    making.journalHash = hash(path)
    making.baselineHash = hash(copy)
    return making
  }

  private mutating func write(
    _ generator: inout JournalGenerator, _ path: String, _ count: Int, _ spoilt: Int64?
  ) throws {
    let writer = try JournalWriter.create(at: path, facts: generator.facts)
    while entryCount < count {
      var batch = generator.batch(entryCount: Self.groupSize)
      for place in batch.entries.indices where batch.entries[place].seq.rawValue == spoilt {
        batch.entries[place].result = (batch.entries[place].result ?? 0) - 1
      }
      entryCount += Int64(batch.entries.count)
      let start = Clock.cpu()
      try writer.append(batch)
      try writer.commit()
      append += Clock.cpu() - start
    }
    let start = Clock.cpu()
    _ = try IndexBuild.run(writer, isFresh: true)
    index = Clock.cpu() - start
    let end = Clock.cpu()
    try writer.close()
    append += Clock.cpu() - end
  }

  private mutating func writePlain(_ reader: JournalReader, _ path: String, _ facts: Facts) throws {
    struct Failure: Error {}
    try JournalWriter.create(at: path, facts: facts).close()
    guard let base = custody_baseline_open(path) else { throw Failure() }
    let numbers = Self.tables.map { custody_baseline_table(base, $0.name, $0.columns) }
    var last = Self.tables.map { _ in Int64(-1) }
    while true {
      var rows: [PlainRows] = []
      for (place, table) in Self.tables.enumerated() {
        rows.append(try PlainRows(reader, table.name, key: table.key, after: &last[place]))
      }
      if rows.allSatisfy({ $0.rows.isEmpty }) { break }
      let start = Clock.cpu()
      var code = custody_baseline_begin(base)
      for (number, table) in zip(numbers, rows) {
        code |= custody_baseline_append(base, number, table.rows, Int64(table.rows.count))
        rowCount += Int64(table.rows.count)
      }
      code |= custody_baseline_commit(base)
      baseline += Clock.cpu() - start
      guard code == 0 else { throw Failure() }
    }
    let start = Clock.cpu()
    guard custody_baseline_close(base) == 0 else { throw Failure() }
    baseline += Clock.cpu() - start
  }

  private static func hash(_ path: String) -> UInt64 {
    var hash: UInt64 = 14_695_981_039_346_656_037
    for table in tables { _ = custody_baseline_scan(path, "SELECT * FROM \(table.name)", &hash) }
    return hash
  }
}
