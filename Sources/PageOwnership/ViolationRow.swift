// Why: what an audit found, as a journal keeps it. Not here: finding it (Analysis), the words of rules.

/// A place where a rule does not hold.
package struct ViolationRow: Hashable, Sendable {
  /// The rule's id.
  package var rule: String
  /// How bad it is.
  package var severity: String
  /// The entry at which it is certain.
  package var seq: SequenceNumber
  /// The entry that made it so, where that is another one.
  package var phaseSeq: SequenceNumber?
  /// The transition or call.
  package var transition: ActionID?
  /// What it attempted.
  package var operation: Operation?
  /// The kernel's step.
  package var step: String?
  /// Whose pages they are.
  package var space: SpaceID?
  /// The pages, in the numbers of ``space``.
  package var pages: PageRange?
  /// What must hold.
  package var expected: String
  /// What was found.
  package var found: String
  /// Whether another CPU explains it.
  package var isRacy: Bool

  /// Makes a row.
  package init(rule: String, severity: String, seq: SequenceNumber, expected: String, found: String, isRacy: Bool) {
    self.rule = rule
    self.severity = severity
    self.seq = seq
    self.expected = expected
    self.found = found
    self.isRacy = isRacy
  }
}
