// Why: vectors run the kernel's selftest as one operation and list its steps; here it is performed on a page
// of the host's pool and everything is put back, as the kernel does.

import PageOwnership

extension VectorHarness {
  /// Runs the selftest; gives 0, or how many calls did not return or leave what they must.
  mutating func selfTest() -> Int64 {
    let before = machine
    defer { machine = before }
    let space = SpaceID(rawValue: SpaceID.firstGuest.rawValue + 1000)
    machine.guests.append(
      GuestMachine(
        space: space, handle: VMHandle(rawValue: 0x1fff), isProtected: false, memcache: 40, shape: start.shape))
    machine.updateFrames(PageRange(PageFrame(start.selfTestPage))) { $0.references = 0 }
    var wrong: Int64 = 0
    assertStates([.noPage, .owned, .noPage, .noPage])
    for step in SelfTest.steps(start.rules.generation) {
      let call = SelfTest.call(step, page: start.selfTestPage, guest: space, start.rules, start.shape)
      let result = perform(call)
      let isRight = step.result == nil || result.value == step.result
      if !isRight || result.fatal != nil || !hold(step.states, space) { wrong += 1 }
      if step.isAsserted { assertStates(step.states) }
      if let references = step.references { assertReferences(references) }
    }
    return wrong
  }

  /// The four checks that the selftest makes after a call, as the harness lists them.
  private mutating func assertStates(_ states: [PageState]) {
    for (component, state) in zip(["host", "hyp", "guest", "guest"], states) {
      watcher.append(VectorPhase("direct", component, 0, "check", VectorWords.letter(state)))
    }
  }

  /// Up to 6.18 the selftest reads the count by the function that unsharing asks, so the harness lists that too.
  private mutating func assertReferences(_ references: UInt16) {
    guard start.rules[.hostUnshareHyp]?.checks(step: "hyp_page_count").isEmpty == false else { return }
    watcher.append(VectorPhase("direct", "hyp", references == 0 ? 0 : Errno.busy, "refcount", ""))
  }

  private func hold(_ states: [PageState], _ space: SpaceID) -> Bool {
    let view = MachineView(machine, shape: start.shape, encoding: start.rules.encoding)
    guard let place = machine.place(of: space) else { return false }
    let page = PageFrame(start.selfTestPage)
    let first = PageFrame(SelfTest.guestPage(start.shape))
    let guest = machine.guests[place]
    let found = [
      view.hostHolding(page).state, view.hypState(page), view.guestHolding(guest, first).state,
      view.guestHolding(guest, first.advanced(by: 1)).state,
    ]
    return found == states
  }
}
