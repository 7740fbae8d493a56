// Why: the specification of one operation in one generation: its checks and its applies, in order. Not
// here: the rows themselves (Generations).

package import PageOwnership

/// How an operation names the pages that it works on.
package enum PageCounting: Hashable, Sendable {
  /// One page.
  case one
  /// A number of pages that is given.
  case range
  /// A range of bytes, rounded out to whole pages.
  case bytes
  /// One page, or exactly one block.
  case pageOrBlock
}

/// What an operation verifies and changes, in order.
package struct OperationRules: Hashable, Sendable {
  /// The operation.
  package var operation: Operation
  /// How its pages are counted.
  package var counting: PageCounting
  /// The checks in the order in which the kernel makes them.
  package var checks: [CheckRule]
  /// The applies in the order in which the kernel makes them.
  package var applies: [ApplyRule]
  /// Whether all applies are made for one page before any is made for the next (pin and unpin).
  package var appliesPageByPage = false

  /// Makes rules.
  package init(
    _ operation: Operation, _ counting: PageCounting, checks: [CheckRule], applies: [ApplyRule],
    appliesPageByPage: Bool = false
  ) {
    self.operation = operation
    self.counting = counting
    self.checks = checks
    self.applies = applies
    self.appliesPageByPage = appliesPageByPage
  }

  /// The checks of one kernel step, in order; empty for a step that the operation does not have.
  ///
  /// A step that occurs twice (reclaim of a guest's page) gives the rows of both; `expected` tells them apart.
  package func checks(step: String) -> [CheckRule] { checks.filter { $0.kernelStep == step } }

  /// The applies of one kernel step, in order; empty for a step that the operation does not have.
  package func applies(step: String) -> [ApplyRule] { applies.filter { $0.kernelStep == step } }

  /// The kernel steps of the checks, in order: neighbours with one step are one phase.
  package var checkPhases: [Range<Int>] {
    var phases: [Range<Int>] = []
    for index in checks.indices {
      if let last = phases.last, checks[last.lowerBound].isSamePhase(as: checks[index]) {
        phases[phases.count - 1] = last.lowerBound..<index + 1
      } else {
        phases.append(index..<index + 1)
      }
    }
    return phases
  }
}

extension CheckRule {
  func isSamePhase(as other: CheckRule) -> Bool {
    kernelStep == other.kernelStep && onlyIfGuest == other.onlyIfGuest
  }
}
