// Why: the engine and a naive model that shares nothing with it walk the same random way through every
// generation, 6.2 included, for which there are no vectors. They must agree on every result and every page.

import Foundation
import PageOwnership
import PageTables
import TestSupport
import Testing
import TransitionRules

struct RandomWalkTests {
  static let steps = ProcessInfo.processInfo.environment["CUSTODY_RULES_STEPS"].flatMap { Int($0) } ?? 1500

  @Test(arguments: Generation.allCases, [false, true])
  func engineAndNaiveModelAgree(_ generation: Generation, _ debug: Bool) {
    var walk = RandomWalk(generation, debug: debug, seed: SeededRandom.seed(41))
    for step in 0..<Self.steps {
      guard let difference = walk.step() else { continue }
      Issue.record("step \(step), seed \(walk.random.seed): \(difference)")
      return
    }
    #expect(walk.completed > Self.steps / 20)
    #expect(walk.refused > Self.steps / 20)
  }

  @Test(arguments: [Generation.linux6_2, .linux6_14, .linux7_1])
  func theNaiveModelNoticesAWrongLine(_ generation: Generation) {
    var book = RuleBook.of(generation)
    book.amend(.hostUnshareHyp) { rules in rules.checks.removeAll { $0.condition == .notPinned } }
    var walk = RandomWalk(generation, debug: true, seed: SeededRandom.seed(41), rules: book)
    #expect((0..<Self.steps).contains { _ in walk.step() != nil })
  }
}

/// A walk of both models.
struct RandomWalk {
  let world: TestWorld
  var machine: Machine
  var naive: NaivePages
  var random: SeededRandom
  var completed = 0
  var refused = 0
  let operations: [PageOwnership.Operation]
  let window: [UInt64]

  init(_ generation: Generation, debug: Bool, seed: UInt64, rules: RuleBook? = nil) {
    world = TestWorld(generation, debug: debug, rules: rules)
    machine = world.machine
    naive = NaivePages(generation, debug: debug, regions: TestWorld.regions)
    random = SeededRandom(seed: seed)
    let unmodelled: Set<PageOwnership.Operation> = [
      .hostFault, .guestRelaxPerms, .guestWriteProtect, .guestTestClearYoung, .guestMakeYoung, .vcpuInPoisonFault,
    ]
    operations = world.engine.rules.operations.filter { !unmodelled.contains($0) }
    window =
      Array(0x41300..<0x41310) + Array(0x413fc..<0x41404) + [0x41008, 0x41009, 0x42010, 0x42011, 0x42a01, 0x42a02]
  }

  /// Makes one step; tells a disagreement.
  mutating func step() -> String? {
    if random.below(20) == 0 { return faultSomewhere() }
    let operation = random.pick(operations)
    var page = random.pick(window)
    var count = UInt64(random.below(10) < 6 ? 1 : 1 + random.below(4))
    let isStray = page < 0x41100 || page >= 0x42000
    // Where leaves are judged and not pages, only ranges of one kind have a simple answer; and the naive model has no
    // metadata that is not there.
    if isStray { count = 1 }
    if operation == .hypDonateHost && isStray { page = 0x41300 }
    var call = OperationCall(operation, page: page, count: count)
    let isRange = [.hostDonateHyp, .hypDonateHost, .hostShareFFA, .hostUnshareFFA, .pin, .unpin].contains(operation)
    if !isRange { call.count = 1 }
    call.address = page << 12
    call.endAddress = (page + call.count) << 12
    call.guest = world.machine.guests[random.below(2)].space
    call.guestPage = 0x100 + UInt64(random.below(6))
    call.protection = world.engine.rules.traits.protection.all
    return compare(call)
  }

  private mutating func compare(_ call: OperationCall) -> String? {
    let before = machine
    let expected = expect(call)
    let found = world.engine.perform(call, on: &machine)
    if found.value != expected.value || (found.fatal != nil) != expected.isFatal {
      return "\(call): engine \(found), naive \(expected)"
    }
    if found.fatal == nil, let value = found.value, value < 0 {
      refused += 1
      if machine != before { return "\(call): refused with \(value), and changed something" }
    } else {
      completed += 1
    }
    return difference().map { "\(call): \($0)" }
  }

  private mutating func expect(_ call: OperationCall) -> NaiveResult {
    let guest = GuestPage(call.guest ?? .firstGuest, PageFrame(call.guestPage))
    switch call.operation {
    case .hostShareHyp: return naive.hostShareHyp(call.page)
    case .hostUnshareHyp: return naive.hostUnshareHyp(call.page)
    case .hostDonateHyp: return naive.hostDonateHyp(call.page, call.count)
    case .hypDonateHost: return naive.hypDonateHost(call.page, call.count)
    case .pin: return naive.pin(call.page, call.count)
    case .unpin: return naive.unpin(call.page, call.count)
    case .hostShareFFA: return naive.shareFFA(call.page, call.count, isEnd: false)
    case .hostUnshareFFA: return naive.shareFFA(call.page, call.count, isEnd: true)
    case .hostShareGuest: return naive.hostShareGuest(call.page, guest)
    case .hostUnshareGuest: return naive.hostUnshareGuest(guest)
    case .hostDonateGuest: return naive.hostDonateGuest(call.page, guest)
    case .guestShareHost: return naive.guestShareHost(guest, isEnd: false)
    case .guestUnshareHost: return naive.guestShareHost(guest, isEnd: true)
    case .hostReclaimGuest: return naive.hostReclaimGuest(guest)
    default: return naive.hostForceReclaim(call.page)
    }
  }

  /// A fault of the host changes tables and no ownership.
  private mutating func faultSomewhere() -> String? {
    var call = OperationCall(.hostFault)
    call.address = random.pick(window.filter { $0 >= 0x41100 && $0 < 0x42000 }) << 12 | 0x123
    _ = world.engine.perform(call, on: &machine)
    return difference().map { "\(call): \($0)" }
  }

  /// The first page that the two tell differently.
  private func difference() -> String? {
    let view = world.view(machine)
    for page in window {
      let frame = PageFrame(page)
      let host = view.hostHolding(frame).state
      if host != naive.hostState(page) { return "host 0x\(String(page, radix: 16)): \(host), \(naive.hostState(page))" }
      let told = naive[page]
      let hyp = view.hypState(frame)
      if hyp != told.hyp { return "hyp 0x\(String(page, radix: 16)): \(hyp), \(told.hyp)" }
      let counters = machine.frame(frame)
      if Int(counters.references) != told.references { return "references 0x\(String(page, radix: 16))" }
      if Int(counters.shareCount) != told.shares { return "shares 0x\(String(page, radix: 16))" }
    }
    for guest in machine.guests {
      for page in UInt64(0x100)..<0x106 {
        let found = view.guestHolding(guest, PageFrame(page))
        let told = naive.guests[GuestPage(guest.space, PageFrame(page))]
        if found.state != told?.state ?? .noPage { return "guest \(guest.space) 0x\(String(page, radix: 16))" }
        if let target = found.target, target.rawValue != told?.page { return "target of 0x\(String(page, radix: 16))" }
      }
    }
    return nil
  }
}
