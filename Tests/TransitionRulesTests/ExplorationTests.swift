// Why: the search finds what is known of each generation and nothing where nothing is; and the small machine
// that it works on does what the engine does, which the vectors judge.

import PageOwnership
import PageTables
import TestSupport
import Testing

@testable import TransitionRules

private typealias Operation = PageOwnership.Operation

struct ExplorationTests {
  private func search(
    _ generation: Generation, debug: Bool = false, without left: Set<PageOwnership.Operation> = [], pages: Int = 2,
    guests: Int = 1, rules: RuleBook? = nil, limit: Int = 1_000_000
  ) -> (Exploration, Exploration.Ending) {
    let operations = Set(PageOwnership.Operation.allCases).subtracting(left)
    var search = Exploration(
      ExplorationPlan(
        generation: generation, el2Debug: debug, pages: pages, guests: guests, operations: operations, limit: limit),
      rules: rules)
    let ending = search.run()
    return (search, ending)
  }

  private static let secureWorld: Set<PageOwnership.Operation> = [.hostShareFFA, .hostUnshareFFA]

  private func way(_ search: Exploration, _ kind: Hole.Kind, by operation: PageOwnership.Operation)
    -> [PageOwnership.Operation]?
  {
    search.holes.first { $0.kind == kind && $0.operation == operation }?.calls.map(\.operation)
  }

  @Test func productionOf6_4() {
    let (search, ending) = search(.linux6_4)
    #expect(ending == .complete && search.stateCount == 400)
    #expect(way(search, .fatal, by: .hostUnshareHyp) == [.hostShareFFA, .hostUnshareHyp])
    #expect(way(search, .broken(.borrowedIsLent), by: .hostUnshareFFA) == [.hostShareHyp, .hostUnshareFFA])
    #expect(
      way(search, .broken(.pinnedIsShared), by: .hypDonateHost)
        == [.hostShareHyp, .pin, .hostUnshareFFA, .hostDonateHyp, .hypDonateHost])
    #expect(
      way(search, .unchecked(.targetIsUnmapped), by: .hostDonateHyp)
        == [.hostShareHyp, .hostUnshareFFA, .hostDonateHyp])
  }

  @Test func debuggingOf6_4ClosesWhatItChecks() {
    let (search, _) = search(.linux6_4, debug: true)
    #expect(way(search, .fatal, by: .hostUnshareHyp) == nil)
    #expect(!search.holes.contains { if case .unchecked = $0.kind { true } else { false } })
    #expect(way(search, .broken(.borrowedIsLent), by: .hostUnshareFFA) != nil)
  }

  @Test(arguments: [false, true]) func aHostCanPanic6_14(_ debug: Bool) {
    let (search, _) = search(.linux6_14, debug: debug, without: Self.secureWorld)
    #expect(search.holes.map(\.kind) == [.fatal])
    #expect(search.holes.first?.calls.map(\.operation) == [.hostShareHyp, .hostShareGuest])
  }

  @Test(arguments: [Generation.linux6_1, .linux6_2, .linux6_4, .linux6_16, .linux6_18, .linux7_1], [false, true])
  func nothingIsWrongWithoutTheSecureWorld(_ generation: Generation, _ debug: Bool) {
    let (search, ending) = search(generation, debug: debug, without: Self.secureWorld, guests: 2)
    #expect(ending == .complete && search.holes.isEmpty, "\(search.holes)")
  }

  @Test func aLimitEndsTheSearch() {
    let (search, ending) = search(.linux7_1, limit: 100)
    #expect(ending == .limit && search.stateCount == 100)
  }

  /// Each check that is taken away opens a hole that the search finds.
  @Test(
    arguments: [
      (.hostUnshareHyp, .notPinned), (.hostShareGuest, .targetIsUnmapped), (.hostDonateGuest, .sourceIsOwned),
      (.hypDonateHost, .sourceIsOwned), (.hostReclaimGuest, .sourceIsOwnedOrShared), (.hostDonateHyp, .sourceIsOwned),
    ] as [(PageOwnership.Operation, Condition)])
  func aMissingCheckIsFound(_ operation: PageOwnership.Operation, _ condition: Condition) {
    var rules = RuleBook.of(.linux7_1)
    rules.amend(operation) { rules in rules.checks.removeAll { $0.condition == condition } }
    let (search, _) = search(.linux7_1, without: Self.secureWorld, rules: rules)
    #expect(search.holes.contains { $0.operation == operation }, "\(search.holes)")
  }

  @Test(arguments: Generation.allCases, [false, true])
  func theSmallMachineDoesWhatTheEngineDoes(_ generation: Generation, _ debug: Bool) {
    var walk = SmallWalk(generation, debug: debug, seed: SeededRandom.seed(7))
    for step in 0..<1500 {
      guard let difference = walk.step() else { continue }
      Issue.record("step \(step), seed \(walk.random.seed): \(difference)")
      return
    }
    #expect(walk.completed > 100)
  }
}

