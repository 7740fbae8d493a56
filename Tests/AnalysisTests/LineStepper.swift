// Why: tests that change one line of a recording need the import and the replay of all lines before it a
// thousand times: here both go line by line and can be forked anywhere, the way a resumed import is.

import Analysis
import Capture
import PageOwnership
import PageTables

/// A recording, read line by line.
struct SteppedRecording {
  let text: RecordingText
  let lines: [Range<Int>]
  let snapshotLines: [Range<Int>]
  let snapshots: [RecordedSnapshot]
  /// The number, from 0, of the snapshot that each line of the snapshots file belongs to.
  let snapshotOfLine: [Int]
  /// The untouched recording, imported whole: its facts and the lives of its guests.
  let whole: Imported

  init(_ text: RecordingText) throws {
    self.text = text
    lines = RecordingText.lines(text.events)
    snapshotLines = RecordingText.lines(text.snapshots)
    whole = try Pipeline.importing(text)
    snapshots = try Self.snapshots(in: text.snapshots, whole.facts)
    var number = -1
    snapshotOfLine = snapshotLines.map { place in
      if String(decoding: text.snapshots[place].prefix(40), as: UTF8.self).contains("\"header\"") { number += 1 }
      return number
    }
  }

  /// The line of the first event after a line of the snapshots file.
  func moment(ofSnapshotLine line: Int) -> Int64 { snapshots[snapshotOfLine[line]].afterEvent + 1 }

  /// The snapshots of a text. Throws ``InputError``.
  static func snapshots(in bytes: [UInt8], _ facts: Facts) throws -> [RecordedSnapshot] {
    guard let generation = facts.generation.value else { throw PipelineError(message: "no generation") }
    let file = try SnapshotFile(Pipeline.source(bytes), generation: generation)
    var snapshots: [RecordedSnapshot] = []
    while let next = try file.next() { snapshots.append(next) }
    return snapshots
  }
}

/// An import and a replay in step, at one line of a recording.
struct LineStepper {
  let recording: SteppedRecording
  private(set) var importer: RecordingImporter
  private(set) var replay: Replay
  private(set) var line = 0
  private(set) var snapshot = 0
  private let parser: JSONParser
  private var sites: [(SiteID, Site)] = []
  private var siteByNumber: [SiteID: Site] = [:]

  init(_ recording: SteppedRecording) throws {
    self.recording = recording
    guard let importer = RecordingImporter(facts: recording.whole.facts) else {
      throw PipelineError(message: "no generation")
    }
    self.importer = importer
    replay = try Pipeline.emptyReplay(recording.whole)
    parser = try JSONParser()
  }

  /// Another one at the same line, independent of this one.
  func fork() throws -> LineStepper {
    var other = self
    guard
      let importer = RecordingImporter(
        facts: importer.facts, state: importer.stateToStore(), image: importer.image, sites: sites)
    else { throw PipelineError(message: "no generation") }
    other.importer = importer
    return other
  }

  /// Whether everything was read.
  var isAtEnd: Bool { line == recording.lines.count && snapshot == recording.snapshots.count }

  /// Whether the next step takes a snapshot, not a line.
  var isSnapshotNext: Bool {
    guard snapshot < recording.snapshots.count else { return false }
    return line == recording.lines.count
      || recording.snapshots[snapshot].afterEvent < importer.state.nextIndex
  }

  /// Takes the next snapshot or line, or what stands in its place. Throws ``InputError``.
  mutating func step(snapshot replacement: RecordedSnapshot? = nil, line text: [UInt8]? = nil) throws {
    if isSnapshotNext {
      if line == recording.lines.count { importer.flushTornStores() }
      importer.takeSnapshot(replacement ?? recording.snapshots[snapshot])
      snapshot += 1
    } else {
      let place = recording.lines[line]
      line += 1
      try take(text ?? Array(recording.text.events[place]), number: line, offset: Int64(place.lowerBound))
    }
    try pass()
  }

  private func take(_ text: [UInt8], number: Int, offset: Int64) throws {
    let padded = text + [UInt8](repeating: 0, count: LineReader.paddingBytes)
    try padded.withUnsafeBytes {
      let value = try parser.parse(padded: UnsafeRawBufferPointer(rebasing: $0[..<text.count]))
      try importer.take(value, line: number, offset: offset)
    }
  }

  private mutating func pass() throws {
    sites += importer.batch.sites
    for (id, site) in importer.batch.sites { siteByNumber[id] = site }
    try Pipeline.feed(importer.batch, sites: siteByNumber, to: &replay)
    importer.batch.removeAll()
  }

  /// The rest of the recording; stops at the first difference. Throws ``InputError``.
  mutating func finish() throws -> ReplayReport {
    while !isAtEnd {
      try step()
      if !replay.report.agrees { return replay.report }
    }
    importer.flushTornStores()
    try pass()
    replay.finish()
    return replay.report
  }
}
