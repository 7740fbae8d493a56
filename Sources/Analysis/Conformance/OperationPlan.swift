// Why: the rules of one operation as the phases that a recording of one build can show: neighbouring rows of
// one kernel step are one phase, rows that the build leaves out are gone, and steps that recorders cannot see are
// marked. Not here: judging (ConformanceJudge).

import PageOwnership
import TransitionRules

/// A check phase that is expected.
struct PlannedCheck: Sendable {
  /// The kernel's step.
  var step: String
  /// What this build verifies in it, in order; empty: nothing.
  var rows: ArraySlice<CheckRule>
  /// The guest's page must have been found in this state for the phase to be there at all.
  var onlyIfGuest: PageState?
  /// No recorder sees the step by itself, or it verifies nothing that can fail.
  var isSilent: Bool
  /// The step looks at numbers alone: a compiler may have laid it down in several pieces.
  var mayRepeat: Bool
}

/// An apply phase that is expected.
struct PlannedApply: Sendable {
  /// The kernel's step.
  var step: String
  /// What it changes.
  var rules: [ApplyRule]
}

/// The phases of one operation.
struct OperationPlan: Sendable {
  var checks: [PlannedCheck] = []
  var applies: [PlannedApply] = []
  /// All applies are made for one page before any is made for the next.
  var isPageByPage: Bool

  init(_ rules: OperationRules, hasDebug: Bool) {
    isPageByPage = rules.appliesPageByPage
    for phase in rules.checkPhases {
      let rows = rules.checks[phase].filter { hasDebug || !$0.needsDebug }
      let first = rules.checks[phase.lowerBound]
      checks.append(
        PlannedCheck(
          step: first.kernelStep, rows: rows[...], onlyIfGuest: first.onlyIfGuest,
          isSilent: Self.unseenSteps.contains(first.kernelStep) || rows.allSatisfy(\.cannotFail),
          mayRepeat: rows.allSatisfy(\.isAboutNumbers)))
    }
    // Steps that only compute are not held against the rules.
    for rule in rules.applies where rule.store != .nothing {
      if !isPageByPage, let last = applies.last, last.step == rule.kernelStep {
        applies[applies.count - 1].rules.append(rule)
      } else {
        applies.append(PlannedApply(step: rule.kernelStep, rules: [rule]))
      }
    }
  }

  /// Whether, from a phase on, all are made for one page before any is made for the next: withdrawing a block.
  func isLoop(from index: Int) -> Bool {
    guard index + 1 < applies.count else { return false }
    return applies[index].rules.contains { $0.store == .shareCount(-1) }
  }

  /// Comparisons without a function of their own, and assertions of debug builds: no line shows them.
  private static let unseenSteps: Set<String> = ["prot", "pkvm_hyp_vm_is_protected", "assert_host_shared_guest"]
}

extension CheckRule {
  // The hypervisor maps shared pages with the only permissions that this asks for.
  fileprivate var cannotFail: Bool { condition == .permissionsAllowed && subject == .hyp }

  fileprivate var isAboutNumbers: Bool {
    switch condition {
    case .sizeIsValid, .rangeIsValid, .inOneRegion, .isMemory, .permissionsAllowed: true
    default: false
    }
  }
}
