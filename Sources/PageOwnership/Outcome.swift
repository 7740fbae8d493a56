// Why: what became of a check and of a transition. A refusal is data, never an error of ours; a check
// nobody made is never "passed".

/// What became of a check.
package enum CheckOutcome: UInt8, Hashable, Sendable, CaseIterable {
  /// The condition held.
  case passed = 1
  /// The condition did not hold; the result tells the errno.
  case failed = 2
  /// Nothing was performed: this build leaves the check out.
  case skipped = 3
  /// The recording does not say.
  case unknown = 4

  /// The word used in SQL and tables.
  package var name: String {
    switch self {
    case .passed: "passed"
    case .failed: "failed"
    case .skipped: "skipped"
    case .unknown: "unknown"
    }
  }
}

/// What became of a transition, decided by the kernel's result and the changes, not by the phases.
package enum TransitionOutcome: UInt8, Hashable, Sendable, CaseIterable {
  /// It returned success, or it changed something.
  case completed = 16
  /// It returned an errno and changed nothing.
  case refused = 17
  /// It has no result and changed nothing.
  case noEffect = 18
  /// The hypervisor panicked inside it.
  case fatal = 19
  /// The journal ends inside it (or its end was lost).
  case open = 20

  /// The word used in SQL and tables.
  package var name: String {
    switch self {
    case .completed: "completed"
    case .refused: "refused"
    case .noEffect: "no effect"
    case .fatal: "fatal"
    case .open: "open"
    }
  }
}

/// How we know a value.
package enum Provenance: String, Hashable, Sendable {
  /// It stands in the recording, or the user said so.
  case recorded
  /// It follows from the rules, the replay or a source line.
  case inferred
  /// Nothing says.
  case unknown
}
