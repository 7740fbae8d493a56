// Why: one place where a rule does not hold, with everything that an engineer asks first: where, which pages,
// what was expected, and who was there before. Not here: words for people (CustodyCLI).

package import PageOwnership

/// A place where a rule does not hold.
package struct AuditFinding: Hashable, Sendable {
  /// The rule's id.
  package var rule: String
  /// The entry at which it is certain.
  package var seq: SequenceNumber
  /// The entry that made it so, where that is another one.
  package var phaseSeq: SequenceNumber?
  /// The transition or call that the entry belongs to; nil for none.
  package var transition: ActionID?
  /// What it attempted.
  package var operation: Operation?
  /// The kernel's step; nil where none is concerned.
  package var step: String?
  /// Whose pages the range names; nil where no page is concerned.
  package var space: SpaceID?
  /// The pages, in the numbers of ``space``.
  package var pages: PageRange?
  /// What must hold.
  package var expected: String
  /// What was found.
  package var found: String
  /// The transitions that changed the first page before this one, newest first.
  package var earlier: [ActionID] = []
  /// It is gone at another moment between the transition's begin and end: another CPU was there.
  package var isRacy = false

  init(_ rule: AuditRule, at entry: Entry, expected: String, found: String) {
    self.rule = rule.id
    seq = entry.seq
    transition = entry.action
    self.expected = expected
    self.found = found
  }

  /// How bad it is.
  package var severity: AuditRule.Severity { AuditRule.named(rule)?.severity ?? .error }
}

/// Entries between which states are not known.
package struct UnknownStretch: Hashable, Sendable {
  /// The first entry.
  package var first: SequenceNumber
  /// The last entry; nil: to the end.
  package var last: SequenceNumber?
  /// Why.
  package var why: String

  static let start = "before the first snapshot"
  static let gap = "lines are missing"
}

/// What an audit looked at, and what it could not judge.
package struct AuditSummary: Hashable, Sendable {
  /// Entries taken.
  package internal(set) var entries: Int64 = 0
  /// Transitions seen from their begin.
  package internal(set) var transitions: Int64 = 0
  /// How many times a run of pages was judged at a moment at which no transition was inside it.
  package internal(set) var settlements: Int64 = 0
  /// Pages of those runs.
  package internal(set) var pages: UInt64 = 0
  /// Of those, pages of which some space's state was not known.
  package internal(set) var pagesUnknown: UInt64 = 0
  /// Findings by rule.
  package internal(set) var counts: [String: Int64] = [:]
  /// Racy findings by rule.
  package internal(set) var racy: [String: Int64] = [:]
  /// Where states are not known.
  package internal(set) var stretches: [UnknownStretch] = []
  /// Transitions that the journal ends inside, with how many of their pages were left unjudged.
  package internal(set) var open: [ActionID: UInt64] = [:]
  /// Checks that are skipped and of which nobody can tell what they would have found, by reason.
  package internal(set) var blindness: [Blindness: Int64] = [:]
  /// Disagreements that are too many to be told one by one.
  package internal(set) var untold: Int64 = 0

  /// How many violations were found.
  package var violations: Int64 { counts.values.reduce(0, +) + untold }

  /// Nothing seen yet.
  package init() {}
}
