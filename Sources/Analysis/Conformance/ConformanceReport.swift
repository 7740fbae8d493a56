// Why: what a judge of a whole journal found, for people and programs: how many attempts agree with the rules,
// and every disagreement with both accounts. Not here: how it is found (ConformanceJudge).

package import PageOwnership

/// A place where the recording and the rules disagree.
package struct Disagreement: Hashable, Sendable {
  /// What they disagree about.
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Whether a condition held, or the errno of one that did not.
    case check
    /// Which step comes next.
    case order
    /// A step that the rules have and the recording has not.
    case missing
    /// What an apply changed.
    case apply
    /// What a change found before it.
    case old
    /// What the transition returned.
    case result
    /// What became of the transition.
    case outcome
    /// What the call around the transition returned.
    case call
  }

  /// What they disagree about.
  package var kind: Kind
  /// The entry.
  package var seq: SequenceNumber
  /// The transition.
  package var transition: ActionID
  /// What it attempted.
  package var operation: Operation
  /// The kernel's step; nil where none is concerned.
  package var step: String?
  /// Whose page it is about; nil for none.
  package var space: SpaceID?
  /// The page that decides; nil for none.
  package var page: PageFrame?
  /// The recording's account.
  package var recorded: String
  /// The rules' account.
  package var rules: String
}

/// How many attempts agree with the rules.
package struct ConformanceCounts: Hashable, Sendable {
  /// Attempts that agree in everything.
  package var agreeing: Int64 = 0
  /// Attempts with a disagreement.
  package var differing: Int64 = 0
  /// Attempts whose disagreements are gone at another moment between their begin and end.
  package var racy: Int64 = 0
  /// Attempts with something in them that a journal does not tell.
  package var unsupported: Int64 = 0

  /// All attempts.
  package var operations: Int64 { agreeing + differing + racy + unsupported }

  /// Nothing judged.
  package init() {}
}

/// What a judge found in a journal.
package struct ConformanceReport: Hashable, Sendable {
  /// The counts by operation; operations that did not occur are left out.
  package internal(set) var counts: [Operation: ConformanceCounts] = [:]
  /// Phases that were held against the rules.
  package internal(set) var phases: Int64 = 0
  /// Words and counters that applies wrote and that are exactly what the encoding demands.
  package internal(set) var words: Int64 = 0
  /// Calls whose result was held against that of their transitions.
  package internal(set) var calls: Int64 = 0
  /// Of those, how many returned something else.
  package internal(set) var callsDiffering: Int64 = 0
  /// Why attempts could not be judged, each counted once for each reason.
  package internal(set) var blindness: [Blindness: Int64] = [:]
  /// Disagreements, in order of their entries; never more than ``limit``.
  package internal(set) var disagreements: [Disagreement] = []

  /// How many disagreements are kept.
  package static let limit = 1000

  /// The counts of all operations.
  package var total: ConformanceCounts { sum(counts.keys.map { $0 }) }

  /// The counts without the boot fix-up and the host's faults.
  package var ofCalls: ConformanceCounts { sum(counts.keys.filter { $0 != .bootFixup && $0 != .hostFault }) }

  /// Whether nothing disagrees.
  package var agrees: Bool { total.differing == 0 && callsDiffering == 0 }

  /// Nothing judged.
  package init() {}

  private func sum(_ operations: [Operation]) -> ConformanceCounts {
    operations.reduce(into: ConformanceCounts()) { total, operation in
      let counts = counts[operation] ?? ConformanceCounts()
      total.agreeing += counts.agreeing
      total.differing += counts.differing
      total.racy += counts.racy
      total.unsupported += counts.unsupported
    }
  }
}
