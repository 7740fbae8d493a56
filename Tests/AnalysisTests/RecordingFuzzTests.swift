// Why: whatever a recording holds, importing it ends with entries or with a typed error, and what it wrote
// replays. Real lines are the start: random bytes would not get past the JSON parser.

import Analysis
import Capture
import Foundation
import PageOwnership
import TestSupport
import Testing

/// Damages lines the way that cut copies, other recorders and enemies do.
private struct LineMutator {
  var random: SeededRandom
  let lines: [[UInt8]]

  private static let words = [
    "null", "-1", "0", "1", "9223372036854775807", "9223372036854775808", "18446744073709551615",
    "18446744073709551616", "-9223372036854775808", "1e400", "NaN", "0.5", "\"\"", "[]", "{}", "true",
    "\"0xffffffffffffffff\"", "\"0x8000000000000000\"", "\"0x0\"", "\"0x1ffffffffffffffff\"", "\"OWNED\"",
    "\"UNKNOWN\"",
    "\"\\u0000\"", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
  ].map { Array($0.utf8) }

  /// A line of the window, damaged or not.
  mutating func line(_ index: Int) -> [UInt8] {
    var bytes = lines[index]
    guard random.below(3) > 0, !bytes.isEmpty else { return bytes }
    for _ in 0...random.below(3) where !bytes.isEmpty { mutate(&bytes) }
    return bytes.filter { $0 != 0x0A }
  }

  private mutating func mutate(_ bytes: inout [UInt8]) {
    let place = random.below(bytes.count)
    switch random.below(8) {
    case 0: bytes[place] ^= 1 << UInt8(random.below(8))
    case 1: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(40)))
    case 2: bytes.removeSubrange(place...)
    case 3:
      let other = lines[random.below(lines.count)]
      bytes.replaceSubrange(place..., with: other[min(place, other.count)...])
    case 4, 5: replaceValue(&bytes, from: place, with: random.pick(Self.words))
    default: replaceDigit(&bytes, from: place)
    }
  }

  // The value behind the next colon, up to the next comma or bracket.
  private func replaceValue(_ bytes: inout [UInt8], from place: Int, with word: [UInt8]) {
    guard let colon = bytes[place...].firstIndex(of: UInt8(ascii: ":")) else { return }
    let end = bytes[(colon + 1)...].firstIndex { ",}]".utf8.contains($0) } ?? bytes.count
    bytes.replaceSubrange(colon + 1..<end, with: word)
  }

  private mutating func replaceDigit(_ bytes: inout [UInt8], from place: Int) {
    let digits = Array("0123456789abcdef".utf8)
    guard let digit = bytes[place...].firstIndex(where: digits.contains) else { return }
    bytes[digit] = random.pick(digits)
  }
}

@Suite struct RecordingFuzzTests {
  private static let cases =
    ProcessInfo.processInfo.environment["CUSTODY_FUZZ_CASES"].flatMap { Int($0) } ?? 12_000
  private static let window = 300

  @Test(arguments: Recordings.shipped.map(\.name))
  func damagedRecordingsEndInOrder(name: String) throws {
    let seed = SeededRandom.seed(20_261_127)
    let files = try #require(Recordings.shipped.first { $0.name == name })
    let text = try RecordingText(files)
    let places = RecordingText.lines(text.events)
    var mutator = LineMutator(random: SeededRandom(seed: seed), lines: places.map { Array(text.events[$0]) })
    var tried = 0
    while tried < Self.cases / Recordings.shipped.count {
      let start = mutator.random.below(max(1, places.count - Self.window))
      var damaged = text
      damaged.snapshots = []
      damaged.events = []
      for index in start..<min(places.count, start + Self.window) {
        damaged.events += mutator.line(index) + [0x0A]
        if mutator.random.below(40) == 0 { damaged.events += mutator.line(mutator.random.below(places.count)) + [0x0A] }
        tried += 1
      }
      try judge(damaged, skips: mutator.random.below(8) > 0, "\(name), seed \(seed), after \(tried) lines")
    }
  }

  private func judge(_ text: RecordingText, skips: Bool, _ place: String) throws {
    let imported = try Pipeline.importing(text, skipsBadLines: skips)
    #expect(skips ? imported.error == nil : true, "\(place): \(String(describing: imported.error))")
    let numbers = imported.rows.entries.map(\.seq.rawValue)
    #expect(numbers == Array(1...Int64(max(1, numbers.count))).prefix(numbers.count).map { $0 }, "\(place)")
    let report = try Pipeline.report(imported)
    #expect(report.entries == Int64(numbers.count), "\(place)")
  }
}
