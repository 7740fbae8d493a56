// Why: the rows of a generation's tables without their names, one behind another, so that a search reads them
// a few million times a second. Left out are conditions that cannot fail in a small machine.

import PageOwnership

/// A check without the kernel's name of its step.
struct SmallCheck: Sendable {
  var condition: Condition
  var subject: SpaceKind?
  var expected: PageState?
  var failure: CheckFailure
  var onlyIfGuest: PageState?
  /// Whether this build leaves it out.
  var isSkipped: Bool
  /// Where the rows of its phase end.
  var phaseEnd: Int
}

/// An apply without the kernel's name of its step.
struct SmallApply: Sendable {
  var newState: PageState?
  var store: Store
  var occasion: ApplyOccasion
  var isFallible: Bool
}

/// Where the rows of one operation stand.
struct SmallRules: Sendable {
  var checks: Range<Int>
  var applies: Range<Int>
  var appliesPageByPage: Bool
  /// What the first row asks of the first page, if it refuses by the state of a page of memory: most calls end there.
  var gate: SmallGate?
}

/// A state that the host or the hypervisor must have of a page.
struct SmallGate: Sendable {
  private let isHyp: Bool
  private let expected: PageState

  /// The gate that a row is; nil for rows that ask for something else.
  init?(_ row: SmallCheck, _ operation: Operation) {
    guard row.subject == .host || row.subject == .hyp, let expected = row.expected, row.failure == .refuse,
      !row.isSkipped, row.onlyIfGuest == nil, operation.smallArguments != .guest
    else { return nil }
    isHyp = row.subject == .hyp
    self.expected = expected
  }

  func lets(_ page: SmallPage) -> Bool { (isHyp ? page.hyp : page.host) == expected }
}

/// The rows of all operations of one generation and build.
struct SmallTable: Sendable {
  private(set) var checks: ContiguousArray<SmallCheck> = []
  private(set) var applies: ContiguousArray<SmallApply> = []
  private(set) var rules: [Operation: SmallRules] = [:]

  init(_ book: RuleBook, el2Debug: Bool) {
    for operation in book.operations {
      if let rules = book[operation] { add(rules, el2Debug) }
    }
  }

  private mutating func add(_ rules: OperationRules, _ el2Debug: Bool) {
    let first = (check: checks.count, apply: applies.count)
    for phase in rules.checkPhases {
      let rows = rules.checks[phase].filter(\.condition.dependsOnState)
      let end = checks.count + rows.count
      for rule in rows {
        checks.append(
          SmallCheck(
            condition: rule.condition, subject: rule.subject, expected: rule.expected, failure: rule.failure,
            onlyIfGuest: rule.onlyIfGuest, isSkipped: rule.needsDebug && !el2Debug,
            phaseEnd: end))
      }
    }
    for rule in rules.applies {
      applies.append(
        SmallApply(
          newState: rule.newState, store: rule.store, occasion: rule.occasion,
          isFallible: rule.failure != .returnErrno))
    }
    self.rules[rules.operation] = SmallRules(
      checks: first.check..<checks.count, applies: first.apply..<applies.count,
      appliesPageByPage: rules.appliesPageByPage,
      gate: first.check < checks.count ? SmallGate(checks[first.check], rules.operation) : nil)
  }
}
