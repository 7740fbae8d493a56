// Why: a whole import: lines in, batches out, at each of which the journal commits, so that the import
// can be stopped and resumed anywhere. Constant memory, one pass.
// Not here: where batches go (Journal) and what is shown meanwhile (CustodyCLI).

package import PageOwnership
package import PageTables

/// How an import ended.
package enum ImportEnding: Hashable, Sendable {
  /// The whole recording is in.
  case finished
  /// The caller asked to stop.
  case stopped
}

/// How far an import is.
package struct ImportProgress: Sendable {
  /// Lines read.
  package var lines: Int
  /// Uncompressed bytes read.
  package var bytes: Int64
  /// Bytes read of the stored file, and its size if known.
  package var storedBytes: Int64
  /// The stored file's size; nil for a pipe.
  package var storedSize: Int64?
}

/// Reads a recording of unmodified kernels (`events.jsonl`, `snapshots.jsonl`).
package final class RecordingImport {
  /// What the caller decides.
  package struct Options: Sendable {
    /// Go on after a line that cannot be read, and record it as lost.
    package var skipsBadLines = false
    /// Entries between two commits.
    package var groupSize = 8192
    /// The name of the events file, as shown in messages.
    package var name = "-"

    /// The defaults.
    package init() {}
  }

  private let reader: LineReader
  private let parser: JSONParser
  private let snapshots: SnapshotFile?
  private let options: Options
  private var nextSnapshot: RecordedSnapshot?
  /// Snapshots before the next one that could not be read.
  private var snapshotLosses: [InputError] = []
  /// The importer, made once the facts are known.
  package private(set) var importer: RecordingImporter

  /// Facts are inferred from at most this many lines and bytes.
  private static let inferenceLines = 20_000
  private static let inferenceBytes = 32 << 20

  /// Opens a recording; `facts` are those known already, the rest is inferred from the first lines.
  ///
  /// To resume, give the stored state, the machine that the journal replays to and its sites.
  /// Throws ``InputError``: the input cannot be read, or does not prove its generation.
  package init(
    events: ByteSource, snapshots: ByteSource?, facts: Facts, options: Options, resuming state: ImportState? = nil,
    image: MachineImage? = nil, sites: [(SiteID, Site)] = []
  ) throws(InputError) {
    parser = try JSONParser()
    self.options = options
    let facts = state == nil ? try Self.infer(facts, events, parser) : facts
    reader = LineReader(events)
    guard let generation = facts.generation.value,
      let importer = RecordingImporter(facts: facts, state: state ?? ImportState(), image: image, sites: sites)
    else {
      throw InputError(.malformed, "no generation is known", hint: "give --generation")
    }
    self.importer = importer
    self.snapshots = try snapshots.map { source throws(InputError) in try SnapshotFile(source, generation: generation) }
    if let state {
      try skip(to: state)
      for _ in 0..<state.snapshotCount { try readSnapshot() }
      snapshotLosses.removeAll()
    }
    try readSnapshot()
    importer.state.input = options.name
    importer.state.hasSnapshots = snapshots != nil
  }

  private static func infer(_ facts: Facts, _ events: ByteSource, _ parser: JSONParser) throws(InputError) -> Facts {
    var inference = FactsInference(facts)
    events.peek {
      let reader = LineReader(events)
      // What cannot be read here will be reported when its turn comes.
      while !inference.isComplete, reader.lineNumber < inferenceLines, reader.consumedBytes < inferenceBytes,
        let line = try? reader.next()
      {
        if let value = try? parser.parse(line) { inference.look(value) }
        _ = inference.conclude()
      }
    }
    let found = inference.conclude(isEnd: true)
    guard found.generation.value != nil else {
      throw InputError(
        .malformed, "the generation of the kernel is not known: \(inference.openQuestion)", file: events.name,
        hint: "give --generation, or --facts with the recording's summary.json")
    }
    return found
  }

  // A resumed import reads again what it has, and makes sure that it is the same.
  private func skip(to state: ImportState) throws(InputError) {
    while reader.consumedBytes < state.offset {
      do throws(InputError) {
        guard try reader.next() != nil else { break }
      } catch {
        // It was skipped then; it is skipped now.
        guard error.code == .lineTooLong else { throw error }
        try reader.leaveLongLine()
      }
    }
    guard reader.consumedBytes == state.offset, Self.hex(reader.prefixDigest()) == state.prefixDigest else {
      throw InputError(
        .malformed, "the first \(state.offset) bytes are not those that were imported before", file: options.name,
        hint: "resume with the same recording")
    }
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    var text = ""
    for byte in bytes { text += (byte < 16 ? "0" : "") + String(byte, radix: 16) }
    return text
  }

  /// How far it is.
  package var progress: ImportProgress {
    ImportProgress(
      lines: reader.lineNumber, bytes: reader.consumedBytes, storedBytes: reader.source.storedBytesRead,
      storedSize: reader.source.storedSize)
  }

  /// Reads to the end. `commit` is called with each full group, and its errors go through.
  ///
  /// Throws ``InputError`` for a line that cannot be read; everything before it has been given to `commit`.
  package func run(
    shouldStop: () -> Bool, commit: (EntryBatch, ImportState) throws -> Void
  ) throws -> ImportEnding {
    do {
      while try takeNextLine(shouldStop) {
        if importer.batch.entries.count >= options.groupSize { try flush(commit) }
        if reader.lineNumber & 63 == 0, shouldStop() {
          try flush(commit)
          return .stopped
        }
      }
    } catch let error as InputError {
      try flush(commit)
      if shouldStop() { return .stopped }
      throw error
    }
    // What stops this program ends a pipe's writer too: its end is then not the recording's.
    if shouldStop() {
      try flush(commit)
      return .stopped
    }
    try finish(commit)
    return .finished
  }

  private func takeNextLine(_ shouldStop: () -> Bool) throws(InputError) -> Bool {
    do throws(InputError) {
      guard let line = try reader.next() else { return false }
      // Its rest would have come.
      if !line.isTerminated, shouldStop() { return false }
      try take(line, consumed: reader.consumedBytes)
    } catch {
      guard error.code == .lineTooLong else { throw error }
      try skipOrThrow(error)
      try reader.leaveLongLine()
      importer.state.offset = reader.consumedBytes
      importer.state.line = reader.lineNumber
    }
    return true
  }

  private func skipOrThrow(_ error: InputError) throws(InputError) {
    guard mayLeaveOut(error) else { throw error }
    importer.skipLine(error)
  }

  private func mayLeaveOut(_ error: InputError) -> Bool {
    options.skipsBadLines && (error.code == .lineTooLong || error.code == .malformed)
  }

  private func take(_ line: Line, consumed: Int64) throws(InputError) {
    if !line.bytes.isEmpty, let recorded = try read(line) {
      try takeSnapshots(before: recorded.index)
      do throws(InputError) {
        try importer.take(recorded)
      } catch {
        try skipOrThrow(located(error, line))
      }
    }
    importer.state.offset = consumed
    importer.state.line = line.number
  }

  private func read(_ line: Line) throws(InputError) -> RecordingLine? {
    do throws(InputError) {
      return try RecordingLine(try parser.parse(line), number: line.number, offset: line.offset)
    } catch {
      try skipOrThrow(located(error, line))
      return nil
    }
  }

  private func located(_ error: InputError, _ line: Line) -> InputError {
    var error = error
    error.file = options.name
    if !line.isTerminated { error.hint = "the file ends in the middle of its last line" }
    return error
  }

  // A snapshot stands right behind the last event before it, also where lines around it are missing.
  private func takeSnapshots(before index: Int64) throws(InputError) {
    while let snapshot = nextSnapshot, snapshot.afterEvent < index {
      recordSnapshotLosses()
      importer.takeSnapshot(snapshot)
      try readSnapshot()
    }
  }

  // A snapshot with a line that cannot be read shows less than was there: it is left out whole.
  private func readSnapshot() throws(InputError) {
    while true {
      do throws(InputError) {
        nextSnapshot = try snapshots?.next()
        return
      } catch {
        guard mayLeaveOut(error) else { throw error }
        snapshotLosses.append(error)
      }
    }
  }

  private func recordSnapshotLosses() {
    for loss in snapshotLosses { importer.recordGap(missing: nil, firstIndex: nil, why: loss.description) }
    snapshotLosses.removeAll()
  }

  private func finish(_ commit: (EntryBatch, ImportState) throws -> Void) throws {
    do throws(InputError) {
      importer.flushTornStores()
      try takeSnapshots(before: .max)
      recordSnapshotLosses()
    } catch {
      try flush(commit)
      throw error
    }
    importer.writeUnnamedGuests()
    importer.state.isComplete = true
    try flush(commit)
  }

  private func flush(_ commit: (EntryBatch, ImportState) throws -> Void) throws {
    importer.tellState()
    var state = importer.stateToStore()
    // A line that cannot be read was consumed, but it is not in the journal.
    state.prefixDigest = Self.hex(reader.prefixDigest(before: state.offset))
    try commit(importer.batch, state)
    importer.batch.removeAll()
  }
}
