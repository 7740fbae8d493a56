// Why: calls into the hypervisor and the functions inside them, and what they tell of guests' lives.

import PageOwnership
import PageTables

extension RecordingImporter {
  /// `hypercall` and `enter`: an activation begins.
  func takeActivation(_ line: RecordingLine) throws(InputError) {
    let id = try line.requiredAction()
    let function = try line.requiredFunction()
    guard openActivations[id.rawValue] == nil else { throw line.error("act \(id.rawValue) begins twice") }
    guard openActivations.count < Self.openLimit else { throw line.error("too many activations are open") }
    let registers = try readRegisters(line)
    let name = function.makeString()
    let cpu = line.cpu ?? -1
    if line.phase == .hypercall { leaveAll(on: cpu, line) }
    let kind: ActivationKind =
      line.phase == .enter ? .function : name == "__pkvm_init" ? .boot : .hypercall
    // The host's calls are inside nothing, even if an earlier call of that CPU (boot) never returned.
    let parent = kind == .function ? activationStacks[cpu]?.last : nil
    let entry = makeEntry(plainSite(.activation, line), line, action: id)
    batch.entries.append(entry)
    batch.activations.append(
      Activation(
        id: id, parent: parent.map { ActionID($0) }, kind: kind, kernelFunction: name, cpu: line.cpu,
        firstSeq: entry.seq, registers: registers, arguments: argumentText(line.arguments, leaveOut: []))
    )
    let handle = (line.arguments?["handle"]?.hex ?? registers.first).map { UInt16(truncatingIfNeeded: $0) }
    openActivations[id.rawValue] = OpenActivation(
      id: id.rawValue, function: name, cpu: cpu, kind: kind.rawValue, handle: handle,
      guestSpace: handle.flatMap { liveGuests[$0]?.space })
    activationStacks[cpu, default: []].append(id.rawValue)
    if name == "__pkvm_init_vcpu", line.phase == .enter, let handle { nameGuest(handle) }
  }

  private func readRegisters(_ line: RecordingLine) throws(InputError) -> [UInt64] {
    var registers: [UInt64] = []
    try line.registers?.forEachElement { (value: JSONValue) throws(InputError) in
      // What lay outside memory could not be read.
      guard registers.count < 6, let register = value.isNull ? 0 : value.hex else {
        throw line.error("`regs` is not up to six hexadecimal numbers")
      }
      registers.append(register)
    }
    return registers
  }

  /// `hypercall-return` and `leave`: an activation ends.
  func takeActivationEnd(_ line: RecordingLine) throws(InputError) {
    let id = try line.requiredAction()
    let result = try line.resultValue()
    guard let open = openActivations[id.rawValue] else { return try takeOrphanEnd(line, result) }
    var entry = makeEntry(plainSite(.activationEnd, line), line, action: id)
    entry.result = result
    batch.entries.append(entry)
    batch.activationEnds.append(
      ActionEnd(id: id, lastSeq: entry.seq, outcome: nil, result: result, failedSeq: nil))
    openActivations[id.rawValue] = nil
    activationStacks[open.cpu]?.removeAll { $0 == id.rawValue }
    if open.kind == ActivationKind.hypercall.rawValue { noteLifecycle(open, result, entry.seq) }
  }

  // The end of a call whose begin is missing still tells of guests' lives.
  private func takeOrphanEnd(_ line: RecordingLine, _ result: Int64?) throws(InputError) {
    try takeOrphan(line, .activationEnd)
    guard line.phase == .hypercallReturn, let function = line.function?.makeString() else { return }
    noteLifecycle(
      OpenActivation(id: -1, function: function, cpu: -1, kind: ActivationKind.hypercall.rawValue), result, lastSeq)
  }

  // The host calls from outside: what the CPU was inside before never returned.
  private func leaveAll(on cpu: Int32, _ line: RecordingLine) {
    proveFatal(on: cpu, line)
    for id in activationStacks[cpu] ?? [] { openActivations[id]?.isCurrent = false }
    activationStacks[cpu] = nil
  }

