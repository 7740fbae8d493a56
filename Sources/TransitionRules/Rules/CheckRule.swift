// Why: one line of a specification: what is verified, of whom, and what a failure means. The engine reads
// these lines, people print them, and judges compare recordings with them. Not here: how a condition is
// evaluated (Engine).

package import PageOwnership

/// What becomes of an operation whose check fails.
package enum CheckFailure: Hashable, Sendable {
  /// It is refused with the rule's errno; nothing changed.
  case refuse
  /// The hypervisor warns, which is fatal at EL2; where a warning does not stop, the errno is returned.
  case warnAndRefuse
  /// The hypervisor warns, which is fatal at EL2; where a warning does not stop, the operation goes on.
  case warnAndGoOn
  /// It ends at once and returns 0: there is nothing to do.
  case finish
  /// The rest of the phase is left out; the operation goes on.
  case leavePhase
}

/// One thing that an operation verifies, in its place among the others.
package struct CheckRule: Hashable, Sendable {
  /// What is verified.
  package var condition: Condition
  /// Which end of the operation is looked at.
  package var side: Side
  /// Whose table or metadata is read; nil for arguments and regions.
  package var subject: SpaceKind?
  /// The state that every page must have; nil for conditions that ask for none.
  package var expected: PageState?
  /// What is returned when the condition does not hold, as the kernel returns it (negative).
  package var errno: Int64
  /// What a failure means.
  package var failure: CheckFailure = .refuse
  /// How many warnings a failure counts where a warning does not stop.
  package var warnings: Int
  /// Whether only a build with EL2 debugging (CONFIG_NVHE_EL2_DEBUG) performs it.
  package var needsDebug = false
  /// The check is made only when the guest's page was found in this state (reclaim of a dying guest's page).
  package var onlyIfGuest: PageState?
  /// The kernel's step; neighbours with one step are one phase.
  package var kernelStep: String

  /// Makes a rule; the rest is set as needed.
  package init(
    _ condition: Condition, _ side: Side, _ subject: SpaceKind?, expected: PageState? = nil, errno: Int64,
    step: String
  ) {
    self.condition = condition
    self.side = side
    self.subject = subject
    self.expected = expected
    self.errno = errno
    kernelStep = step
    warnings = 0
  }
}

extension CheckRule {
  /// The same rule, performed only with EL2 debugging.
  var debugOnly: CheckRule {
    var rule = self
    rule.needsDebug = true
    return rule
  }

  /// The same rule with another meaning of a failure.
  func failing(_ failure: CheckFailure, errno: Int64? = nil, warnings: Int = 1) -> CheckRule {
    var rule = self
    rule.failure = failure
    rule.errno = errno ?? rule.errno
    rule.warnings = warnings
    return rule
  }

  /// The same rule, made only when the guest's page was found in a state.
  func onlyIf(guest state: PageState) -> CheckRule {
    var rule = self
    rule.onlyIfGuest = state
    return rule
  }
}

extension Condition {
  /// Whether the condition is verified page by page (or leaf by leaf), not for a range as a whole.
  ///
  /// Neighbouring conditions of this kind with one kernel step are verified together for each page, so that the first
  /// failing page decides and not the first rule.
  package var isPerPage: Bool {
    switch self {
    case .sourceIsOwned, .sourceIsShared, .sourceIsBorrowed, .sourceIsUnmapped, .sourceIsOwnedOrShared,
      .sourceIsOwnedOrGuestShared, .targetIsUnmapped, .targetIsBorrowed, .targetIsShared, .leafMapsMemory, .notPinned,
      .shareCountIsNotZero, .shareCountHasRoom:
      true
    default: false
    }
  }
}
