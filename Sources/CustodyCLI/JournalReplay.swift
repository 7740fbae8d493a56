// Why: the composition of a journal and a replay: entries in, and the content of each snapshot when its
// entry comes. Used by `replay`, by `verify` and to resume an import.

import Analysis
import Journal
import PageOwnership
import PageTables

/// Replays a journal.
struct JournalReplay {
  let source: ReplaySource
  private let spaces: [Space]
  /// The replay, as far as it got.
  var replay: Replay
  /// From this snapshot on its own account is kept beside the replay; nil for none.
  private var witnessSeq: SequenceNumber?
  /// The machine that the witness shows, with what entries behind it did.
  private(set) var shown: MachineImage?

  /// Prepares the replay of a journal; `unwritten` are guests that an unfinished import knows of and has no row for.
  ///
  /// Throws a ``JournalError``, or a ``CommandFailure`` if the journal names no rules.
  init(_ reader: JournalReader, unwritten: [(Space, SequenceNumber)] = []) throws {
    source = try ReplaySource(reader)
    spaces = try reader.spaces().map(\.space)
    replay = Replay(try reader.replayStart(unwritten: unwritten))
  }

  /// Keeps the account of the last snapshot at or before `seq` by itself; gives its entry, nil without one.
  mutating func keepLastSnapshot(through seq: SequenceNumber) -> SequenceNumber? {
    witnessSeq = source.lastSnapshot(through: seq)
    return witnessSeq
  }

  /// Replays through `last`; `every` is called after each entry, and stops the replay by returning false.
  mutating func run(through last: SequenceNumber, every: (inout Replay) throws -> Bool = { _ in true }) throws {
    try follow(through: last) { try every(&$2) }
  }

  /// Replays through `last`; `body` hears of each entry after it was taken, and stops the replay by returning false.
  mutating func follow(
    through last: SequenceNumber, _ body: (EntryFrame, Site, inout Replay) throws -> Bool
  ) throws {
    let first = SequenceNumber(replay.lastSeq.rawValue + 1)
    let source = source
    try source.reader.forEachEntry(from: first, through: last) { frame in
      let site = try source.site(of: frame.entry)
      replay.take(frame.entry, site, changes: frame.changes, observations: frame.observations)
      if shown != nil { for change in frame.changes { shown?.apply(change) } }
      if site.kind == .lost { shown = nil }
      if site.kind == .snapshot { try takeSnapshot(frame.entry, source) }
      return try body(frame, site, &replay)
    }
  }

  private mutating func takeSnapshot(_ entry: Entry, _ source: ReplaySource) throws {
    guard let (snapshot, content) = try source.snapshot(at: entry.seq) else { return }
    if entry.seq == witnessSeq {
      shown = MachineImage(
        generation: replay.image.generation, regions: replay.image.regions, showing: content, guests: spaces)
    }
    replay.take(snapshot, content)
  }

  /// Ends the replay and gives what it found.
  mutating func finish() -> ReplayReport {
    replay.finish()
    return replay.report
  }
}
