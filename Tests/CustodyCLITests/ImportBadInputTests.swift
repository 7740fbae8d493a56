// Why: a recording comes from a machine that was crashing. Whatever is wrong with it, the import says where,
// keeps what came before, and goes on when it is told to.

import Foundation
import TestSupport
import Testing

/// A line as it should not be.
struct BadLine: Sendable, CustomTestStringConvertible {
  var testDescription: String
  /// Makes it of a good one.
  var spoil: @Sendable (String) -> Data

  init(_ name: String, _ spoil: @escaping @Sendable (String) -> String) {
    testDescription = name
    self.spoil = { Data(spoil($0).utf8) }
  }

  static let place = 200

  static let all = [
    BadLine("no JSON") { _ in "not json at all" },
    BadLine("cut") { "\($0.prefix(60))" },
    BadLine("two on one line") { $0 + $0 },
    BadLine("deep") { _ in #"{"i":200,"x":"# + String(repeating: "[", count: 50_000) },
    BadLine("no object") { _ in "[1,2]" },
    BadLine("no index") { _ in "{}" },
    BadLine("NaN") { $0.replacing("\"cpu\":0", with: "\"cpu\":NaN").replacing("\"cpu\":1", with: "\"cpu\":NaN") },
    BadLine("negative index") { $0.replacing("\"i\":200", with: "\"i\":-200") },
    BadLine("index 2^64") { $0.replacing("\"i\":200", with: "\"i\":18446744073709551616") },
    BadLine("index 2^63-1") { $0.replacing("\"i\":200", with: "\"i\":9223372036854775807") },
    BadLine("index 1e3") { $0.replacing("\"i\":200", with: "\"i\":1e3") },
    BadLine("index again") { $0.replacing("\"i\":200", with: "\"i\":199") },
    BadLine("negative cpu") { $0.replacing(/"cpu":[01]/, with: "\"cpu\":-1") },
    BadLine("cpu 2^32") { $0.replacing(/"cpu":[01]/, with: "\"cpu\":4294967296") },
    BadLine("unknown phase") { $0.replacing(/"phase":"[a-z-]*"/, with: "\"phase\":\"dance\"") },
    BadLine("zero byte") { "\($0.prefix(9))\0\($0.dropFirst(9))" },
    BadLine(invalidUTF8: "invalid UTF-8"),
  ]

  private init(invalidUTF8 name: String) {
    testDescription = name
    spoil = { Data($0.dropLast().utf8) + Data([0x2c, 0x22, 0x78, 0x22, 0x3a, 0x22, 0xff, 0xfe, 0x22, 0x7d]) }
  }
}

@Suite struct ImportBadInputTests {
  private let sandbox: Sandbox
  private static let lines = Array(RecordingText.small.events.prefix(400))

  init() throws { sandbox = try Sandbox() }

  // The first lines of the small recording, line 201 replaced.
  private func write(_ bad: Data) throws -> Int {
    var text = Data((Self.lines[..<BadLine.place].joined(separator: "\n") + "\n").utf8)
    let offset = text.count
    text += bad + Data(("\n" + Self.lines[(BadLine.place + 1)...].joined(separator: "\n") + "\n").utf8)
    try sandbox.write("r.events.jsonl", text)
    try sandbox.write("r.summary.json", RecordingText.small.summary)
    return offset
  }

  private func ask(_ question: String) throws -> String {
    try sandbox.custody("sql", "--format", "csv", question).output.trimmingCharacters(in: .newlines)
  }

  @Test(arguments: BadLine.all) func aBadLineEndsTheImportAndKeepsWhatCameBefore(_ bad: BadLine) throws {
    let offset = try write(bad.spoil(Self.lines[BadLine.place]))
    let ran = try sandbox.custody("import", "r.events.jsonl")
    #expect(ran.status == 3 && ran.output.isEmpty, "\(ran)")
    #expect(ran.errors.hasPrefix("custody: r.events.jsonl:201: "), "\(ran.errors)")
    #expect(ran.errors.contains("(byte \(offset))") && ran.errors.contains("hint: --skip-bad"), "\(ran.errors)")
    #expect(try ask("SELECT max(source_index) FROM entry") == "199")
    let verify = try sandbox.custody("verify")
    #expect(verify.status == 0 && verify.output.contains("the import is incomplete"), "\(verify)")
    #expect(try sandbox.custody("replay").status == 0)
    #expect(sandbox.names == ["custody.db", "r.events.jsonl", "r.summary.json"])
  }

  @Test(arguments: BadLine.all) func skippingRecordsItAsLost(_ bad: BadLine) throws {
    _ = try write(bad.spoil(Self.lines[BadLine.place]))
    let ran = try sandbox.custody("import", "--skip-bad", "r.events.jsonl")
    #expect(ran.status == 0 && ran.errors.isEmpty, "\(ran)")
    #expect(ran.output.contains("lost"))
    #expect(try ask("SELECT why FROM gap ORDER BY seq LIMIT 1").contains("r.events.jsonl:201: "))
    #expect(try ask("SELECT count(*) > 0 FROM entry WHERE kind = 'lost'") == "1")
    #expect(try ask("SELECT max(source_index) FROM entry") == "399")
    let replay = try sandbox.custody("replay")
    #expect(replay.status == 0, "\(replay)")
    let verify = try sandbox.custody("verify")
    #expect(verify.status == 0 && !verify.output.contains("incomplete"), "\(verify)")
  }

