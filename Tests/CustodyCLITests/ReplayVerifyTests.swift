// Why: the counts that the recordings are known to have, and that replay and verify say so by their status
// when something is wrong.

import Foundation
import TestSupport
import Testing

/// What an import of a recording must give.
struct KnownRecording: Sendable, CustomTestStringConvertible {
  var name: String
  var transitions: Int
  var refused: Int?
  var checks: Int?
  var applies: Int?
  var stores: Int?
  var guests: Int?
  var snapshots: Int?
  var open: Int?

  var testDescription: String { name }

  static let all = [
    KnownRecording(
      name: "k73-scenarios", transitions: 6604, refused: 10, checks: 9339, applies: 6600, stores: 0, snapshots: 64),
    KnownRecording(name: "k73-volume", transitions: 21942, checks: 62256, applies: 46506, guests: 108),
    KnownRecording(name: "k73-stores", transitions: 4274, refused: 3, stores: 4486),
    KnownRecording(name: "k73-nvhe", transitions: 4707, refused: 6, guests: 2, snapshots: 6, open: 0),
    KnownRecording(name: "k612-scenarios", transitions: 4425, checks: 3588, applies: 2018, snapshots: 36),
    KnownRecording(name: "k61-scenarios", transitions: 6730, checks: 2938, applies: 1872),
    KnownRecording(name: "cut-k73-donate_hyp", transitions: 4329, checks: 2516, applies: 1323, snapshots: 5, open: 1),
    KnownRecording(name: "cut-k612-do_donate", transitions: 3694, snapshots: 5, open: 1),
    KnownRecording(
      name: "cut-k73-torn-donate_hyp", transitions: 4214, checks: 2271, applies: 1193, snapshots: 4, open: 1),
    KnownRecording(name: "k73-panic-young", transitions: 3936, checks: 1670, applies: 848, snapshots: 5),
  ]

  /// Those whose files are here.
  static var present: [KnownRecording] { all.filter { known in Recordings.all.contains { $0.name == known.name } } }
}

@Suite struct ReplayVerifyTests {
  @Test(arguments: KnownRecording.present) func recordingsHaveTheirCounts(_ known: KnownRecording) throws {
    let files = try #require(Recordings.all.first { $0.name == known.name })
    let sandbox = try Sandbox()
    let ran = try sandbox.custody("import", "-q", files.events, "--snapshots", files.snapshots)
    #expect(ran.status == 0 && ran.errors.isEmpty, "\(ran)")
    let questions: [(String, Int?)] = [
      ("FROM \"transition\"", known.transitions), ("FROM \"transition\" WHERE outcome='refused'", known.refused),
      ("FROM entry WHERE kind='check'", known.checks), ("FROM entry WHERE kind='apply'", known.applies),
      ("FROM entry WHERE kind='store'", known.stores), ("FROM space WHERE kind='guest'", known.guests),
      ("FROM snapshot WHERE origin='observed'", known.snapshots),
      ("FROM \"transition\" WHERE outcome='open'", known.open),
    ]
    for (question, expected) in questions {
      guard let expected else { continue }
      let answer = try sandbox.custody("sql", "--format", "csv", "SELECT count(*) \(question)")
      #expect(answer.output == "\(expected)\n", "\(question)")
    }
    if known.name == "k73-panic-young" {
      let last = "SELECT count(*) FROM \"transition\" WHERE outcome IN ('fatal','open')"
      #expect(try sandbox.custody("sql", "--format", "csv", last).output == "1\n")
    }
    let replay = try sandbox.custody("replay", "--format", "json")
    let report = try #require(try json(replay.output) as? [String: Any])
    #expect(replay.status == 0)
    #expect(report["pages_differing"] as? Int == 0 && report["states_differing"] as? Int == 0)
    let verify = try sandbox.custody("verify")
    #expect(verify.status == 0 && verify.output.hasSuffix("sound\n"), "\(verify)")
  }

  @Test func replayStopsWhereItIsTold() throws {
    let sandbox = try ShippedJournal.sandbox.get()
    let report = try #require(
      try json(try sandbox.custody("replay", "--to", "10000", "--format", "json").output) as? [String: Any])
    #expect(report["seq"] as? Int == 10000 && report["entries"] as? Int == 10000)
    #expect(try sandbox.custody("replay", "--to", "0").status == 0)
    let beyond = try sandbox.custody("replay", "--to", "18672")
    #expect(beyond.status == 2 && beyond.errors.contains("the journal ends at entry 18671"))
    #expect(try sandbox.custody("replay", "--to", "-1").status == 2)
    #expect(try sandbox.custody("replay", "--to", "99999999999999999999").status == 2)
  }

  @Test func aDifferenceIsNamedAndIsStatusOne() throws {
    let sandbox = try Sandbox()
    var recording = RecordingText.small
    // Where the first snapshot after the first guest's end shows a page, another one is put.
    let place = try #require(recording.snapshots.range(of: "\"table\":\"host_s2\",\"start\":\"0x", options: .backwards))
    recording.snapshots.replaceSubrange(place, with: "\"table\":\"host_s2\",\"start\":\"0x1")
    try recording.write(to: sandbox)
    let imported = try sandbox.custody(Reference.arguments)
    let replay = try sandbox.custody("replay")
    #expect(imported.status == 3 || imported.status == 0 && replay.status == 1, "\(imported) \(replay)")
    if imported.status == 0 { #expect(replay.output.contains("first difference: ")) }
  }

  @Test func snapshotsOfAnotherRecordingDiffer() throws {
    let sandbox = try Sandbox()
    try RecordingText.small.write(to: sandbox)
    // They claim to belong to moments that this recording has.
    let other = Recordings.shipped[2].snapshots
    let retimed = try sandbox.shell("gzip -dc '\(other)' | sed -E 's/\"after_event\":[0-9]+/\"after_event\":2000/' > x")
    #expect(retimed.status == 0)
    let imported = try sandbox.custody("import", "-q", "r.events.jsonl", "--snapshots", "x")
    #expect(imported.status == 0, "\(imported)")
    let replay = try sandbox.custody("replay")
    #expect(replay.status == 1 && replay.output.contains("first difference: "), "\(replay)")
    #expect(try sandbox.custody("verify").status == 0)
  }

  @Test func verifyNamesDamage() throws {
    let sandbox = try Sandbox()
    try RecordingText.small.write(to: sandbox)
    #expect(try sandbox.custody(Reference.arguments).status == 0)
    let path = sandbox.file("custody.db")
    let whole = try Data(contentsOf: URL(filePath: path))
    try sandbox.write("cut.db", whole.prefix(whole.count / 2))
    let cut = try sandbox.custody("verify", "-j", "cut.db")
    #expect(cut.status == 3 && !(cut.output + cut.errors).isEmpty, "\(cut)")
    var flipped = whole
    flipped.replaceSubrange((whole.count / 2)..<(whole.count / 2 + 4096), with: Data(repeating: 0x5a, count: 4096))
    try sandbox.write("flipped.db", flipped)
    let damaged = try sandbox.custody("verify", "-j", "flipped.db")
    #expect(damaged.status == 3 && (damaged.output + damaged.errors).contains("flipped.db"), "\(damaged)")
  }
}
