// Why: the entry at which two journals part is known where one of them is the import of an altered recording, and
// a comparison of all entries from the first on is the judge.

import Foundation
import Journal
import PageOwnership
import TestSupport
import Testing

@testable import CustodyCLI

@Suite struct BisectAgainstCommandTests {
  private let sandbox: Sandbox
  private let other: Sandbox

  init() throws {
    sandbox = try #require(try ImportedJournals.journal("k73-nvhe"))
    other = try Sandbox()
  }

  /// Imports the recording as a filter leaves it.
  private func importAltered(_ filter: String) throws {
    let files = try #require(Recordings.all.first { $0.name == "k73-nvhe" })
    let name = "k73-nvhe.events.jsonl.gz"
    let altered = try other.shell(
      "cp '\(files.summary)' . && gzip -dc '\(files.events)' | \(filter) | gzip -1 > \(name)")
    #expect(altered.status == 0, "\(altered)")
    let ran = try other.custody("import", "-q", name, "--snapshots", files.snapshots)
    #expect(ran.status == 0, "\(ran)")
  }

  private func frames(_ sandbox: Sandbox) throws -> [String] {
    let reader = try JournalReader(at: sandbox.file("custody.db"))
    var frames: [String] = []
    try reader.forEachEntry(from: SequenceNumber(1), through: reader.headSeq()) { frame in
      frames.append("\(frame.entry) \(frame.changes) \(frame.observations)")
      return true
    }
    return frames
  }

  private func firstParting() throws -> Int64 {
    let (mine, theirs) = (try frames(sandbox), try frames(other))
    let same = zip(mine, theirs).prefix { $0 == $1 }.count
    return Int64(same + 1)
  }

  private func parting() throws -> HistoryParting {
    let reader = try JournalReader(at: sandbox.file("custody.db"))
    let found = try reader.parting(from: JournalReader(at: other.file("custody.db")))
    let count = Double(try reader.headSeq().rawValue)
    #expect(found.probes <= Int((count / 1024).logarithm.rounded(.up)) + 2, "\(found)")
    return found
  }

  @Test(arguments: [2047, 10421])
  func aChangedDescriptorIsNamed(_ line: Int) throws {
    // The first one at or behind the line: the access flag of a new leaf.
    let change = #"s/7ff(","at":[^}]*)af=1/3ff${1}af=0/"#
    try importAltered("perl -pe 'if ($. >= \(line) && !$done) { $done = \(change) }'")
    let expected = try firstParting()
    let found = try parting()
    #expect(found.first?.rawValue == expected && found.common?.rawValue == expected - 1, "\(found)")
    let ran = try sandbox.custody("bisect", "against", other.file("custody.db"), "--format", "jsonl")
    #expect(ran.status == ExitStatus.differences)
    let rows = try ran.lines.map { try #require(try json($0) as? [String: Any]) }
    #expect(rows.count >= 2 && rows.allSatisfy { $0["seq"] as? Int64 == expected }, "\(ran)")
    let words = rows.compactMap { $0["new"] as? String }
    #expect(Set(words).count >= 2 && rows.allSatisfy { $0["operation"] as? String != nil }, "\(ran)")
    let text = try sandbox.custody("bisect", "against", other.file("custody.db"))
    #expect(text.output.contains("part at entry \(expected) ("), "\(text)")
  }

  @Test func aDroppedApplyIsNamed() throws {
    try importAltered("awk 'NR >= 12000 && !done && /\"phase\":\"apply\"/ { done = 1; next } 1'")
    let expected = try firstParting()
    let found = try parting()
    #expect(found.first?.rawValue == expected, "\(found), \(expected)")
  }

  @Test func theEndOfTheShorterOneIsNamed() throws {
    try importAltered("head -n 5000")
    let end = try JournalReader(at: other.file("custody.db")).headSeq().rawValue
    let found = try parting()
    let expected = try firstParting()
    #expect(found.first?.rawValue == expected && expected <= end + 1, "\(found)")
  }

  @Test func aCopyIsTheSame() throws {
    try FileManager.default.copyItem(atPath: sandbox.file("custody.db"), toPath: other.file("custody.db"))
    let found = try parting()
    let end = try JournalReader(at: other.file("custody.db")).headSeq()
    #expect(found.first == nil && found.common == end)
    let ran = try sandbox.custody("bisect", "against", other.file("custody.db"))
    #expect(ran.status == 0 && ran.output.hasPrefix("the histories are the same"), "\(ran)")
    #expect(try sandbox.custody("bisect", "against", "none.db").status == ExitStatus.cannotOpen)
  }

  @Test func anotherMachinePartsBeforeItsFirstEntry() throws {
    guard let stranger = try ImportedJournals.journal("cut-k612-do_donate") else { return }
    let reader = try JournalReader(at: sandbox.file("custody.db"))
    let found = try reader.parting(from: JournalReader(at: stranger.file("custody.db")))
    #expect(found.common == nil && found.first?.rawValue == 0 && found.probes == 1)
    #expect(try sandbox.custody("bisect", "against", stranger.file("custody.db")).status == ExitStatus.differences)
  }
}

extension Double {
  fileprivate var logarithm: Double { log2(self) }
}
