// Why: what the input tests share: scratch files, text with padding behind it, gzip members made by hand,
// and random numbers that a printed seed repeats.

import Capture
import Foundation
import Testing

/// A file that goes away with its last user.
final class InputScratchFile {
  let path: String

  init(_ bytes: some Sequence<UInt8>) throws {
    let name = "custody-input-" + UUID().uuidString
    path = FileManager.default.temporaryDirectory.appendingPathComponent(name).path
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  convenience init(_ text: String) throws { try self.init(Array(text.utf8)) }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// SplitMix64: small, and the same everywhere.
struct InputRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  /// A number below `bound`, which is not 0.
  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// The seed of this run: `CUSTODY_SEED`, else the one given here.
  static func seed(_ usual: UInt64) -> UInt64 {
    ProcessInfo.processInfo.environment["CUSTODY_SEED"].flatMap { UInt64($0) } ?? usual
  }
}

/// Calls `body` with the bytes and the padding that the parser asks for behind them. The padding is filled with
/// what would change the result if it were looked at.
func withPadding<Result>(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
  let padded = bytes + [UInt8](repeating: UInt8(ascii: "7"), count: LineReader.paddingBytes)
  return try padded.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[..<bytes.count])) }
}

/// Parses `text` and hands the value over.
func withJSON<Result>(_ text: String, _ body: (JSONValue) throws -> Result) throws -> Result {
  try withJSON(Array(text.utf8), body)
}

/// Parses `bytes` and hands the value over.
func withJSON<Result>(_ bytes: [UInt8], _ body: (JSONValue) throws -> Result) throws -> Result {
  let parser = try JSONParser()
  return try withPadding(bytes) { padded in try body(try parser.parse(padded: padded)) }
}

/// All lines of a path as text, and the error that ended them.
func readLines(_ path: String, maximumLineBytes: Int = 1 << 20) -> (lines: [String], error: InputError?) {
  var lines: [String] = []
  do throws(InputError) {
    let reader = LineReader(try ByteSource(path: path), maximumLineBytes: maximumLineBytes)
    while let line = try reader.next() { lines.append(String(decoding: line.bytes, as: UTF8.self)) }
    return (lines, nil)
  } catch {
    return (lines, error)
  }
}

/// All lines of a scratch file, which lives until they are read.
func readLines(_ file: InputScratchFile, maximumLineBytes: Int = 1 << 20) -> (lines: [String], error: InputError?) {
  withExtendedLifetime(file) { readLines(file.path, maximumLineBytes: maximumLineBytes) }
}

/// The real lines that the tests start from.
func fixtureLines() throws -> [[UInt8]] {
  let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  let data = try Data(contentsOf: folder.appendingPathComponent("Fixtures/mixed-lines.jsonl"))
  return data.split(separator: 0x0A).map { Array($0) }
}

/// gzip members: one made of stored blocks by hand, two made by gzip itself.
enum InputGzip {
  /// `one\ntwo\n`, by `gzip -n9`.
  static let oneTwo = decode("H4sIAAAAAAACA8vPS+UqKc/nAgDmC7oSCAAAAA==")
  /// `three`, by `gzip -n9`.
  static let three = decode("H4sIAAAAAAACAyvJKEpNBQD12MVGBQAAAA==")

  private static func decode(_ text: String) -> [UInt8] { Array(Data(base64Encoded: text) ?? Data()) }

  /// A member that holds `bytes` uncompressed.
  static func stored(_ bytes: [UInt8]) -> [UInt8] {
    var member: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]
    var rest = bytes[...]
    repeat {
      let block = rest.prefix(0xFFFF)
      rest = rest.dropFirst(block.count)
      member.append(rest.isEmpty ? 1 : 0)
      member += littleEndian(UInt32(block.count) | ~UInt32(block.count) << 16)
      member += block
    } while !rest.isEmpty
    return member + littleEndian(checksum(bytes)) + littleEndian(UInt32(truncatingIfNeeded: bytes.count))
  }

  private static func littleEndian(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var sum: UInt32 = ~0
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum >> 1 ^ (sum & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    return ~sum
  }
}