/// A walk of a small machine and of the engine on the default machine, side by side.
struct SmallWalk {
  private static let pages = 3
  private static let guests = 2
  private static let firstPage: UInt64 = 0x41300
  private static let firstAddress: UInt64 = 0x100

  private let engine: Engine
  private let start: StartingMachine
  private let small: SmallMachine
  private let calls: [SmallCall]
  private var state = SmallState.initial
  private var machine: Machine
  private(set) var random: SeededRandom
  private(set) var completed = 0

  init(_ generation: Generation, debug: Bool, seed: UInt64) {
    start = StartingMachine(generation)
    machine = start.machine
    engine = Engine(.of(generation), shape: start.shape, el2Debug: debug)
    small = SmallMachine(.of(generation), el2Debug: debug, pages: Self.pages, guests: Self.guests)
    calls = engine.rules.operations.flatMap { SmallCall.all($0, pages: Self.pages, guests: Self.guests) }
    random = SeededRandom(seed: seed)
  }

  /// Makes one step; tells a disagreement.
  mutating func step() -> String? {
    let call = random.pick(calls)
    if call.operation == .unpin || call.operation == .pin {
      let pins = (call.page..<call.page + call.count).map { state[page: $0].pins }
      if pins.contains(where: { call.operation == .pin ? $0 > 1 : $0 == 0 }) { return nil }
    }
    guard let rules = small.table.rules[call.operation] else { return "\(call.operation) has no rules" }
    let outcome = small.perform(call, rules, on: &state)
    let result = engine.perform(full(call), on: &machine)
    let ending: SmallOutcome.Ending =
      result.fatal != nil ? .fatal : result.outcome == .refused ? .refused : .completed
    if ending != outcome.ending { return "\(call): small \(outcome.ending), engine \(result)" }
    if ending == .fatal {
      state = .initial
      machine = start.machine
      return nil
    }
    if ending == .completed { completed += 1 }
    return difference().map { "\(call): \($0)" }
  }

  private func full(_ call: SmallCall) -> OperationCall {
    let page = Self.firstPage + UInt64(call.page)
    var full = OperationCall(call.operation, page: page, count: UInt64(call.count))
    full.guest = SpaceID(rawValue: SpaceID.firstGuest.rawValue + Int32(call.guest))
    full.guestPage = Self.firstAddress + UInt64(call.guestPage)
    full.address = page << 12
    full.endAddress = (page + UInt64(call.count)) << 12
    full.protection = engine.rules.traits.protection.all
    return full
  }

  private func difference() -> String? {
    let view = MachineView(machine, shape: start.shape, encoding: engine.rules.encoding)
    for page in 0..<Self.pages {
      let frame = PageFrame(Self.firstPage + UInt64(page))
      let account = small.account(of: page, in: state)
      let host = view.hostHolding(frame)
      if host.state != account.host.state { return "page \(page): host \(host) and \(account.host)" }
      if !agree(host.annotation, account.host.annotation) { return "page \(page): host \(host) and \(account.host)" }
      if view.hypState(frame) != account.hyp { return "page \(page): hyp \(view.hypState(frame)) and \(account.hyp)" }
      let references = UInt32(machine.frame(frame).references)
      if references != account.pins { return "page \(page): \(references) pins and \(account.pins ?? 0)" }
      if !engine.rules.encoding.keepsHostStateInDescriptors, machine.frame(frame).shareCount != account.shareCount {
        return "page \(page): share counts differ"
      }
      let linear = frame.rawValue &+ start.shape.hypOffset >> 12
      if let isMapped = account.isMappedByHyp, machine.hyp.leaf(at: linear).isValid != isMapped {
        return "page \(page): mapped at EL2 or not"
      }
    }
    return guestDifference(view)
  }

  private func agree(_ full: OwnerAnnotation, _ small: OwnerAnnotation) -> Bool {
    guard case .guest(let handle, let gfn) = full, case .guest(let other, let address) = small else {
      return full == small
    }
    return handle == other && gfn.rawValue == Self.firstAddress + address.rawValue
  }

  private func guestDifference(_ view: MachineView) -> String? {
    for (number, guest) in machine.guests.prefix(Self.guests).enumerated() {
      for address in 0..<Self.pages {
        let held = view.guestHolding(guest, PageFrame(Self.firstAddress + UInt64(address)))
        let leaf = state[leaf: number * SmallState.pageLimit + address]
        if held.state != leaf.state { return "guest \(number).\(address): \(held.state) and \(leaf.state)" }
        if held.target?.rawValue != leaf.page.map({ Self.firstPage + UInt64($0) }) {
          return "guest \(number).\(address): maps \(held.target?.rawValue ?? 0) and \(leaf.page ?? -1)"
        }
      }
    }
    return nil
  }
}
