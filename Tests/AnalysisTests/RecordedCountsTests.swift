// Why: the recordings at hand, imported and replayed whole: the numbers that are known of each, and not
// one difference from anything that was observed.

import Analysis
import Capture
import PageOwnership
import TestSupport
import Testing

/// What is known of a recording.
private struct Expected {
  var transitions: Int
  var refused: Int
  var isOpen = 0
  var isFatal = 0
  var checks: Int
  var applies: Int
  var stores = 0
  var torn = 0
  var snapshots: Int
  var guests: Int
}

@Suite struct RecordedCountsTests {
  private static let expected: [String: Expected] = [
    "k73-scenarios": Expected(
      transitions: 6604, refused: 10, checks: 9339, applies: 6600, snapshots: 64, guests: 25),
    "k73-volume": Expected(
      transitions: 21942, refused: 0, checks: 62256, applies: 46506, snapshots: 17, guests: 108),
    "k73-nvhe": Expected(transitions: 4707, refused: 6, checks: 3319, applies: 1783, snapshots: 6, guests: 2),
    "k73-stores": Expected(
      transitions: 4274, refused: 3, checks: 2429, applies: 1329, stores: 4486, snapshots: 6, guests: 2),
    "k61-scenarios": Expected(transitions: 6730, refused: 0, checks: 2938, applies: 1872, snapshots: 39, guests: 0),
    "k612-scenarios": Expected(transitions: 4425, refused: 0, checks: 3588, applies: 2018, snapshots: 36, guests: 14),
    "cut-k73-donate_hyp": Expected(
      transitions: 4329, refused: 0, isOpen: 1, checks: 2516, applies: 1323, snapshots: 5, guests: 1),
    "cut-k612-do_donate": Expected(
      transitions: 3694, refused: 0, isOpen: 1, checks: 2188, applies: 1109, snapshots: 5, guests: 2),
    "cut-k73-torn-donate_hyp": Expected(
      transitions: 4214, refused: 0, isOpen: 1, checks: 2271, applies: 1193, stores: 3957, torn: 1, snapshots: 4,
      guests: 1),
    "k73-panic-young": Expected(
      transitions: 3936, refused: 0, isFatal: 1, checks: 1670, applies: 848, snapshots: 5, guests: 1),
  ]

  @Test(arguments: Recordings.all.map(\.name))
  func recordingHasItsNumbersAndNoDifference(name: String) throws {
    let files = try #require(Recordings.all.first { $0.name == name })
    let imported = try Pipeline.importing(RecordingText(files))
    #expect(imported.error == nil)
    if let expected = Self.expected[name] { check(imported, expected) }
    let report = try Pipeline.report(imported)
    #expect(report.pagesDiffering == 0 && report.statesDiffering == 0 && report.changesDiffering == 0)
    #expect(report.differences == [])
    #expect(report.snapshotsCompared == Int64(imported.rows.snapshots.count))
    #expect(report.statesCompared > 1000 && report.pagesCompared > 100_000)
  }

  private func check(_ imported: Imported, _ expected: Expected) {
    #expect(imported.rows.transitions.count == expected.transitions)
    #expect(imported.count(TransitionOutcome.refused) == expected.refused)
    #expect(imported.count(TransitionOutcome.open) == expected.isOpen)
    #expect(imported.count(TransitionOutcome.fatal) == expected.isFatal)
    #expect(imported.count(EntryKind.check) == expected.checks)
    #expect(imported.count(EntryKind.apply) == expected.applies)
    #expect(imported.count(EntryKind.store) == expected.stores)
    #expect(imported.count(EntryKind.torn) == expected.torn)
    #expect(imported.rows.snapshots.count == expected.snapshots)
    #expect(imported.rows.spaces.count == expected.guests)
    #expect(imported.rows.gaps.isEmpty)
  }
}
