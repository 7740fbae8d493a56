// Why: the recordings are the judge: their snapshots must survive a trip through our tables unchanged, and
// our decoding must agree with the recorder's own. Skipped where the recordings are not at hand.

import Foundation
import PageOwnership
import PageTables
import Testing

private let captures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appending(path: "../shared/data/captures").standardizedFileURL

private func isPresent(_ name: String) -> Bool {
  FileManager.default.fileExists(atPath: captures.appending(path: "\(name).snapshots.jsonl.gz").path())
}

/// A word, or a number where the recorder had no word; then empty.
private struct Word: Decodable, ExpressibleByStringLiteral, Equatable {
  var text: String

  init(stringLiteral text: String) { self.text = text }

  init(from decoder: any Decoder) throws {
    text = (try? decoder.singleValueContainer().decode(String.self)) ?? ""
  }
}

/// One `range` or `vmemmap` line of a snapshot.
private struct Line: Decodable {
  var snap: Int
  var kind: String
  var table: String?
  var start: String?
  var len: String?
  var level: Int8?
  var first: String?
  var raw: String?
  var state: String?
  var owner: Word?
  var type: Word?
  var handle: String?
  var gfn: String?
  var host: String?
  var hyp: String?
  var refcount: UInt16?
  var share: UInt32?

  var run: LeafRun? {
    guard let start = hex(start), let length = hex(len), let level, let raw = hex(first) else { return nil }
    return LeafRun(pages: PageRange(first: PageFrame(start >> 12), count: length >> 12), level: level, raw: raw)
  }
}

private func hex(_ text: String?) -> UInt64? { text.flatMap { UInt64($0.dropFirst(2), radix: 16) } }

private func readLines(_ name: String) throws -> [Line] {
  let process = Process()
  process.executableURL = URL(filePath: "/usr/bin/env")
  process.arguments = ["gzip", "-dc", captures.appending(path: "\(name).snapshots.jsonl.gz").path()]
  let pipe = Pipe()
  process.standardOutput = pipe
  try process.run()
  let data = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  let decoder = JSONDecoder()
  return try data.split(separator: 0x0a).map { try decoder.decode(Line.self, from: $0) }
}

@Suite struct RecordedSnapshotTests {
  private static let runs: [(name: String, generation: Generation)] = [
    ("k61-scenarios", .linux6_1), ("k612-scenarios", .linux6_4), ("k73-nvhe", .linux7_1),
    ("cut-k73-torn-donate_hyp", .linux7_1),
  ].filter { isPresent($0.0) }

  @Test(.enabled(if: !runs.isEmpty, "no recordings beside the package"), arguments: runs)
  func snapshotsSurviveUnchanged(name: String, generation: Generation) throws {
    let lines = try readLines(name).filter { $0.kind == "range" }
    #expect(!lines.isEmpty)
    for (key, lines) in Dictionary(grouping: lines, by: { "\($0.snap) \($0.table ?? "")" }) {
      let expected = lines.compactMap(\.run).sorted { $0.pages.first < $1.pages.first }
      let table = try DescriptorTable(runs: expected.reversed())
      var found: [LeafRun] = []
      table.forEachLeaf(in: PageRange(first: PageFrame(0), count: DescriptorTable.pageEnd)) { found.append($0) }
      #expect(found == expected, "\(name), snapshot and table \(key)")
    }
  }

  @Test(.enabled(if: !runs.isEmpty, "no recordings beside the package"), arguments: runs)
  func ourDecodingIsTheRecorders(name: String, generation: Generation) throws {
    let encoding = TableEncoding(generation)
    for line in try readLines(name) {
      if line.kind == "vmemmap" { compareFrame(line, encoding) }
      guard let run = line.run, let table = line.table else { continue }
      let leaf = LeafWord(level: run.level, raw: run.raw)
      if let state = line.state {
        let ours =
          table == "host_s2"
          ? encoding.hostMeaning(leaf, isMemory: true).state
          : table == "hyp_s1" ? encoding.hypState(leaf) : encoding.guestState(leaf)
        #expect(ours?.name == state, "\(line)")
      }
      if table == "host_s2", leaf.raw & 1 == 0 { compareAnnotation(line, encoding.hostMeaning(leaf, isMemory: true)) }
      if line.type == "POISONED" { #expect(encoding.guestState(leaf) == .poison) }
    }
  }

  private func compareAnnotation(_ line: Line, _ meaning: (state: PageState?, annotation: OwnerAnnotation)) {
    switch meaning.annotation {
    case .hyp: #expect(line.owner == "HYP", "\(line)")
    case .guest(let handle, let gfn):
      #expect(line.owner == "GUEST" && hex(line.handle) == UInt64(handle.rawValue) && hex(line.gfn) == gfn.rawValue)
    case .locked: #expect(line.type == "LOCKED", "\(line)")
    default: Issue.record("\(line) read as \(meaning.annotation)")
    }
  }

  private func compareFrame(_ line: Line, _ encoding: TableEncoding) {
    guard let raw = line.raw, let bytes = UInt64(raw, radix: 16) else { return }
    let frame = encoding.frame(raw.utf8.count == 16 ? bytes.byteSwapped : UInt64(UInt32(bytes).byteSwapped))
    #expect(raw.utf8.count == encoding.frameByteCount * 2)
    #expect(frame.host?.name == line.host && frame.hyp?.name == line.hyp, "\(line)")
    #expect(frame.references == line.refcount && frame.shareCount == line.share, "\(line)")
  }
}
