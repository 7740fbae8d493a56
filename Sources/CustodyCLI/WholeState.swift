// Why: whole states and whole replays for programs that measure them. Not here: how they are rebuilt (StateAt).

import Analysis
package import Journal
package import PageOwnership
import PageTables

/// States of one journal.
package struct WholeState {
  private let reader: JournalReader

  /// Looks at a journal.
  package init(_ reader: JournalReader) { self.reader = reader }

  /// The hash of all that is held and counted right after an entry. Throws ``JournalError``.
  package func hash(at seq: SequenceNumber) throws -> StateHash { try StateAt(reader).ownership(seq).hash }

  /// Whether the state there comes from an own snapshot near it, and not from a replay of everything.
  package func isNear(_ seq: SequenceNumber) throws -> Bool { try StateAt(reader).nearState(seq) != nil }

  /// Replays everything through an entry; gives the hash of the state that it ends in.
  ///
  /// Throws ``JournalError``; a ``CommandFailure`` if the journal names no rules.
  package func replayed(through seq: SequenceNumber) throws -> StateHash {
    var states = try JournalStates(reader, unwritten: [])
    try states.run(through: seq) { _ in true }
    return states.follower.image.ownership.hash
  }
}
