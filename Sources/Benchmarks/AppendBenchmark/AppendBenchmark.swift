// Why: the append path may cost at most 1.3 times the CPU of plain C. Both insert the same rows in the
// same run, group by group in turns; both files must then hold the same content, by hash.
// Not here: decoding a recording.

import CAppendBaseline
import Glibc
import Journal
import PageOwnership

/// What a run measured.
struct AppendResult {
  var entryCount: Int64 = 0
  var rowCount: Int64 = 0
  var journalNanoseconds: Int64 = 0
  var baselineNanoseconds: Int64 = 0
  var journalHash: UInt64 = 0
  var baselineHash: UInt64 = 0

  var ratio: Double { Double(journalNanoseconds) / Double(max(1, baselineNanoseconds)) }
}

@main
struct AppendBenchmark {
  static func main() throws {
    let entryCount = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 1_000_000
    let folder = CommandLine.arguments.dropFirst(2).first ?? "/tmp"
    let result = try run(entryCount: entryCount, groupSize: 10_000, folder: folder) { print($0) }
    let perRow = { (time: Int64) in Double(time) / Double(max(1, result.rowCount)) }
    print("entries \(result.entryCount), rows \(result.rowCount)")
    print("journal \(perRow(result.journalNanoseconds)) ns CPU a row, C \(perRow(result.baselineNanoseconds))")
    print("ratio \(result.ratio)")
    print("hash \(String(result.journalHash, radix: 16)), C \(String(result.baselineHash, radix: 16))")
    if result.journalHash != result.baselineHash { exit(1) }
  }

  /// Writes both journals into `folder`, compares and removes them; `report` gets the sizes by table.
  static func run(
    entryCount: Int, groupSize: Int, folder: String, report: (String) -> Void
  ) throws -> AppendResult {
    let paths = ["journal", "baseline"].map { "\(folder)/append-benchmark-\(getpid())-\($0).db" }
    defer { for path in paths { unlink(path) } }
    var result = AppendResult()
    try append(entryCount, groupSize, paths, &result)
    result.journalHash = try contentHash(paths[0])
    result.baselineHash = try contentHash(paths[1])
    let sizes = try JournalReader(at: paths[0]).tableSizes()
    for size in sizes.prefix(8) {
      report("\(size.table): \(Double(size.byteCount) / Double(max(1, result.entryCount))) bytes an entry")
    }
    return result
  }

  private static func append(
    _ entryCount: Int, _ groupSize: Int, _ paths: [String], _ result: inout AppendResult
  ) throws {
    var rows = RowGenerator()
    let writer = try JournalWriter.create(at: paths[0], facts: Facts())
    let baseline = try Baseline(paths[1], sites: RowGenerator().firstSites)
    var batch = rows.batch(entryCount: groupSize)
    let text = Array((batch.transitions.first?.arguments ?? "").utf8CString.dropLast())
    try text.withUnsafeBufferPointer { text in
      var isJournalFirst = true
      while result.entryCount < entryCount {
        let plain = BaselineRows(batch, text)
        for isJournal in [isJournalFirst, !isJournalFirst] {
          let start = now()
          if isJournal {
            try writer.append(batch)
            try writer.commit()
          } else {
            try baseline.append(plain)
          }
          let time = now() - start
          if isJournal { result.journalNanoseconds += time } else { result.baselineNanoseconds += time }
        }
        isJournalFirst.toggle()
        result.entryCount += Int64(batch.entries.count)
        result.rowCount += Int64(plain.rows.reduce(0) { $0 + $1.count })
        batch = rows.batch(entryCount: groupSize)
      }
    }
    try writer.close()
    try baseline.close()
  }

  /// A hash (FNV-1a, 64 bit) of every value of every table that the benchmark fills.
  private static func contentHash(_ path: String) throws -> UInt64 {
    let reader = try JournalReader(at: path)
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func mix(_ value: UInt64) { hash = (hash ^ value) &* 0x100_0000_01b3 }
    for table in BaselineRows.tables.map(\.name) + ["site"] {
      try reader.query("SELECT * FROM \(table) ORDER BY 1, 2") { cells in
        for cell in cells {
          switch cell {
          case .integer(let value): mix(UInt64(bitPattern: value))
          case .text(let value): for byte in value.utf8 { mix(UInt64(byte)) }
          default: mix(0x6e75_6c6c)
          }
        }
        return true
      }
    }
    return hash
  }

  /// CPU time of this process in nanoseconds.
  private static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}

/// The C program's journal.
private final class Baseline {
  struct Failure: Error {}

  private let base: OpaquePointer
  private let tables: [Int32]

  /// Makes a journal with the same sites and opens it in C.
  init(_ path: String, sites: EntryBatch) throws {
    let writer = try JournalWriter.create(at: path, facts: Facts())
    try writer.append(sites)
    try writer.close()
    guard let base = custody_baseline_open(path) else { throw Failure() }
    self.base = base
    tables = BaselineRows.tables.map { custody_baseline_table(base, $0.name, $0.columns) }
    guard !tables.contains(-1) else { throw Failure() }
  }

  func append(_ group: BaselineRows) throws {
    var code = custody_baseline_begin(base)
    for (table, rows) in zip(tables, group.rows) {
      code |= custody_baseline_append(base, table, rows, Int64(rows.count))
    }
    code |= custody_baseline_commit(base)
    guard code == 0 else { throw Failure() }
  }

  func close() throws {
    guard custody_baseline_close(base) == 0 else { throw Failure() }
  }
}
