// Why: what came of an attempt, in the vocabulary's words and with the kernel's number.

package import PageOwnership

/// Why the hypervisor cannot go on.
package enum FatalCause: Hashable, Sendable {
  /// A WARN: a trap at EL2. The state is what the code would leave behind if it went on, as hosts' builds do.
  case warning
  /// A BUG: the state is what stood when it struck.
  case bug
  /// An access to memory that is not there, at EL2.
  case fault
}

/// What came of an operation.
package struct OperationResult: Hashable, Sendable {
  /// What is returned; errnos are negative. Nil if a BUG or a fault ended it.
  package var value: Int64?
  /// How many warnings were hit.
  package var warnings = 0
  /// Why the hypervisor cannot go on; nil if it can.
  package var fatal: FatalCause?
  /// The row that decided a refusal, among the operation's checks.
  package var failedCheck: Int?
  /// The first page that did not meet the condition; a gfn where the guest's table was read.
  package var failedPage: PageFrame?
  /// The level of the leaf that was judged there; 3 for metadata.
  package var failedLevel: Int8?
  /// The state that was found there.
  package var found: PageState?
  /// Whether anything was written.
  package var hasChanged = false

  /// Nothing was returned and nothing happened.
  package init() {}

  /// The outcome in the vocabulary's words.
  package var outcome: TransitionOutcome {
    if fatal != nil { return .fatal }
    guard let value else { return .noEffect }
    if value < 0 { return hasChanged ? .completed : .refused }
    return .completed
  }
}
