// Why: a journal is evidence only if a changed word is noticed. `CUSTODY_TAMPER_CASES` and
// `CUSTODY_TAMPER_RECORDINGS=all` make the campaign as large as one likes.

import Analysis
import Foundation
import TestSupport
import Testing

@Suite struct TamperTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let cases = environment["CUSTODY_TAMPER_CASES"].flatMap { Int($0) } ?? 200
  private static let recordings =
    environment["CUSTODY_TAMPER_RECORDINGS"] == "all" ? Recordings.all : Recordings.shipped

  @Test(arguments: TamperTests.recordings.map(\.name))
  func changedDigitIsFound(name: String) throws {
    let seed = SeededRandom.seed(20_221_028)
    var random = SeededRandom(seed: seed)
    let files = try #require(Self.recordings.first { $0.name == name })
    let recording = try SteppedRecording(RecordingText(files))
    let share = Self.cases / Self.recordings.count + 1
    var stepper = try LineStepper(recording)
    var tally: [String: Int] = [:]
    for change in try draw(share, recording, &random) {
      try advance(&stepper, to: change)
      let (verdict, _) = try stepper.verdict(of: change)
      tally["\(verdict)", default: 0] += 1
      #expect(
        [.refused, .refusedLater, .differs].contains(verdict), "\(name), seed \(seed): \(change) was \(verdict)")
    }
    if Self.cases > 200 { print("\(name): \(tally.sorted { $0.key < $1.key })") }
  }

  // In the order in which the import meets them.
  private func draw(_ count: Int, _ recording: SteppedRecording, _ random: inout SeededRandom) throws -> [Tampering] {
    var changes: [(moment: Int64, isEvent: Int, Tampering)] = []
    while changes.count < count {
      let inSnapshots = random.below(4) == 0
      let text = inSnapshots ? recording.text.snapshots : recording.text.events
      let lines = inSnapshots ? recording.snapshotLines : recording.lines
      guard let change = TamperPlaces.draw(text, lines, inSnapshots: inSnapshots, &random) else { continue }
      let moment = inSnapshots ? recording.moment(ofSnapshotLine: change.line) : Int64(change.line)
      changes.append((moment, inSnapshots ? 0 : 1, change))
    }
    return changes.sorted { ($0.moment, $0.isEvent, $0.2.place) < ($1.moment, $1.isEvent, $1.2.place) }.map(\.2)
  }

  private func advance(_ stepper: inout LineStepper, to change: Tampering) throws {
    if change.isInSnapshots {
      let number = stepper.recording.snapshotOfLine[change.line]
      while stepper.snapshot < number || !stepper.isSnapshotNext { try stepper.step() }
    } else {
      while stepper.line < change.line || stepper.isSnapshotNext { try stepper.step() }
    }
  }
}
