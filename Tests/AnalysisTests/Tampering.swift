// Why: one changed hex digit in a recorded word must be found: where such digits are, and what became of
// changing one. Not here: how many are tried (TamperTests).

import Analysis
import Capture
import PageOwnership
import TestSupport

/// A hex digit of a word that a recording holds, and another one in its place.
struct Tampering: CustomStringConvertible {
  /// Whether it is in the snapshots, not in the events.
  var isInSnapshots: Bool
  /// The line, from 0.
  var line: Int
  /// The place in the text.
  var place: Int
  var digit: UInt8
  var key: String

  var description: String {
    "\(isInSnapshots ? "snapshots" : "events") line \(line + 1), byte \(place), `\(key)`"
      + " → \(Character(UnicodeScalar(digit)))"
  }
}

/// What became of a changed digit.
enum TamperVerdict: Equatable {
  /// The line was refused, by number.
  case refused
  /// A line of the same call behind it was refused, by number.
  case refusedLater
  /// The replay differs, and names where.
  case differs
  /// Nothing noticed.
  case missed
  /// Something was found, but at the wrong place or without a name.
  case misnamed(String)
}

/// Finds places to tamper with.
struct TamperPlaces {
  private struct Word {
    var key: String
    /// The text between the quotes, `0x` left out.
    var digits: Range<Int>
  }
  private static let keys = ["old", "new", "pte", "raw", "state"]

  /// Draws a digit of a random word of a random line; nil if that line has none.
  static func draw(_ text: [UInt8], _ lines: [Range<Int>], inSnapshots: Bool, _ random: inout SeededRandom)
    -> Tampering?
  {
    let line = random.below(lines.count)
    let words = self.words(text[lines[line]])
    guard !words.isEmpty else { return nil }
    let word = random.pick(words)
    let places = word.digits.filter { isHex(text[$0]) }
    guard !places.isEmpty else { return nil }
    let place = random.pick(places)
    let isUpper = (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(text[place])
    let choices = Array((isUpper ? "0123456789ABCDEF" : "0123456789abcdef").utf8).filter { $0 != text[place] }
    return Tampering(
      isInSnapshots: inSnapshots, line: line, place: place, digit: random.pick(choices), key: word.key)
  }

  private static func isHex(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }

  // Words stand as `"key":"word"`.
  private static func words(_ line: ArraySlice<UInt8>) -> [Word] {
    var words: [Word] = []
    for key in keys {
      let start = Array("\"\(key)\":\"".utf8)
      var position = line.startIndex
      while position + start.count < line.endIndex {
        defer { position += 1 }
        guard line[position..<position + start.count].elementsEqual(start) else { continue }
        var first = position + start.count
        guard let end = line[first...].firstIndex(of: UInt8(ascii: "\"")) else { continue }
        if end - first > 2, line[first + 1] == UInt8(ascii: "x") { first += 2 }
        words.append(Word(key: key, digits: first..<end))
      }
    }
    return words
  }
}

extension LineStepper {
  /// Goes on with one digit changed; `self` must be at the line, or at the snapshot of the line.
  func verdict(of change: Tampering) throws -> (TamperVerdict, ReplayReport) {
    var fork = try self.fork()
    do {
      if change.isInSnapshots {
        try fork.step(snapshot: try tamperedSnapshot(change))
      } else {
        var text = Array(recording.text.events[recording.lines[change.line]])
        text[change.place - recording.lines[change.line].lowerBound] = change.digit
        try fork.step(line: text)
      }
      let report = try fork.finish()
      return (judge(report), report)
    } catch let error as InputError {
      guard let line = error.line, line > change.line else { return (.misnamed(error.description), ReplayReport()) }
      return (line == change.line + 1 ? .refused : .refusedLater, ReplayReport())
    }
  }

  private func tamperedSnapshot(_ change: Tampering) throws -> RecordedSnapshot {
    var text = recording.text.snapshots
    text[change.place] = change.digit
    return try SteppedRecording.snapshots(in: text, recording.whole.facts)[snapshot]
  }

  private func judge(_ report: ReplayReport) -> TamperVerdict {
    guard !report.agrees else { return .missed }
    guard let first = report.differences.first, first.seq.rawValue > 0, first.pages.count > 0 else {
      return .misnamed("no difference is named")
    }
    guard first.kind == .snapshot || first.transition != nil else { return .misnamed("no transition is named") }
    return .differs
  }
}
