// Why: an import that was stopped anywhere and went on gives the rows of one that was not.

import Capture
import PageOwnership
import TestSupport
import Testing

@Suite struct ResumeTests {
  @Test(arguments: Recordings.shipped.map(\.name))
  func resumedImportGivesTheSameRows(name: String) throws {
    let seed = SeededRandom.seed(6)
    var random = SeededRandom(seed: seed)
    let text = try RecordingText(try #require(Recordings.shipped.first { $0.name == name }))
    let whole = try Pipeline.importing(text)
    let count = RecordingText.lines(text.events).count
    for stop in [64, 64 * random.below(count / 64), count - 64] {
      let first = try Pipeline.importing(text, groupSize: 1 + random.below(3000), stopAfter: stop)
      #expect(!first.state.isComplete && first.rows.entries.count < whole.rows.entries.count)
      let second = try Pipeline.importing(text, stopAfter: stop + 64 * (1 + random.below(20)), resuming: first)
      expectEqual(try Pipeline.importing(text, resuming: second), whole, "\(name), seed \(seed), stopped at \(stop)")
    }
  }

  @Test func resumedImportOfADamagedRecordingGivesTheSameRows() throws {
    let seed = SeededRandom.seed(7)
    var random = SeededRandom(seed: seed)
    var text = try RecordingText(Recordings.shipped[0])
    let lines = RecordingText.lines(text.events)
    for _ in 0..<12 {
      let line = lines[random.below(lines.count)]
      text.events[line.lowerBound + random.below(line.count)] = UInt8(ascii: "#")
    }
    let snapshots = RecordingText.lines(text.snapshots)
    for _ in 0..<2 { text.snapshots[snapshots[random.below(snapshots.count)].lowerBound] = UInt8(ascii: "#") }
    let whole = try Pipeline.importing(text, skipsBadLines: true)
    #expect(whole.error == nil && whole.rows.gaps.count >= 13)
    for stop in [640, 64 * random.below(lines.count / 64), lines.count - 64] {
      let first = try Pipeline.importing(text, skipsBadLines: true, stopAfter: stop)
      let both = try Pipeline.importing(text, skipsBadLines: true, resuming: first)
      expectEqual(both, whole, "seed \(seed), stopped at \(stop)")
    }
  }

  private func expectEqual(_ left: Imported, _ right: Imported, _ place: String) {
    let a = left.rows
    let b = right.rows
    #expect(left.state == right.state, "\(place)")
    #expect(a.entries == b.entries, "\(place)")
    #expect(a.changes == b.changes, "\(place)")
    #expect(a.observations == b.observations, "\(place)")
    #expect(a.transitions == b.transitions, "\(place)")
    #expect(a.transitionEnds == b.transitionEnds, "\(place)")
    #expect(a.activations == b.activations, "\(place)")
    #expect(a.activationEnds == b.activationEnds, "\(place)")
    #expect(a.sites.elementsEqual(b.sites) { $0 == $1 }, "\(place)")
    #expect(a.spaces.elementsEqual(b.spaces) { $0 == $1 }, "\(place)")
    #expect(a.spaceEnds.elementsEqual(b.spaceEnds) { $0 == $1 }, "\(place)")
    #expect(a.snapshots == b.snapshots, "\(place)")
    #expect(a.snapshotRanges == b.snapshotRanges, "\(place)")
    #expect(a.leaves.elementsEqual(b.leaves) { $0 == $1 }, "\(place)")
    #expect(a.gaps == b.gaps, "\(place)")
  }
}
