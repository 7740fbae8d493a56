// Why: performs an operation as the tables say, phase by phase. It interprets the rows: what is checked, in
// which order, with which errno, what is written then and what a failure means stand in the tables alone. Pure
// and total: any arguments on any machine give a result.

import PageOwnership

/// Performs operations by the rules of one generation.
package struct Engine: Sendable {
  /// The rules in force.
  package let rules: RuleBook
  /// The machine that they are applied to.
  package let shape: MachineShape
  /// Whether EL2 debugging (CONFIG_NVHE_EL2_DEBUG) is built in.
  package let el2Debug: Bool
  private let plans: [Operation: Plan]

  /// An operation's rules with what is computed of them once.
  final class Plan: Sendable {
    let rules: OperationRules
    let checks: [CheckRow]
    let phases: [Range<Int>]

    init(_ rules: OperationRules) {
      self.rules = rules
      checks = rules.checks.map { CheckRow($0) }
      phases = rules.checkPhases
    }
  }

  /// Makes an engine.
  package init(_ rules: RuleBook, shape: MachineShape, el2Debug: Bool) {
    self.rules = rules
    self.shape = shape
    self.el2Debug = el2Debug
    var plans: [Operation: Plan] = [:]
    for operation in rules.operations {
      if let found = rules[operation] { plans[operation] = Plan(found) }
    }
    self.plans = plans
  }

  /// Performs an operation on a machine; tells the observer each phase and each state between.
  ///
  /// An operation that the generation does not have does nothing and returns nothing.
  package func perform(
    _ call: OperationCall, on machine: inout Machine, observer: inout some TransitionObserver
  ) -> OperationResult {
    guard let plan = plans[call.operation] else { return OperationResult() }
    var attempt = Attempt(call, plan.rules.counting)
    guard check(&attempt, plan, machine, &observer) else { return attempt.result }
    apply(&attempt, plan.rules, &machine, &observer)
    return attempt.result
  }

  /// The machine that an operation leaves, with its result; nil if a check ends it. For searches: most calls are
  /// refused, and a machine that stays is not copied.
  package func successor(of machine: Machine, by call: OperationCall) -> (machine: Machine, result: OperationResult)? {
    guard let plan = plans[call.operation] else { return nil }
    var attempt = Attempt(call, plan.rules.counting)
    var nobody = NoObserver()
    guard check(&attempt, plan, machine, &nobody) else { return nil }
    var next = machine
    apply(&attempt, plan.rules, &next, &nobody)
    return (next, attempt.result)
  }

  /// Performs an operation on a machine that nobody watches.
  package func perform(_ call: OperationCall, on machine: inout Machine) -> OperationResult {
    var nobody = NoObserver()
    return perform(call, on: &machine, observer: &nobody)
  }
}

extension Engine {
  /// Performs one apply that no operation asks for, on the pages of a call: forces a state, as harnesses do.
  package func force(_ rule: ApplyRule, _ call: OperationCall, on machine: inout Machine) -> ApplyReport {
    var attempt = Attempt(call, .range)
    attempt.guest = call.guest.flatMap { machine.place(of: $0) }
    var report = ApplyReport(row: 0, page: nil, result: 0)
    if case .returned(let value, _) = store(rule, &attempt, &machine, &report) { report.result = value }
    return report
  }
}

/// What the engine reads of a check rule: all but its name, so that looking at a row counts no references.
struct CheckRow: Sendable {
  let condition: Condition
  let isPerPage: Bool
  let subject: SpaceKind?
  let expected: PageState?
  let errno: Int64
  let failure: CheckFailure
  let warnings: Int
  let needsDebug: Bool
  let onlyIfGuest: PageState?

  init(_ rule: CheckRule) {
    condition = rule.condition
    isPerPage = rule.condition.isPerPage
    subject = rule.subject
    expected = rule.expected
    errno = rule.errno
    failure = rule.failure
    warnings = rule.warnings
    needsDebug = rule.needsDebug
    onlyIfGuest = rule.onlyIfGuest
  }
}

/// An operation under way: what was derived from its arguments, and what came of it so far.
struct Attempt {
  let call: OperationCall
  /// The first physical byte and the number of bytes, as the kernel computes them: modulo 2^64.
  var physical: UInt64
  var size: UInt64
  /// The first byte in the guest's space.
  var guestAddress: UInt64
  /// Where the guest stands in the machine.
  var guest: Int?
  /// The guest's leaf, once it was looked up.
  var leaf: Leaf?
  /// The state of the guest's page, once it was read.
  var guestState: PageState?
  var result = OperationResult()

  init(_ call: OperationCall, _ counting: PageCounting) {
    self.call = call
    guestAddress = call.guestPage &<< 12
    switch counting {
    case .one:
      let isAddressed = call.operation == .hostFault || call.operation == .hostForceReclaim
      physical = isAddressed ? call.address : call.page &<< 12
      if call.operation == .hostForceReclaim { physical &= ~0xfff }
      size = 1 << 12
    case .range, .pageOrBlock:
      physical = call.page &<< 12
      size = call.count &<< 12
    case .bytes:
      physical = call.address & ~0xfff
      size = ((call.endAddress &+ 0xfff) & ~0xfff) &- physical
    }
  }

  /// Whether the range ends before it begins.
  var isReversed: Bool { physical &+ size < physical }

  /// The first page of memory.
  var page: UInt64 { physical >> 12 }
}
