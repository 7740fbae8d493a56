// Why: performs the operations of a generation's tables on a machine of few pages, fast enough to visit every
// state that it can reach. Its pages are plain memory, its page tables and caches never run out: what depends
// on addresses, regions and resources is the engine's. Not here: stores (SmallMachine+Apply).

import PageOwnership
import PageTables

/// The rules of one generation and build, ready for a small machine.
struct SmallMachine: Sendable {
  let pageCount: Int
  let guestCount: Int
  /// Whether the hypervisor's state is in its descriptors: then a page is mapped exactly if it has a state.
  let hypStateIsMapping: Bool
  let table: SmallTable

  init(_ book: RuleBook, el2Debug: Bool, pages: Int, guests: Int) {
    pageCount = pages
    guestCount = guests
    hypStateIsMapping = book.encoding.keepsHypStateInDescriptors
    table = SmallTable(book, el2Debug: el2Debug)
  }

  /// Performs a call.
  func perform(_ call: SmallCall, _ rules: SmallRules, on state: inout SmallState) -> SmallOutcome {
    if let gate = rules.gate, !gate.lets(state[page: call.page]) {
      return SmallOutcome(ending: .refused, unchecked: nil)
    }
    var run = SmallRun(call, state)
    var outcome = SmallOutcome(ending: .completed, unchecked: nil)
    switch check(&run, rules, &outcome) {
    case .goOn, .leavePhase: break
    case .stop(let ending):
      outcome.ending = ending
      return outcome
    }
    if !apply(&run, rules) { outcome.ending = .fatal }
    state = run.state
    return outcome
  }

  private enum Decision {
    case goOn
    case leavePhase
    case stop(SmallOutcome.Ending)
  }

  // The first page that fails decides, phase by phase; within a phase all conditions are asked of one page first.
  private func check(_ run: inout SmallRun, _ rules: SmallRules, _ outcome: inout SmallOutcome) -> Decision {
    var start = rules.checks.lowerBound
    while start < rules.checks.upperBound {
      let phase = start..<table.checks[start].phaseEnd
      start = phase.upperBound
      for page in run.pages {
        guard let decision = check(&run, phase, page, &outcome) else { continue }
        if case .leavePhase = decision { break }
        return decision
      }
    }
    return .goOn
  }

  // Nil if all conditions of a phase hold for a page.
  private func check(
    _ run: inout SmallRun, _ phase: Range<Int>, _ page: Int, _ outcome: inout SmallOutcome
  ) -> Decision? {
    for index in phase {
      let rule = table.checks[index]
      if let only = rule.onlyIfGuest, run.guestState != only { continue }
      if run.holds(rule.condition, rule.subject, rule.expected, page) { continue }
      if rule.isSkipped {
        outcome.unchecked = outcome.unchecked ?? rule.condition
        continue
      }
      switch rule.failure {
      case .refuse: return .stop(.refused)
      case .warnAndRefuse, .warnAndGoOn: return .stop(.fatal)
      case .finish: return .stop(.completed)
      case .leavePhase: return .leavePhase
      }
    }
    return nil
  }
}

/// One call under way.
struct SmallRun {
  var state: SmallState
  let call: SmallCall
  /// The pages that it is about; -1 where a guest's address maps none.
  let pages: Range<Int>
  /// The guest's address that it is about; nil for none.
  let leaf: Int?
  /// What the guest's table said of that address when the call began.
  let guestState: PageState?

  init(_ call: SmallCall, _ state: SmallState) {
    self.call = call
    self.state = state
    switch call.operation.smallArguments {
    case .guest:
      leaf = call.leaf
      let page = state[leaf: call.leaf].page ?? -1
      pages = page..<page + 1
    case .pageAndGuest:
      leaf = call.leaf
      pages = call.page..<call.page + 1
    default:
      // Only force reclaim asks for the guest that the host's table names.
      leaf = state[page: call.page].namedLeaf
      pages = call.page..<call.page + call.count
    }
    guestState = leaf.map { state[leaf: $0].state }
  }

  /// What a space says of a page; a page that is not there is nobody's.
  func state(_ subject: SpaceKind?, _ page: Int) -> PageState {
    switch subject {
    case .guest: leaf.map { state[leaf: $0].state } ?? .noPage
    case .hyp: page < 0 ? .noPage : state[page: page].hyp
    default: page < 0 ? .noPage : state[page: page].host
    }
  }

  /// Whether a condition holds of a page.
  func holds(_ condition: Condition, _ subject: SpaceKind?, _ expected: PageState?, _ page: Int) -> Bool {
    switch condition {
    case .sourceIsOwned, .sourceIsShared, .sourceIsBorrowed, .sourceIsUnmapped, .targetIsUnmapped, .targetIsShared,
      .targetIsBorrowed:
      state(subject, page) == expected
    case .sourceIsOwnedOrShared: state(subject, page).isOwning
    case .sourceIsOwnedOrGuestShared: state(.host, page).isOwning
    case .shareCountIsNotZero: state(.host, page) != .sharedOwned || page < 0 || state[page: page].shareCount > 0
    case .notPinned: page < 0 || state[page: page].pins == 0
    case .guestLeafIsNotPoisoned: guestState != .poison
    case .guestLeafIsMapped, .guestLeafIsValid: leaf.flatMap { state[leaf: $0].page } != nil
    case .guestLeafMapsPage: leaf.flatMap { state[leaf: $0].page } == page
    case .hostHasNoAccess: state(.host, page) == .noPage
    case .hostLeafIsInvalidPage, .hostLeafIsDonation:
      page >= 0 && state[page: page].named != SmallPage.nobody
    case .hostNamesGuest: page >= 0 && state[page: page].namedLeaf != nil
    default: true
    }
  }
}

extension Condition {
  /// Whether a small machine can break it. What is about addresses, sizes, regions and resources always holds there.
  var dependsOnState: Bool {
    switch self {
    case .sourceIsOwned, .sourceIsShared, .sourceIsBorrowed, .sourceIsUnmapped, .targetIsUnmapped, .targetIsShared,
      .targetIsBorrowed, .sourceIsOwnedOrShared, .sourceIsOwnedOrGuestShared, .shareCountIsNotZero, .notPinned,
      .guestLeafIsNotPoisoned, .guestLeafIsMapped, .guestLeafIsValid, .guestLeafMapsPage, .hostHasNoAccess,
      .hostLeafIsInvalidPage, .hostLeafIsDonation, .hostNamesGuest:
      true
    default: false
    }
  }
}
