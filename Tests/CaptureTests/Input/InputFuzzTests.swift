// Why: whatever bytes come, reading ends with lines or with a typed error, and never with a trap. Real
// lines are the start, because random bytes do not get past the first check.

import Capture
import Foundation
import Testing

/// Damages lines in the ways that disks, cut copies and enemies do.
private struct Mutator {
  var random: InputRandom
  let lines: [[UInt8]]

  private static let words = [
    "\"", "{", "}", "[", "]", ",", ":", "\\", "\\u", "\\ud800", "\0", "\n", "\r", "-", "e999", "1e400", "NaN", "null",
    "18446744073709551616", "-9223372036854775809", "0x", "0xfffffffffffffffff", "[[[[[[[[[[[[[[[[", "\u{feff}",
  ].map { Array($0.utf8) }

  mutating func line() -> [UInt8] {
    var bytes = lines[random.below(lines.count)]
    for _ in 0...random.below(4) where !bytes.isEmpty { mutate(&bytes) }
    return bytes
  }

  private mutating func mutate(_ bytes: inout [UInt8]) {
    let place = random.below(bytes.count)
    let length = min(bytes.count - place, 1 + random.below(1 << random.below(8)))
    switch random.below(7) {
    case 0: bytes[place] ^= 1 << UInt8(random.below(8))
    case 1: bytes[place] = UInt8(truncatingIfNeeded: random.next())
    case 2: bytes.removeSubrange(place..<place + length)
    case 3: bytes.insert(contentsOf: bytes[place..<place + length], at: random.below(bytes.count))
    case 4: bytes.removeSubrange(place...)
    case 5: bytes.insert(contentsOf: Self.words[random.below(Self.words.count)], at: place)
    default:
      let other = lines[random.below(lines.count)]
      bytes.replaceSubrange(place..., with: other[min(place, other.count)...])
    }
  }
}

/// Visits everything, so that a wrong index would be followed.
private func visit(_ value: JSONValue) -> Int {
  var visited = 1 + value.count & 1 + (value.int64 == nil ? 0 : 1) + (value.uint64 == nil ? 0 : 1)
  if let text = value.string { visited += text.bytes.reduce(0) { $0 ^ Int($1) } & 1 + (text.hex == nil ? 0 : 1) }
  value.forEachField { key, field in visited += key.bytes.count & 1 + visit(field) }
  value.forEachElement { visited += visit($0) }
  return visited
}

@Suite struct InputFuzzTests {
  /// `CUSTODY_FUZZ_CASES`, else as many as a desk has patience for.
  private static let cases =
    ProcessInfo.processInfo.environment["CUSTODY_FUZZ_CASES"].flatMap { Int($0) } ?? 20_000

  @Test func realLinesParse() throws {
    let parser = try JSONParser()
    for line in try fixtureLines() {
      try withPadding(line) { bytes in
        let value = try parser.parse(padded: bytes)
        #expect(value.kind == .object && visit(value) > 3)
        #expect(value["i"]?.uint64 != nil || value["i"] == nil)
      }
    }
  }

  @Test func mutatedLinesEnd() throws {
    let seed = InputRandom.seed(0x5EED)
    var mutator = Mutator(random: InputRandom(seed: seed), lines: try fixtureLines())
    let parser = try JSONParser()
    var refused = 0
    var accepted = 0
    let rounds = max(1, Self.cases / 500)
    for _ in 0..<rounds {
      var blob: [UInt8] = []
      for _ in 0..<500 { blob += mutator.line() + [0x0A] }
      let file = try InputScratchFile(blob)
      let reader = LineReader(try ByteSource(path: file.path), maximumLineBytes: 2_000)
      var isDone = false
      while !isDone {
        do throws(InputError) {
          guard let line = try reader.next() else {
            isDone = true
            continue
          }
          accepted += visit(try parser.parse(line)) > 0 ? 1 : 0
        } catch {
          refused += 1
          if !error.concernsContent || error.line == nil || error.offset == nil {
            Issue.record("seed \(seed): \(error)")
          }
        }
      }
      #expect(reader.consumedBytes == Int64(blob.count), "seed \(seed)")
    }
    #expect(accepted > 10 * rounds && refused > 200 * rounds, "seed \(seed): \(accepted) accepted, \(refused) refused")
  }

  @Test func mutatedGzipEnds() throws {
    let seed = InputRandom.seed(0x6219)
    let text = try fixtureLines().prefix(20).joined(separator: [0x0A])
    let members = [InputGzip.oneTwo, InputGzip.oneTwo + InputGzip.three, InputGzip.stored(Array(text))]
    var mutator = Mutator(random: InputRandom(seed: seed), lines: members)
    for _ in 0..<3_000 {
      let file = try InputScratchFile([0x1f, 0x8b] + mutator.line().dropFirst(2))
      let result = readLines(file)
      if let error = result.error { #expect(error.concernsContent, "seed \(seed): \(error)") }
    }
  }
}