  /// The hypervisor does not take the host's calls or aborts on a CPU that is inside a transition: if it
  /// does, the transition ended in a panic (captures NOTES, k73-panic-young).
  func proveFatal(on cpu: Int32, _ line: RecordingLine) {
    // One that may have ended in a gap has ended by now.
    for open in openTransitions.values where open.cpu == cpu && !open.isCertainlyOpen { openTransitions[open.id] = nil }
    guard let id = transitionOfCPU[cpu], let open = openTransitions[id], open.isCertainlyOpen,
      let operation = Operation(rawValue: open.operation)
    else { return }
    finishTorn(id)
    var entry = makeEntry(ownSite(.end, operation: operation), nil, action: ActionID(id))
    entry.cpu = cpu
    entry.outcome = TransitionOutcome.fatal.rawValue
    entry.note = "inferred: CPU \(cpu) is back in the host at line \(line.number) and this never returned"
    batch.entries.append(entry)
    state.fatalTransitions.append(id)
    closeTransition(open, entry.seq, .fatal, result: nil)
    transitionOfCPU[cpu] = nil
  }

  // MARK: - guests

  private func noteLifecycle(_ activation: OpenActivation, _ result: Int64?, _ seq: SequenceNumber) {
    guard let result else { return }
    switch activation.function {
    case "__pkvm_reserve_vm" where result > 0:
      let handle = UInt16(truncatingIfNeeded: result)
      if liveGuests[handle] != nil { endGuest(handle, seq) }
      if !state.reservedHandles.contains(handle) { state.reservedHandles.append(handle) }
    case "__pkvm_unreserve_vm":
      state.reservedHandles.removeAll { $0 == activation.handle }
    case "__pkvm_init_vm" where result > 0:
      // ≤ 6.17 hands out the handle here.
      let handle = UInt16(truncatingIfNeeded: result)
      if liveGuests[handle] != nil { endGuest(handle, seq) }
      bearGuest(handle, seq)
    case "__pkvm_init_vm" where result == 0:
      // The register names the host's structure, not the handle: certain once as many are initialised as reserved.
      state.initialisedWithoutName += 1
      if state.initialisedWithoutName > 0, state.initialisedWithoutName >= state.reservedHandles.count {
        for handle in state.reservedHandles { bearGuest(handle, seq) }
        state.reservedHandles.removeAll()
        state.initialisedWithoutName = 0
      }
    case "__pkvm_start_teardown_vm" where result == 0:
      // Only an initialised guest can die.
      if let handle = activation.handle { nameGuest(handle) }
    case "__pkvm_teardown_vm" where result == 0, "__pkvm_finalize_teardown_vm" where result == 0:
      // The handle is free inside the call, and another CPU may have it already.
      if let handle = activation.handle, liveGuests[handle]?.space == activation.guestSpace { endGuest(handle, seq) }
    default: break
    }
  }

  /// Something names a reserved handle: that guest is initialised.
  func nameGuest(_ handle: UInt16) {
    guard liveGuests[handle] == nil, let place = state.reservedHandles.firstIndex(of: handle) else { return }
    state.reservedHandles.remove(at: place)
    // Below 0: what initialises it has not returned yet.
    state.initialisedWithoutName -= 1
    bearGuest(handle, lastSeq)
  }

  private func bearGuest(_ handle: UInt16, _ seq: SequenceNumber) {
    let incarnation = state.incarnations[Int(handle), default: 0] + 1
    state.incarnations[Int(handle)] = incarnation
    let guest = LiveGuest(
      handle: handle, incarnation: incarnation, bornSeq: seq.rawValue, space: state.nextSpace, isWritten: false)
    state.nextSpace += 1
    liveGuests[handle] = guest
    image.addGuest(guest.asSpace(isProtected: nil), isEmpty: seq.rawValue > 0)
  }

  private func endGuest(_ handle: UInt16, _ seq: SequenceNumber) {
    guard liveGuests[handle] != nil else { return }
    let space = guestSpace(handle, isProtected: nil)
    batch.spaceEnds.append((space, seq))
    image.removeGuest(space)
    liveGuests[handle] = nil
  }

  /// The space of the guest that now has a handle; its row is written when something first needs it,
  /// since only then is it known whether the guest is protected. A guest that was not seen being born
  /// has its birth at 0: nothing is known of its table.
  func guestSpace(_ handle: UInt16, isProtected: Bool?) -> SpaceID {
    nameGuest(handle)
    if liveGuests[handle] == nil { bearGuest(handle, SequenceNumber(0)) }
    guard let guest = liveGuests[handle] else { return .host }
    if !guest.isWritten {
      liveGuests[handle]?.isWritten = true
      batch.spaces.append((guest.asSpace(isProtected: isProtected), SequenceNumber(guest.bornSeq)))
    }
    return SpaceID(rawValue: guest.space)
  }

  /// Writes the spaces of guests that nothing needed so far: at the end of an import.
  func writeUnnamedGuests() {
    for handle in liveGuests.keys.sorted() { _ = guestSpace(handle, isProtected: nil) }
  }
}
