// Why: what an import costs beside the least that any reader of the recording must do: the same lines
// decompressed and parsed, in the same process, in turns. Not here: the append path alone (AppendBenchmark).

import Capture
import CustodyCLI
import Foundation
import Journal
import PageOwnership
import PageTables

/// What one run measured.
struct ImportResult {
  /// Lines of the recording.
  var lineCount = 0
  /// CPU nanoseconds of each import, of the same with its index, and of each bare parse, in turns.
  var importNanoseconds: [Int64] = []
  var indexedNanoseconds: [Int64] = []
  var parseNanoseconds: [Int64] = []
  /// The state hash after each import: all must be one and the same.
  var stateHashes: Set<String> = []
  /// Entries in the journal, and the bytes of its file without and with the index.
  var entryCount: Int64 = 0
  var byteCount: Int64 = 0
  var indexedByteCount: Int64 = 0
}

@main
struct ImportBenchmark {
  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard let events = arguments.first else {
      return print("usage: ImportBenchmark EVENTS [SNAPSHOTS] [ROUNDS]")
    }
    let rounds = arguments.count > 2 ? Int(arguments[2]) ?? 5 : 5
    let folder = FileManager.default.temporaryDirectory.appending(path: "custody-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let result = try run(
      events: events, snapshots: arguments.count > 1 ? arguments[1] : nil, rounds: rounds, folder: folder)
    let importing = median(result.importNanoseconds)
    let parsing = median(result.parseNanoseconds)
    print("lines        \(result.lineCount)")
    print("import       \(importing / 1_000_000) ms CPU, \(rate(result.lineCount, importing)) lines/s")
    print("parse alone  \(parsing / 1_000_000) ms CPU, \(rate(result.lineCount, parsing)) lines/s")
    print("ratio        \(hundredths(importing, parsing))")
    let indexed = median(result.indexedNanoseconds)
    print("with index   \(indexed / 1_000_000) ms CPU, ratio \(hundredths(indexed, importing))")
    let bytesEach = hundredths(result.byteCount, result.entryCount)
    print("bytes        \(result.byteCount) in \(result.entryCount) entries: \(bytesEach) each")
    let indexBytes = hundredths(result.indexedByteCount - result.byteCount, result.entryCount)
    print("index bytes  \(result.indexedByteCount - result.byteCount): \(indexBytes) each")
    print("state hash   \(result.stateHashes.sorted().joined(separator: " "))")
  }

  /// Imports and parses a recording in turns. Throws what they throw.
  static func run(events: String, snapshots: String?, rounds: Int, folder: String) throws -> ImportResult {
    var result = ImportResult()
    let facts = try FactsFile.sibling(of: events).map { try FactsFile.read($0) } ?? Facts()
    for round in 0..<max(1, rounds) {
      let path = folder + "/\(round).db"
      let indexedPath = folder + "/\(round)-indexed.db"
      var started = now()
      result.stateHashes.insert(try bring(events, snapshots, facts, to: path, isIndexed: false))
      result.importNanoseconds.append(now() - started)
      started = now()
      result.stateHashes.insert(try bring(events, snapshots, facts, to: indexedPath, isIndexed: true))
      result.indexedNanoseconds.append(now() - started)
      started = now()
      result.lineCount = try parse(events)
      result.parseNanoseconds.append(now() - started)
      result.entryCount = try JournalReader(at: path).headSeq().rawValue
      result.byteCount = try size(path)
      result.indexedByteCount = try size(indexedPath)
    }
    return result
  }

  private static func size(_ path: String) throws -> Int64 {
    (try FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber)?.int64Value ?? 0
  }

  private static func bring(
    _ events: String, _ snapshots: String?, _ facts: Facts, to path: String, isIndexed: Bool
  ) throws -> String {
    let importing = try RecordingImport(
      events: ByteSource(path: events), snapshots: try snapshots.map { try ByteSource(path: $0) }, facts: facts,
      options: RecordingImport.Options())
    let writer = try JournalWriter.create(at: path, facts: importing.importer.facts)
    _ = try importing.run(shouldStop: { false }) { batch, state in
      try writer.append(batch)
      try writer.commit(importState: state.encoded(), isComplete: state.isComplete)
    }
    if isIndexed { _ = try IndexBuild.run(writer, isFresh: true) }
    try writer.close()
    return "\(importing.importer.image.ownership.hash)"
  }

  private static func parse(_ events: String) throws -> Int {
    let reader = LineReader(try ByteSource(path: events))
    let parser = try JSONParser()
    var fields = 0
    while let line = try reader.next() { fields &+= try parser.parse(line).count }
    return fields > 0 ? reader.lineNumber : 0
  }

  private static func median(_ values: [Int64]) -> Int64 { values.sorted()[values.count / 2] }

  private static func rate(_ lines: Int, _ nanoseconds: Int64) -> Int64 {
    Int64(lines) * 1_000_000_000 / max(1, nanoseconds)
  }

  private static func hundredths(_ value: Int64, _ unit: Int64) -> String {
    let hundredths = value * 100 / max(1, unit)
    return "\(hundredths / 100)." + (hundredths % 100 < 10 ? "0" : "") + "\(hundredths % 100)"
  }

  private static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
