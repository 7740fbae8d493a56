// Why: what each condition of the vocabulary means on a machine. Conditions on ranges and arguments are
// here; those that are judged page by page in +Pages.

import PageOwnership
import PageTables

extension Engine {
  /// Judges rows that belong together; gives the row that decided, and how.
  func judge(
    _ rows: Range<Int>, _ rules: [CheckRow], _ attempt: inout Attempt, _ machine: Machine
  ) -> (Int, Finding) {
    let condition = rules[rows.lowerBound].condition
    guard rules[rows.lowerBound].isPerPage else {
      return (rows.lowerBound, judge(rules[rows.lowerBound], &attempt, machine))
    }
    switch rules[rows.lowerBound].subject {
    case .guest: return judgeGuestPages(rows, rules, &attempt, machine)
    case .host where self.rules.encoding.keepsHostStateInDescriptors:
      return judgeLeaves(rows, rules, machine.host, attempt.physical, attempt.size, attempt, machine)
    case .hyp where condition != .notPinned && self.rules.encoding.keepsHypStateInDescriptors:
      return judgeLeaves(
        rows, rules, machine.hyp, attempt.physical &+ shape.hypOffset, attempt.size, attempt, machine)
    default: return judgeFrames(rows, rules, attempt, machine)
    }
  }

  /// Judges a condition on arguments, regions or one leaf.
  private func judge(_ rule: CheckRow, _ attempt: inout Attempt, _ machine: Machine) -> Finding {
    switch rule.condition {
    case .insideTable: return judgeInside(rule, attempt, machine)
    case .inOneRegion:
      let stretch = shape.stretch(at: attempt.physical)
      let last = attempt.physical &+ attempt.size &- 1
      return stretch.first <= last && last <= stretch.last ? .holds : .fails
    case .isMemory: return shape.stretch(at: attempt.physical).kind == .memory ? .holds : .fails
    case .inMemoryRegion: return shape.stretch(at: attempt.physical).kind != nil ? .holds : .fails
    case .regionIsKnown: return .holds
    case .rangeIsValid:
      let isInside = attempt.call.page < shape.pageEnd && shape.pageEnd - attempt.call.page >= attempt.call.count
      return isInside ? .holds : .fails
    case .sizeIsValid: return judgeSize(attempt)
    case .permissionsAllowed:
      return rule.subject == .guest && attempt.call.protection & ~rules.traits.protection.all != 0 ? .fails : .holds
    case .leafIsUnmapped, .leafNamesNobody, .stateAgreesWithLeaf, .hostLeafIsInvalidPage, .hostLeafIsDonation,
      .hostNamesGuest:
      return judgeHostLeaf(rule, &attempt, machine)
    case .hostHasNoAccess:
      let state = machine.frames[attempt.page].host
      return state == .owned || state == .sharedOwned || state == .sharedBorrowed
        ? .fails(page: attempt.page, level: 3, found: state) : .holds
    default: return judgeGuest(rule, &attempt, machine)
    }
  }

  private func judgeInside(_ rule: CheckRow, _ attempt: Attempt, _ machine: Machine) -> Finding {
    switch rule.subject {
    case .host: return machine.host.walk(attempt.physical, attempt.size) == nil ? .outside : .holds
    case .hyp:
      return machine.hyp.walk(attempt.physical &+ shape.hypOffset, attempt.size) == nil ? .outside : .holds
    default:
      guard let guest = attempt.guest else { return .noTable }
      if machine.guests[guest].table.walk(attempt.guestAddress, attempt.size) == nil { return .outside }
      return machine.guests[guest].hasTable ? .holds : .noTable
    }
  }

  /// One page, or exactly one block whose ends are aligned.
  ///
  /// The corresponding kernel function is `__guest_check_transition_size`.
  private func judgeSize(_ attempt: Attempt) -> Finding {
    if attempt.call.count == 1 { return .holds }
    let block = Leaf.pageCount(2)
    let isAligned = (attempt.physical | attempt.guestAddress) & (block << 12 - 1) == 0
    return attempt.call.count == block && isAligned ? .holds : .fails
  }

  private func judgeHostLeaf(_ rule: CheckRow, _ attempt: inout Attempt, _ machine: Machine) -> Finding {
    let leaf = machine.host.leaf(at: attempt.page)
    let holds: Bool
    switch rule.condition {
    case .leafIsUnmapped: holds = !leaf.isValid
    case .leafNamesNobody: holds = leaf.isEmpty
    case .stateAgreesWithLeaf:
      let isMemory = shape.stretch(at: attempt.physical).kind != nil
      holds = leaf.isEmpty || leaf.isValid || !isMemory || machine.frames[attempt.page].host == .noPage
    case .hostLeafIsInvalidPage: holds = leaf.level == 3 && !leaf.isValid
    case .hostLeafIsDonation: holds = leaf.word >> 60 == 2
    default:
      guard case .guest(let handle, let gfn) = rules.encoding.annotation(leaf.word) else { return .fails }
      attempt.guest = machine.guests.firstIndex { $0.handle == handle && $0.isKnown }
      attempt.guestAddress = gfn.address
      holds = true
    }
    return holds ? .holds : .fails
  }

  private func judgeGuest(_ rule: CheckRow, _ attempt: inout Attempt, _ machine: Machine) -> Finding {
    guard let place = attempt.guest else { return .fails }
    let page = attempt.guestAddress >> 12
    let leaf = machine.guests[place].table.leaf(at: page)
    switch rule.condition {
    case .guestIsKnown: return .holds
    case .guestIsNotProtected: return machine.guests[place].isProtected ? .fails : .holds
    case .memcacheSuffices:
      return machine.guests[place].memcache >= 3 - Int(shape.stage2Start) ? .holds : .fails
    case .guestLeafIsNotPoisoned:
      return rules.encoding.guestState(LeafWord(level: 3, raw: leaf.word)) == .poison ? .fails : .holds
    case .guestLeafIsMapped:
      guard leaf.isValid else { return .fails }
      let base = page & ~(Leaf.pageCount(leaf.level) &- 1)
      attempt.leaf = leaf
      attempt.guestState = rules.encoding.guestState(LeafWord(level: 3, raw: leaf.word))
      attempt.physical = attempt.call.operation == .hostForceReclaim ? attempt.physical : leaf.target(of: base) << 12
      attempt.size = Leaf.pageCount(leaf.level) << 12
      return .holds
    case .guestWalkReachesPage: return leaf.level == 3 ? .holds : .fails
    case .guestLeafHasSize:
      let asked = rules.counts(attempt.call) &<< 12
      return attempt.size == asked ? .holds : .fails
    case .guestLeafMapsMemory: return judgeMemory(attempt)
    case .guestLeafMapsPage:
      return leaf.isValid && leaf.target(of: page) == attempt.page ? .holds : .fails
    default: return .holds
    }
  }

  private func judgeMemory(_ attempt: Attempt) -> Finding {
    let stretch = shape.stretch(at: attempt.physical)
    let last = attempt.physical &+ attempt.size &- 1
    return stretch.kind == .memory && stretch.first <= last && last <= stretch.last ? .holds : .fails
  }
}

extension RuleBook {
  /// How many pages a call on a guest asks for.
  func counts(_ call: OperationCall) -> UInt64 { self[call.operation]?.counting == .pageOrBlock ? call.count : 1 }
}
