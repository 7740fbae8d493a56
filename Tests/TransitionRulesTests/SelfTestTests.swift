// Why: the kernel tests its own ownership rules at boot (`pkvm_ownership_selftest`); our rules must pass the
// same test, call by call, in every generation that has it, with and without EL2 debugging.

import PageOwnership
import PageTables
import Testing
import TransitionRules

struct SelfTestTests {
  static let page: UInt64 = 0x40676
  static let guest = SpaceID.firstGuest

  @Test(arguments: [Generation.linux6_16, .linux6_18, .linux7_1], [false, true])
  func rulesPassTheKernelsOwnTest(_ generation: Generation, _ debug: Bool) throws {
    let world = TestWorld(generation, debug: debug)
    var machine = world.machine
    machine.updateFrames(PageRange(PageFrame(Self.page))) {
      $0.host = .noPage
      $0.hyp = .owned
    }
    machine.hyp.put(
      PageRange(PageFrame(Self.page + world.shape.hypOffset >> 12)),
      Leaf(LeafWord(level: 3, raw: Self.page << 12 | 0x40_0000_0000_0743), at: Self.page + world.shape.hypOffset >> 12))
    for (index, step) in SelfTest.steps(generation).enumerated() {
      let call = SelfTest.call(step, page: Self.page, guest: Self.guest, world.engine.rules, world.shape)
      let result = world.engine.perform(call, on: &machine)
      if step.result != nil { #expect(result.value == step.result, "step \(index + 1) \(step)") }
      #expect(result.fatal == nil, "step \(index + 1) \(step)")
      #expect(states(world, machine) == step.states, "step \(index + 1) \(step)")
      let frame = machine.frame(PageFrame(Self.page))
      if let references = step.references { #expect(frame.references == references, "step \(index + 1)") }
      if let count = step.shareCount { #expect(frame.shareCount == count, "step \(index + 1)") }
    }
  }

  private func states(_ world: TestWorld, _ machine: Machine) -> [PageState] {
    let view = world.view(machine)
    let first = PageFrame(SelfTest.guestPage(world.shape))
    return [
      view.hostHolding(PageFrame(Self.page)).state, view.hypState(PageFrame(Self.page)),
      view.guestHolding(machine.guests[0], first).state,
      view.guestHolding(machine.guests[0], first.advanced(by: 1)).state,
    ]
  }

  @Test func theTestIsWhole() {
    // Row 0 of the specification is the state before the first call.
    #expect(SelfTest.steps(.linux7_1).count == 102)
    #expect(SelfTest.steps(.linux6_18).count == 56)
    #expect(SelfTest.steps(.linux6_16) == SelfTest.steps(.linux6_18))
    #expect(SelfTest.steps(.linux6_14).isEmpty)
  }
}
