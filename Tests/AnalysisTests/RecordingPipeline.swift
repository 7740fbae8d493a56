// Why: the way from the bytes of a recording to a replay, in memory, for all tests of this target: what
// `custody import` and `custody replay` do with a journal between them. Not here: expectations.

import Analysis
import Capture
import Foundation
import Glibc
import PageOwnership
import PageTables
import TestSupport

/// What an import gave: its batches as one, and how it ended.
struct Imported {
  var rows = EntryBatch()
  var facts: Facts
  var state = ImportState()
  /// What ended it before the end of the recording.
  var error: InputError?

  /// How many entries have a kind.
  func count(_ kind: EntryKind) -> Int {
    let sites = self.sites
    return rows.entries.count { sites[$0.site]?.kind == kind }
  }

  /// How many transitions have an outcome; the ones without an end are open.
  func count(_ outcome: TransitionOutcome) -> Int {
    if outcome == .open { return rows.transitions.count - rows.transitionEnds.count }
    return rows.transitionEnds.count { $0.outcome == outcome }
  }

  /// The sites by number.
  var sites: [SiteID: Site] { Dictionary(rows.sites, uniquingKeysWith: { first, _ in first }) }
}

/// A recording as text.
struct RecordingText {
  var name: String
  var events: [UInt8]
  var snapshots: [UInt8]
  var facts: Facts

  init(_ files: RecordingFiles) throws {
    name = files.name
    events = try Self.readAll(files.events)
    snapshots = try Self.readAll(files.snapshots)
    facts = try FactsFile.read(files.summary)
  }

  init(name: String, events: String, snapshots: String = "", facts: Facts) {
    self.name = name
    self.events = Array(events.utf8)
    self.snapshots = Array(snapshots.utf8)
    self.facts = facts
  }

  private static func readAll(_ path: String) throws -> [UInt8] {
    let source = try ByteSource(path: path)
    var bytes: [UInt8] = []
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { chunk.deallocate() }
    while true {
      let count = try source.read(into: chunk)
      if count == 0 { return bytes }
      bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: chunk[..<count]))
    }
  }

  /// The places of the lines of a text, without their ends.
  static func lines(_ text: [UInt8]) -> [Range<Int>] {
    var lines: [Range<Int>] = []
    var start = 0
    while start < text.count {
      let end = text[start...].firstIndex(of: 0x0A) ?? text.count
      lines.append(start..<end)
      start = end + 1
    }
    return lines
  }
}

/// Why a test could not set itself up.
struct PipelineError: Error {
  var message: String
}

/// Imports and replays.
enum Pipeline {
  /// Imports a recording; errors of its content are in the result. `linesToStop` stops it there, at a multiple of 64.
  static func importing(
    _ text: RecordingText, skipsBadLines: Bool = false, groupSize: Int = 8192, stopAfter lines: Int = .max,
    resuming before: Imported? = nil
  ) throws -> Imported {
    var options = RecordingImport.Options()
    options.skipsBadLines = skipsBadLines
    options.groupSize = groupSize
    options.name = text.name
    let replay = try before.map { try replaying($0) }
    let importing = try RecordingImport(
      events: source(text.events), snapshots: text.snapshots.isEmpty ? nil : source(text.snapshots),
      facts: before?.facts ?? text.facts, options: options, resuming: before.map { try stored($0.state) },
      image: replay?.image, sites: before?.rows.sites ?? [])
    var result = before ?? Imported(facts: importing.importer.facts)
    do {
      _ = try importing.run(shouldStop: { importing.progress.lines >= lines }) { batch, state in
        result.rows.append(batch)
        result.state = state
      }
    } catch let error as InputError {
      result.error = error
    }
    return result
  }

  /// What a journal gives back of a state.
  private static func stored(_ state: ImportState) throws -> ImportState {
    guard let state = ImportState(state.encoded()) else { throw PipelineError(message: "the state cannot be read") }
    return state
  }

  /// Replays what was imported, not yet ended; `each` is called after every entry.
  static func replaying(_ imported: Imported, each: (inout Replay) throws -> Void = { _ in }) throws -> Replay {
    var replay = try emptyReplay(imported)
    // Own snapshots are due at fixed entries: resuming needs to know what changed since the last one.
    try feed(imported.rows, sites: imported.sites, to: &replay) { replay in
      let seq = replay.lastSeq.rawValue
      if seq % imported.state.leafInterval == 0, seq < imported.state.lastSeq { _ = replay.takeDirtyLeaves() }
      try each(&replay)
    }
    return replay
  }

  /// A replay that knows the lives of the guests and has taken no entry yet.
  static func emptyReplay(_ imported: Imported) throws -> Replay {
    guard let generation = imported.facts.generation.value else { throw PipelineError(message: "no generation") }
    return Replay(
      ReplayStart(
        generation: generation, regions: imported.facts.regions.value ?? [],
        births: imported.rows.spaces + imported.state.unwrittenGuests, deaths: imported.rows.spaceEnds))
  }

  /// Feeds rows to a replay.
  static func feed(
    _ rows: EntryBatch, sites: [SiteID: Site], to replay: inout Replay, each: (inout Replay) throws -> Void = { _ in }
  ) throws {
    var changes = rows.changes[...]
    var observations = rows.observations[...]
    var snapshots = rows.snapshots[...]
    var ranges = rows.snapshotRanges[...]
    for entry in rows.entries {
      guard let site = sites[entry.site] else { throw PipelineError(message: "no site \(entry.site)") }
      let mine = changes.prefix { $0.seq == entry.seq }
      let seen = observations.prefix { $0.seq == entry.seq }
      changes = changes.dropFirst(mine.count)
      observations = observations.dropFirst(seen.count)
      replay.take(entry, site, changes: Array(mine), observations: Array(seen))
      if let snapshot = snapshots.first, snapshot.seq == entry.seq {
        snapshots = snapshots.dropFirst()
        let own = ranges.prefix { $0.snapshot == snapshot.id }
        ranges = ranges.dropFirst(own.count)
        var content = SnapshotImage(guests: snapshot.guests)
        for range in own { content.add(range) }
        replay.take(snapshot, content)
      }
      try each(&replay)
    }
  }

  /// A finished replay's report.
  static func report(_ imported: Imported) throws -> ReplayReport {
    var replay = try replaying(imported)
    replay.finish()
    return replay.report
  }

  /// Bytes as a source, by way of a file that has no name.
  static func source(_ bytes: [UInt8]) throws -> ByteSource {
    var path = Array((NSTemporaryDirectory() + "/custody-XXXXXX").utf8CString)
    let descriptor = mkstemp(&path)
    unlink(path)
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { throw PipelineError(message: "cannot write to memory") }
      written += count
    }
    lseek(descriptor, 0, SEEK_SET)
    return try ByteSource(rawDescriptor: descriptor, name: "memory", closesDescriptor: true)
  }
}

extension EntryBatch {
  /// Takes over the rows of the next batch.
  mutating func append(_ next: EntryBatch) {
    sites += next.sites
    spaces += next.spaces
    spaceEnds += next.spaceEnds
    activations += next.activations
    activationEnds += next.activationEnds
    transitions += next.transitions
    transitionEnds += next.transitionEnds
    entries += next.entries
    changes += next.changes
    observations += next.observations
    snapshots += next.snapshots
    snapshotRanges += next.snapshotRanges
    gaps += next.gaps
    leaves += next.leaves
  }
}
