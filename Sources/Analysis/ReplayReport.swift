// Why: what a replay found, for people and programs. Not here: how it is found (Replay).

package import PageOwnership

/// A disagreement between the replay and something that was observed.
package struct ReplayDifference: Hashable, Sendable {
  /// What was observed there.
  package enum Kind: String, Hashable, Sendable {
    /// A snapshot.
    case snapshot
    /// The state that a call line recorded.
    case state
    /// The old value of a change.
    case old
  }
  /// What was observed.
  package var kind: Kind
  /// The entry that carries the observation.
  package var seq: SequenceNumber
  /// The transition that the entry belongs to.
  package var transition: ActionID?
  /// Which table.
  package var table: TableKind
  /// Whose table.
  package var space: SpaceID
  /// The pages.
  package var pages: PageRange
  /// What the replay says.
  package var replayed: String
  /// What was observed.
  package var seen: String
}

/// What a replay found.
package struct ReplayReport: Hashable, Sendable {
  /// Entries taken.
  package var entries: Int64 = 0
  /// Transitions begun.
  package var transitions: Int64 = 0
  /// Snapshots compared.
  package var snapshotsCompared: Int64 = 0
  /// Pages of snapshots whose word was known on both sides.
  package var pagesCompared: UInt64 = 0
  /// Pages that differ: of snapshots, and of changes whose old value is not what the replay has.
  package var pagesDiffering: UInt64 = 0
  /// Pages of snapshots that the journal could not say before.
  package var pagesUnknown: UInt64 = 0
  /// Words that calls saw.
  package var statesCompared: Int64 = 0
  /// Of those, how many differ.
  package var statesDiffering: Int64 = 0
  /// Old values of changes compared.
  package var changesCompared: Int64 = 0
  /// Of those, how many differ (counted in ``pagesDiffering`` too).
  package var changesDiffering: Int64 = 0
  /// Leaves that differ only in the access flag, which hardware sets.
  package var accessFlags: UInt64 = 0
  /// Words that were seen a moment before the entry that explains them (another CPU was inside a transition).
  package var racy: Int64 = 0
  /// Pages where the journal ends inside a transition and the last snapshot shows more than its entries.
  package var inDoubt: Int64 = 0
  /// The first differences, in order of their entries; never more than ``differenceLimit``.
  package var differences: [ReplayDifference] = []

  /// How many differences are kept.
  package static let differenceLimit = 100

  /// Whether everything that could be compared agrees.
  package var agrees: Bool { pagesDiffering == 0 && statesDiffering == 0 && changesDiffering == 0 }

  /// Nothing replayed yet.
  package init() {}
}
