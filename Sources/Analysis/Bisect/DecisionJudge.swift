// Why: whether two kernels decide alike is a question about what comes of an attempt, not about how its steps are
// named: the checks of a generation, asked of the machine right before an attempt. Not here: races, failing stores.

package import PageOwnership
package import PageTables
package import TransitionRules

/// What a generation makes of an attempt.
package enum AttemptDecision: Hashable, Sendable {
  /// All checks pass.
  case completes
  /// A check ends it with an errno, which is returned (to nobody where the function returns nothing).
  case refuses(Int64)
  /// A check finds that there is nothing to do.
  case hasNothingToDo
  /// The hypervisor panics.
  case panics
  /// The generation has no such operation.
  case isUnknownOperation
}

/// A decision with what it hangs on.
package struct DecidedAttempt: Hashable, Sendable {
  /// What is decided.
  package var decision: AttemptDecision
  /// The kernel's step and the condition that decide; nil if all pass.
  package var step: String?, condition: Condition?
  /// What was found there, in words.
  package var found: String?
}

/// Decides attempts by the rules of one generation.
package struct DecisionJudge: Sendable {
  private let conditions: ConditionJudge
  private var plans: [Operation: OperationPlan] = [:]

  /// A judge by `book` of a journal that `facts` and `spaces` are of.
  package init(_ book: RuleBook, _ facts: Facts, spaces: [Space]) {
    conditions = ConditionJudge(book.generation, facts, spaces: spaces)
    for operation in book.operations {
      plans[operation] = book[operation].map { OperationPlan($0, hasDebug: facts.el2Debug.value == true) }
    }
  }

  /// What becomes of an attempt that begins on a machine; nil if that hangs on something that a journal does not tell.
  package func decide(_ transition: Transition, on image: MachineImage) -> DecidedAttempt? {
    guard transition.operation != .bootFixup else { return nil }
    guard let plan = plans[transition.operation] else { return DecidedAttempt(decision: .isUnknownOperation) }
    let judged = JudgedTransition(transition, plan)
    judged.subject.memcacheSuffices = true
    for phase in plan.checks {
      guard let isDue = judged.isDue(phase, image) else { return nil }
      guard isDue else { continue }
      let verdict = conditions.judge(phase.rows, of: judged.subject, in: image)
      guard let outcome = verdict.certain else { return nil }
      if outcome == .passed { continue }
      return DecidedAttempt(
        decision: AttemptDecision(outcome), step: phase.step, condition: verdict.condition,
        found: verdict.finding?.text)
    }
    return DecidedAttempt(decision: .completes)
  }
}

extension AttemptDecision {
  fileprivate init(_ outcome: PhaseOutcome) {
    self =
      switch outcome {
      case .passed: .completes
      case .refused(let errno): .refuses(errno)
      case .finished: .hasNothingToDo
      case .fatal: .panics
      }
  }

  /// Whether a record shows this; nil where the record does not tell.
  package func isRecorded(_ end: ActionEnd?, of operation: Operation) -> Bool? {
    guard let end, let outcome = end.outcome, outcome != .open else { return nil }
    switch self {
    case .completes: return outcome == .completed
    case .refuses(let errno):
      return operation.hasNoResult ? outcome == .noEffect : outcome == .refused && end.result == errno
    case .hasNothingToDo: return outcome == .completed || outcome == .noEffect
    case .panics: return outcome == .fatal
    case .isUnknownOperation: return false
    }
  }
}
