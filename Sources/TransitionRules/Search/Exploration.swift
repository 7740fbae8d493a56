// Why: visits every state that a small machine can reach, nearest first, and keeps for each kind of hole the
// shortest way into it. Not here: how calls are performed (SmallMachine), what must hold (OwnershipInvariant).

package import PageOwnership

/// What a search looks at.
package struct ExplorationPlan: Hashable, Sendable {
  /// Whose rules.
  package var generation: Generation
  /// Whether EL2 debugging is built in.
  package var el2Debug: Bool
  /// How many pages, and addresses of each guest: 1 to 4.
  package var pages: Int
  /// How many guests: 0 to 3.
  package var guests: Int
  /// The operations to try; those that the generation lacks or that move no ownership are left out.
  package var operations: Set<Operation>
  /// How many states to keep at most.
  package var limit: Int
  /// How often a page is pinned at most: 1 to 3.
  package var pinLimit = 2

  /// Makes a plan.
  package init(
    generation: Generation, el2Debug: Bool, pages: Int, guests: Int, operations: Set<Operation>, limit: Int
  ) {
    self.generation = generation
    self.el2Debug = el2Debug
    self.pages = min(max(pages, 1), SmallState.pageLimit)
    self.guests = min(max(guests, 0), SmallState.guestLimit)
    self.operations = operations
    self.limit = limit
  }

  /// The largest machine that can be searched.
  package static let largest = (pages: SmallState.pageLimit, guests: SmallState.guestLimit)
}

/// Something that should not be reachable, and the shortest way there.
package struct Hole: Hashable, Sendable {
  /// What is wrong.
  package enum Kind: Hashable, Sendable {
    /// The hypervisor panics.
    case fatal
    /// An invariant no longer holds.
    case broken(OwnershipInvariant)
    /// It completes although a condition did not hold that this build does not check.
    case unchecked(Condition)
  }

  /// What is wrong.
  package var kind: Kind
  /// The calls from the first state on; the last one makes the hole.
  package var calls: [SmallCall]

  /// The operation that makes it.
  package var operation: Operation? { calls.last?.operation }
}

/// A search over all states of a small machine.
package struct Exploration {
  /// How it ended.
  package enum Ending: Hashable, Sendable {
    case complete, limit, stopped
  }

  /// How many states were found.
  package var stateCount: Int { states.count }
  /// How many calls changed something, counted once for each state they were made in.
  package private(set) var transitionCount = 0
  /// How many calls were tried.
  package private(set) var callCount = 0
  /// The holes, nearest first.
  package private(set) var holes: [Hole] = []

  private let plan: ExplorationPlan
  private let machine: SmallMachine
  private let calls: [SmallCall]
  private let rules: [SmallRules]
  private var states = StateSet()
  private var seenHoles: Set<HoleKey> = []
  /// By operation: the invariants that it is known to break, so that most edges need no look-up.
  private var knownBroken: [UInt16]

  private struct HoleKey: Hashable {
    var operation: Operation
    var kind: Hole.Kind
  }

  /// Prepares a search; `rules` replace those of the plan's generation.
  package init(_ plan: ExplorationPlan, rules changed: RuleBook? = nil) {
    self.plan = plan
    let book = changed ?? RuleBook.of(plan.generation)
    let machine = SmallMachine(book, el2Debug: plan.el2Debug, pages: plan.pages, guests: plan.guests)
    self.machine = machine
    calls = book.operations.filter(plan.operations.contains).flatMap {
      SmallCall.all($0, pages: plan.pages, guests: plan.guests)
    }
    rules = calls.compactMap { machine.table.rules[$0.operation] }
    knownBroken = Array(repeating: 0, count: calls.count)
    states.add(.initial, broken: Self.broken(.initial, machine), from: 0, by: 0)
  }

  /// Searches to the end, to the limit, or until `shouldStop` says so.
  package mutating func run(shouldStop: () -> Bool = { false }) -> Ending {
    var number = 0
    while number < states.count {
      if number & 4095 == 0, shouldStop() { return .stopped }
      guard expand(number) else { return .limit }
      number += 1
    }
    return .complete
  }

  // False if a state did not fit.
  private mutating func expand(_ number: Int) -> Bool {
    let before = states.states[number]
    for index in calls.indices where isPossible(calls[index], in: before) {
      var after = before
      let outcome = machine.perform(calls[index], rules[index], on: &after)
      callCount += 1
      switch outcome.ending {
      case .refused: continue
      case .fatal: note(.fatal, number, index)
      case .completed:
        if let condition = outcome.unchecked { note(.unchecked(condition), number, index) }
        guard after != before else { continue }
        transitionCount += 1
        guard let target = reach(after, from: number, by: index) else { return false }
        judge(states.broken[target] & ~states.broken[number], number, index)
      }
    }
    return true
  }

  // Pins beyond the limit are not tried, and dropping a pin that nobody holds is the hypervisor's own mistake.
  private func isPossible(_ call: SmallCall, in state: SmallState) -> Bool {
    switch call.operation {
    case .pin: (call.page..<call.page + call.count).allSatisfy { Int(state[page: $0].pins) < plan.pinLimit }
    case .unpin: (call.page..<call.page + call.count).allSatisfy { state[page: $0].pins > 0 }
    default: true
    }
  }

  private mutating func reach(_ state: SmallState, from number: Int, by call: Int) -> Int? {
    if let known = states.number(of: state) { return known }
    guard states.count < plan.limit else { return nil }
    states.add(state, broken: Self.broken(state, machine), from: number, by: call)
    return states.count - 1
  }

  private static func broken(_ state: SmallState, _ machine: SmallMachine) -> UInt64 {
    var broken: UInt64 = 0
    for page in 0..<machine.pageCount {
      broken |= UInt64(machine.account(of: page, in: state).broken.rawValue) << UInt64(page * 16)
    }
    return broken
  }

  private mutating func judge(_ newlyBroken: UInt64, _ number: Int, _ call: Int) {
    guard newlyBroken != 0 else { return }
    let bits = newlyBroken | newlyBroken >> 32
    let folded = UInt16(truncatingIfNeeded: bits | bits >> 16)
    guard folded & ~knownBroken[call] != 0 else { return }
    knownBroken[call] |= folded
    for invariant in InvariantSet(rawValue: folded).invariants { note(.broken(invariant), number, call) }
  }

  private mutating func note(_ kind: Hole.Kind, _ number: Int, _ call: Int) {
    guard seenHoles.insert(HoleKey(operation: calls[call].operation, kind: kind)).inserted else { return }
    holes.append(Hole(kind: kind, calls: (states.path(to: number) + [call]).map { calls[$0] }))
  }
}
