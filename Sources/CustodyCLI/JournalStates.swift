// Why: the composition of a journal and a StateFollower: entries in, and the content of each observed snapshot
// when its entry comes. Used to resume an import. Not here: comparing (StateCheck, JournalReplay).

import Analysis
import Journal
import PageOwnership
import PageTables

/// Follows a journal from where it begins.
struct JournalStates {
  private let source: ReplaySource
  /// The state, as far as it got.
  private(set) var follower: StateFollower

  /// Prepares; `unwritten` are guests that an unfinished import knows of and has no row for.
  ///
  /// Throws a ``JournalError``, or a ``CommandFailure`` if the journal names no rules.
  init(_ reader: JournalReader, unwritten: [(Space, SequenceNumber)]) throws {
    source = try ReplaySource(reader)
    follower = StateFollower(try reader.replayStart(unwritten: unwritten))
  }

  /// Follows through `last`; `every` is called after each entry, and stops by returning false.
  mutating func run(through last: SequenceNumber, every: (inout StateFollower) throws -> Bool) throws {
    let source = source
    try source.reader.forEachEntry(through: last) { frame in
      let site = try source.site(of: frame.entry)
      follower.take(frame.entry.seq, site, changes: frame.changes, observations: frame.observations)
      if site.kind == .snapshot, let (_, content) = try source.snapshot(at: frame.entry.seq) {
        follower.take(content)
      }
      return try every(&follower)
    }
  }
}
