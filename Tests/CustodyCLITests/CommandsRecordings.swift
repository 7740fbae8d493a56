// Why: tests need recordings that are small enough for many imports and real enough for every kind of
// line: the end of a shipped one, renumbered, gives both.

import Foundation
import Journal
import TestSupport
import Testing

/// A recording as text.
struct RecordingText {
  var events: [String]
  var snapshots: String
  var summary: String

  /// The recording k73-nvhe from the moment on at which the first guest is about to come: every operation, two
  /// guests on one handle, five snapshots, four refusals. Its first line stands between two transitions.
  static let small = part(of: Recordings.shipped[0], from: 15_598)

  /// The text of the events.
  var text: String { events.joined(separator: "\n") + "\n" }

  /// Writes it as `NAME.events.jsonl` with its siblings.
  func write(to sandbox: Sandbox, as name: String = "r") throws {
    try sandbox.write("\(name).events.jsonl", text)
    try sandbox.write("\(name).snapshots.jsonl", snapshots)
    try sandbox.write("\(name).summary.json", summary)
  }

  private static func part(of recording: RecordingFiles, from first: Int) -> RecordingText {
    let events = lines(recording.events).dropFirst(first).enumerated().map { index, line in
      "{\"i\":\(index)" + line.drop { $0 != "," }
    }
    var isKept = false
    var snapshots = ""
    for line in lines(recording.snapshots) {
      var line = line
      if let place = line.firstRange(of: /"after_event":[0-9]+/), let after = Int(line[place].dropFirst(14)) {
        isKept = after >= first - 1
        line.replaceSubrange(place, with: "\"after_event\":\(after - first)")
      }
      if isKept { snapshots += line + "\n" }
    }
    let summary = (try? String(contentsOfFile: recording.summary, encoding: .utf8)) ?? ""
    return RecordingText(events: events, snapshots: snapshots, summary: summary)
  }

  private static func lines(_ path: String) -> [String] {
    guard let sandbox = try? Sandbox(), let ran = try? sandbox.shell("gzip -dc '\(path)'") else { return [] }
    return ran.output.split(separator: "\n").map(String.init)
  }
}

/// What an uninterrupted import of the small recording makes.
struct Reference {
  /// Every row of every table.
  let dump: String
  /// The entries after which a commit may fall, by the size of a group.
  let boundaries: @Sendable (Int) -> Set<Int64>

  /// The import with snapshots.
  static let shared = Result { try Reference() }

  private init() throws {
    let sandbox = try Sandbox()
    try RecordingText.small.write(to: sandbox)
    let ran = try sandbox.custody(Self.arguments)
    #expect(ran.status == 0, "\(ran.errors)")
    dump = try Self.dump(sandbox.file("custody.db"))
    // An entry without a line of its own was made with the line that follows it.
    var isLastOfLine: [Bool] = []
    try JournalReader(at: sandbox.file("custody.db")).query("SELECT source_index FROM entry ORDER BY seq") { row in
      isLastOfLine.append(row[0] != .null)
      return true
    }
    let ends = isLastOfLine
    boundaries = { Self.boundaries(ends, $0) }
  }

  /// The command line that imports the small recording with its snapshots.
  static let arguments = ["import", "-q", "r.events.jsonl", "--snapshots", "r.snapshots.jsonl"]

  private static func boundaries(_ isLastOfLine: [Bool], _ groupSize: Int) -> Set<Int64> {
    var found: Set<Int64> = [0, Int64(isLastOfLine.count)]
    var count = 0
    for (index, isLast) in isLastOfLine.enumerated() {
      count += 1
      if isLast, count >= groupSize {
        found.insert(Int64(index + 1))
        count = 0
      }
    }
    return found
  }

  /// Every row of every table, some excepted, and the schema.
  static func dump(_ path: String, except: Set<String> = []) throws -> String {
    let reader = try JournalReader(at: path)
    var tables: [String] = []
    var text = ""
    try reader.query("SELECT type, name, sql FROM sqlite_schema ORDER BY name") { row in
      if row[0] == .text("table"), case .text(let name) = row[1], !name.hasPrefix("sqlite_") { tables.append(name) }
      text += "\(row[2])\n"
      return true
    }
    // The tail of the seals covers the state of the import, in which the recording is named.
    for table in tables where table != "seal_tail" && !except.contains(table) {
      text += table + "\n"
      try reader.query("SELECT * FROM \"\(table)\" ORDER BY 1, 2") { row in
        for cell in row { text += Self.word(cell) }
        text += "\n"
        return true
      }
    }
    return text
  }

  private static func word(_ cell: SQLCell) -> String {
    switch cell {
    case .null: "|"
    case .integer(let number): "\(number)|"
    case .real(let number): "\(number)|"
    case .text(let text): "'\(text)'|"
    case .blob(let bytes): "\(bytes)|"
    }
  }

  /// Where two dumps begin to differ, for a message.
  static func firstDifference(_ left: String, _ right: String) -> String {
    for (one, other) in zip(left.split(separator: "\n"), right.split(separator: "\n")) where one != other {
      return "\(one.prefix(300)) / \(other.prefix(300))"
    }
    return "one goes on: \(left.utf8.count) and \(right.utf8.count) bytes"
  }
}

/// Expects two dumps to be equal, and tells where they differ.
func expectEqual(_ dump: String, _ expected: String, _ why: String = "", _ place: SourceLocation = #_sourceLocation) {
  // The texts themselves are too long for a message.
  if dump != expected {
    Issue.record("\(why) \(Reference.firstDifference(dump, expected))", sourceLocation: place)
  }
}