  @Test func everyLineMayBeBad() throws {
    try sandbox.write("r.events.jsonl", String(repeating: "?\n", count: 1000))
    try sandbox.write("r.summary.json", RecordingText.small.summary)
    #expect(try sandbox.custody("import", "-q", "--skip-bad", "r.events.jsonl").status == 0)
    #expect(try ask("SELECT count(*) FROM gap") == "1000")
    #expect(try sandbox.custody("replay").status == 0)
  }

  @Test func blankLinesAndCarriageReturnsAreNoFault() throws {
    try sandbox.write("r.events.jsonl", "\n" + Self.lines.joined(separator: "\r\n\r\n"))
    try sandbox.write("r.summary.json", RecordingText.small.summary)
    let ran = try sandbox.custody("import", "-q", "r.events.jsonl")
    #expect(ran.status == 0, "\(ran)")
    #expect(try ask("SELECT max(source_index) FROM entry") == "399")
  }

  @Test func aFileCutInItsLastLineSaysSo() throws {
    try sandbox.write("r.events.jsonl", Self.lines.joined(separator: "\n").dropLast(5))
    try sandbox.write("r.summary.json", RecordingText.small.summary)
    let ran = try sandbox.custody("import", "r.events.jsonl")
    #expect(ran.status == 3 && ran.errors.contains("r.events.jsonl:400: "), "\(ran)")
    #expect(ran.errors.contains("hint: the file ends in the middle of its last line"))
    #expect(try ask("SELECT max(source_index) FROM entry") == "398")
  }

  @Test func aLineOf100MBNeedsLittleMemory() throws {
    try sandbox.write("head", Self.lines[..<BadLine.place].joined(separator: "\n") + "\n")
    try sandbox.write("tail", "\n" + Self.lines[(BadLine.place + 1)...].joined(separator: "\n") + "\n")
    try sandbox.write("r.summary.json", RecordingText.small.summary)
    let made = try sandbox.shell("(cat head; head -c 100000000 /dev/zero | tr '\\0' a; cat tail) > r.events.jsonl")
    #expect(made.status == 0, "\(made)")
    let limited = "ulimit -v 450000; \"$CUSTODY\" import -q r.events.jsonl"
    let refused = try sandbox.shell(limited)
    #expect(refused.status == 3 && refused.errors.contains("r.events.jsonl:201: the line is longer"), "\(refused)")
    let skipped = try sandbox.shell(limited + " --skip-bad -j skipped.db")
    #expect(skipped.status == 0, "\(skipped)")
    let gap = try sandbox.custody("sql", "--format", "csv", "-j", "skipped.db", "SELECT missing, why FROM gap")
    #expect(gap.output.hasPrefix("1,r.events.jsonl:201: the line is longer"), "\(gap)")
    #expect(try sandbox.custody("replay", "-j", "skipped.db").status == 0)
  }

  @Test func compressedDataThatIsCutOrDamagedIsRefused() throws {
    try sandbox.write("r.events.jsonl", Self.lines.joined(separator: "\n") + "\n")
    try sandbox.write("x.summary.json", RecordingText.small.summary)
    #expect(try sandbox.shell("gzip -nc r.events.jsonl > whole.gz").status == 0)
    let whole = try Data(contentsOf: URL(filePath: sandbox.file("whole.gz")))
    for cut in [1, 2, 9, 10, 11, 300, whole.count / 2, whole.count - 9, whole.count - 8, whole.count - 1] {
      try sandbox.write("x.events.jsonl.gz", whole.prefix(cut))
      let ran = try sandbox.custody("import", "x.events.jsonl.gz", "-j", "cut-\(cut).db")
      #expect(ran.status == 3 && ran.errors.hasPrefix("custody: x.events.jsonl.gz"), "cut at \(cut): \(ran)")
      #expect(try sandbox.custody("replay", "-j", "cut-\(cut).db").status == 0, "cut at \(cut)")
    }
    var damaged = whole
    damaged[whole.count / 2] ^= 0x55
    try sandbox.write("x.events.jsonl.gz", damaged)
    let ran = try sandbox.custody("import", "x.events.jsonl.gz", "-j", "damaged.db")
    #expect(ran.status == 3 && !ran.errors.isEmpty, "\(ran)")
    #expect(try sandbox.custody("import", "-q", "r.events.jsonl", "--facts", "x.summary.json").status == 0)
  }

  @Test(arguments: ["?", "{\"snap\":9,\"kind\":\"range\"}"]) func aBadSnapshotsFileIsNamed(_ line: String) throws {
    try RecordingText.small.write(to: sandbox)
    try sandbox.write("bad", RecordingText.small.snapshots + line + "\n")
    let arguments = ["import", "-q", "r.events.jsonl", "--snapshots", "bad"]
    let ran = try sandbox.custody(arguments)
    #expect(ran.status == 3 && ran.errors.hasPrefix("custody: bad:1908: "), "\(ran)")
    #expect(ran.errors.contains("hint: --skip-bad"))
    #expect(try sandbox.custody("verify").status == 0)
    #expect(try sandbox.custody("replay").status == 0)
    let skipped = try sandbox.custody(arguments + ["--skip-bad", "-j", "skipped.db"])
    #expect(skipped.status == 0, "\(skipped)")
    #expect(try sandbox.custody("replay", "-j", "skipped.db").status == 0)
  }
}
