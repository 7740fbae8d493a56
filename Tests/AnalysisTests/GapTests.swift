// Why: what was not seen is not invented: after missing lines a page is unknown or what it really was, and
// a snapshot makes it known again. Whole lines are removed here; lines that are damaged: RecordingFuzzTests.

import Analysis
import Capture
import Foundation
import PageOwnership
import PageTables
import TestSupport
import Testing

@Suite struct GapTests {
  private static let recordings =
    ProcessInfo.processInfo.environment["CUSTODY_GAP_RECORDINGS"] == "all" ? Recordings.all : Recordings.shipped
  private static let names = recordings.map(\.name)

  @Test(arguments: names, 0..<4)
  func nothingIsInventedAfterMissingLines(name: String, round: Int) throws {
    let seed = SeededRandom.seed(1000) &+ UInt64(round)
    var random = SeededRandom(seed: seed)
    let text = try RecordingText(try #require(Self.recordings.first { $0.name == name }))
    let lines = RecordingText.lines(text.events)
    let removed = Self.draw(lines.count, &random)
    var gapped = text
    gapped.events = Self.without(removed, text.events, lines)

    let imported = try Pipeline.importing(gapped)
    #expect(imported.error == nil)
    let missing = removed.reduce(0) { $0 + $1.count }
    #expect(imported.rows.gaps.compactMap(\.missing).reduce(0, +) == Int64(missing), "\(name), seed \(seed)")
    #expect(imported.count(EntryKind.lost) == imported.rows.gaps.count)
    #expect(imported.rows.gaps.count >= removed.count)

    let points = Self.points(lines.count, removed, &random)
    let truth = try Self.states(try Pipeline.importing(text), at: points)
    let guess = try Self.states(imported, at: points)
    for point in points {
      guard let true_ = truth[point], let guessed = guess[point] else { continue }
      let wrong = guessed.certainties(against: true_)
      #expect(wrong == [], "\(name), seed \(seed), \(removed), at line \(point)")
    }
    #expect(try Pipeline.report(imported).agrees, "\(name), seed \(seed), \(removed)")
  }

  @Test(arguments: names)
  func snapshotMakesEverythingKnownAgain(name: String) throws {
    let text = try RecordingText(try #require(Self.recordings.first { $0.name == name }))
    let lines = RecordingText.lines(text.events)
    var gapped = text
    let last = try #require(SteppedRecording(text).snapshots.last).afterEvent
    let start = Int(last) - 200
    gapped.events = Self.without([start..<start + 20], text.events, lines)
    let imported = try Pipeline.importing(gapped)
    var unknownAfterGap = false
    let gap = try #require(imported.rows.gaps.first).seq
    var replay = try Pipeline.replaying(imported) { replay in
      if replay.lastSeq == gap { unknownAfterGap = replay.image.knownPages == 0 }
    }
    #expect(unknownAfterGap)
    #expect(replay.image.knownPages == 0x40000)
    replay.finish()
    #expect(replay.report.pagesUnknown > 0)
  }

  // Runs of up to 400 lines, apart from each other.
  private static func draw(_ count: Int, _ random: inout SeededRandom) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    for _ in 0..<3 {
      let start = random.below(count - 500)
      let run = start..<start + 1 + random.below(random.pick([2, 20, 400]))
      if !runs.contains(where: { $0.lowerBound <= run.upperBound && run.lowerBound <= $0.upperBound }) {
        runs.append(run)
      }
    }
    return runs.sorted { $0.lowerBound < $1.lowerBound }
  }

  private static func without(_ removed: [Range<Int>], _ text: [UInt8], _ lines: [Range<Int>]) -> [UInt8] {
    var left: [UInt8] = []
    for (index, line) in lines.enumerated() where !removed.contains(where: { $0.contains(index) }) {
      left += text[line] + [0x0A]
    }
    return left
  }

  private static func points(_ count: Int, _ removed: [Range<Int>], _ random: inout SeededRandom) -> [Int64] {
    var points: Set<Int> = []
    for run in removed {
      for distance in [0, 1, 5, 40, 300] { points.insert(run.upperBound + distance + random.below(distance + 1)) }
    }
    for _ in 0..<8 { points.insert(random.below(count)) }
    return points.filter { point in point < count && !removed.contains { $0.contains(point) } }.map { Int64($0) }
      .sorted()
  }

  private static func states(_ imported: Imported, at points: [Int64]) throws -> [Int64: MomentaryState] {
    var lineOfEntry: [SequenceNumber: Int64] = [:]
    let wanted = Set(points)
    for entry in imported.rows.entries {
      if let line = entry.sourceIndex, wanted.contains(line) { lineOfEntry[entry.seq] = line }
    }
    var handles: [SpaceID: VMHandle] = [:]
    for (space, _) in imported.rows.spaces { handles[space.id] = space.handle }
    var states: [Int64: MomentaryState] = [:]
    _ = try Pipeline.replaying(imported) { replay in
      guard let line = lineOfEntry[replay.lastSeq] else { return }
      states[line] = MomentaryState(ownership: replay.image.ownership, handles: handles)
    }
    return states
  }
}

/// What a replay says at one line.
private struct MomentaryState {
  var ownership: OwnershipState
  var handles: [SpaceID: VMHandle]

  private static let everything = PageRange(first: PageFrame(0), count: 1 << 52)

  /// What is said here and is not so in truth; unknown on either side says nothing.
  func certainties(against truth: MomentaryState) -> [String] {
    var wrong = compare(.host, truth, .host) + compare(.hyp, truth, .hyp) + compareCounters(truth.ownership)
    for space in ownership.spaces where space.isGuest {
      guard let handle = handles[space],
        let other = truth.ownership.spaces.last(where: { truth.handles[$0] == handle })
      else { continue }
      wrong += compare(space, truth, other)
    }
    return Array(wrong.prefix(5))
  }

  private func compare(_ space: SpaceID, _ truth: MomentaryState, _ other: SpaceID) -> [String] {
    var wrong: [String] = []
    ownership.forEachRun(space, in: Self.everything) { run, holding in
      if holding == .unknown { return }
      truth.ownership.forEachRun(other, in: run) { part, really in
        let said = ownership.holding(space, part.first)
        let isState = said.state == .unknown || really.state == .unknown || said.state == really.state
        let isOwner =
          said.annotation == .unknown || really.annotation == .unknown || said.annotation == really.annotation
        if !isState || !isOwner { wrong.append("space \(space.rawValue), \(part): \(said), in truth \(really)") }
      }
    }
    return wrong
  }

  private func compareCounters(_ truth: OwnershipState) -> [String] {
    var wrong: [String] = []
    ownership.forEachPinRun(in: Self.everything) { run, pins in
      guard let pins else { return }
      truth.forEachPinRun(in: run) { part, really in
        if let really, really != pins { wrong.append("\(part): \(pins) pins, in truth \(really)") }
      }
    }
    ownership.forEachShareCountRun(in: Self.everything) { run, count in
      guard let count else { return }
      truth.forEachShareCountRun(in: run) { part, really in
        if let really, really != count { wrong.append("\(part): lent to \(count), in truth to \(really)") }
      }
    }
    return wrong
  }
}

extension MachineImage {
  /// How many pages of the recordings' memory the host is known to hold or not.
  fileprivate var knownPages: UInt64 {
    var known: UInt64 = 0
    ownership.forEachRun(.host, in: PageRange(first: PageFrame(0x40000), count: 0x40000)) { run, holding in
      if holding.state != .unknown { known += run.count }
    }
    return known
  }
}
