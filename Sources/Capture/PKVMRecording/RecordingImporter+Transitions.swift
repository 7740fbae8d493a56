// Why: transitions begin and end: who gives, who receives, what was seen before, what became of it.

import PageOwnership
import PageTables

extension RecordingImporter {
  /// `call`: a transition begins.
  func takeBegin(_ line: RecordingLine) throws(InputError) {
    let id = try line.requiredAction()
    let function = try line.requiredFunction()
    guard let operation = Operation(kernelFunction: function.makeString()) else {
      throw line.error("`\(function.makeString())` is no transition that Custody knows")
    }
    guard openTransitions[id.rawValue] == nil else { throw line.error("act \(id.rawValue) begins twice") }
    guard openTransitions.count < Self.openLimit else { throw line.error("too many transitions are open") }
    guard let arguments = line.arguments else { throw line.error("the call has no `args`") }
    let range = try readRange(line, arguments, operation)
    let seen = try readState(line, range)
    try checkWalk(line, arguments)

    let cpu = line.cpu ?? -1
    if operation == .hostFault { proveFatal(on: cpu, line) }
    var open = OpenTransition(
      id: id.rawValue, operation: operation.rawValue, cpu: cpu,
      ownsActivation: operation == .hostFault
        || line.hypercall == nil && [.guestShareHost, .guestUnshareHost].contains(operation),
      page: range.page, pageCount: range.count)
    if let handle = range.handle {
      open.guestSpace = guestSpace(handle, isProtected: range.isProtected).rawValue
      open.guestPage = range.guestPage
    }
    writeBegin(line, id, operation, open, arguments, seen)
    open.note(seen)
    openTransitions[id.rawValue] = open
    transitionOfCPU[cpu] = id.rawValue
  }

  private func writeBegin(
    _ line: RecordingLine, _ id: ActionID, _ operation: Operation, _ open: OpenTransition, _ arguments: JSONValue,
    _ seen: [SeenWords]
  ) {
    var entry = makeEntry(plainSite(.begin, line, operation: operation), line, action: id)
    let source = endpoint(operation.endpoints.source, open, arguments)
    entry.space = source.space
    entry.page = source.space.isGuest ? open.guestPage.map { PageFrame($0) } : open.page.map { PageFrame($0) }
    entry.pageCount = open.pageCount
    batch.entries.append(entry)
    if open.ownsActivation { writeOwnActivation(line, id, operation, entry.seq) }
    batch.transitions.append(
      Transition(
        id: id, activation: activation(of: line, open, id), operation: operation, source: source,
        target: endpoint(operation.endpoints.target, open, arguments), page: open.page.map { PageFrame($0) },
        pageCount: open.pageCount, cpu: line.cpu, firstSeq: entry.seq,
        arguments: argumentText(arguments, leaveOut: Self.derivedArguments)))
    record(seen, open)
  }

  // Host aborts and guests' calls have no line of their own: their call line stands for both.
  private func writeOwnActivation(
    _ line: RecordingLine, _ id: ActionID, _ operation: Operation, _ seq: SequenceNumber
  ) {
    let names: [StaticString] = ["ipa", "esr", "gfn"]
    let registers = names.compactMap { line.arguments?[$0]?.hex }
    batch.activations.append(
      Activation(
        id: id, parent: nil, kind: operation == .hostFault ? .hostAbort : .guestCall,
        kernelFunction: line.function?.makeString() ?? "", cpu: line.cpu, firstSeq: seq, registers: registers,
        arguments: ""))
  }

  // The innermost function around the call if it is inside the hypercall that the line names.
  private func activation(of line: RecordingLine, _ open: OpenTransition, _ id: ActionID) -> ActionID? {
    if open.ownsActivation { return id }
    let stack = activationStacks[open.cpu] ?? []
    guard let hypercall = line.hypercall else { return stack.last.map { ActionID($0) } }
    if line.under != nil, stack.contains(hypercall), let inner = stack.last { return ActionID(inner) }
    // After a gap its begin may be missing.
    return openActivations[hypercall].map { ActionID($0.id) }
  }

  private func endpoint(_ kind: SpaceKind, _ open: OpenTransition, _ arguments: JSONValue) -> Endpoint {
    switch kind {
    case .host: return Endpoint(.host, open.page.map { $0 << 12 })
    case .hyp:
      if let from = arguments["from"]?.hex { return Endpoint(.hyp, from) }
      guard let page = open.page, let offset = facts.hypVAOffset.value else { return Endpoint(.hyp, nil) }
      return Endpoint(.hyp, page << 12 &- offset)
    case .ffa: return Endpoint(.ffa, nil)
    case .guest:
      return Endpoint(
        open.guestSpace.map { SpaceID(rawValue: $0) } ?? .host, open.guestPage.map { $0 << 12 })
    }
  }

  /// Arguments that stand in columns of their own or follow from others.
  private static let derivedArguments: [StaticString] = [
    "phys", "ipa", "protected", "handle", "prot_bits", "hyp_state", "from_annotation",
  ]

  /// Arguments as `name=value` pairs in the recorder's order.
  func argumentText(_ arguments: JSONValue?, leaveOut: [StaticString]) -> String {
    var text = ""
    arguments?.forEachField { key, value in
      if leaveOut.contains(where: { key.equals($0) }) { return }
      guard let word = value.makeString() ?? value.int64.map({ "\($0)" }) ?? value.uint64.map({ "\($0)" }) else {
        return
      }
      if !text.isEmpty { text += " " }
      text += key.makeString() + "=" + word
    }
    return text
  }

  // MARK: - the end

  /// `return`: a transition ends.
  func takeEnd(_ line: RecordingLine) throws(InputError) {
    let id = try line.requiredAction()
    let result = try line.resultValue()
    guard var open = openTransitions[id.rawValue] else { return try takeOrphan(line, .end) }
    guard let operation = Operation(rawValue: open.operation) else { return }
    let changes = try readChanges(line, open)
    open.stores.removeAll()
    let outcome = Self.outcome(result, operation, phasesChanged: open.hasChanges, endChanged: !changes.isEmpty)
    var entry = makeEntry(plainSite(.end, line, operation: operation), line, action: id)
    entry.result = result
    entry.outcome = outcome.rawValue
    batch.entries.append(entry)
    apply(changes)
    closeTransition(open, entry.seq, outcome, result: result)
  }

  /// Decided by the kernel's result and the changes, not by the phases (design §1).
  ///
  /// What a refused transition's end saw is another CPU's doing, since the locks were given back; only the
  /// boot walk has no phases.
  static func outcome(
    _ result: Int64?, _ operation: Operation, phasesChanged: Bool, endChanged: Bool
  ) -> TransitionOutcome {
    guard let result else { return phasesChanged || endChanged ? .completed : .noEffect }
    let hasChanges = phasesChanged || endChanged && operation == .bootFixup
    return result < 0 && !hasChanges ? .refused : .completed
  }

  /// Forgets an open transition and writes its end.
  func closeTransition(
    _ open: OpenTransition, _ seq: SequenceNumber, _ outcome: TransitionOutcome, result: Int64?
  ) {
    let id = ActionID(open.id)
    batch.transitionEnds.append(
      ActionEnd(
        id: id, lastSeq: seq, outcome: outcome, result: result,
        failedSeq: outcome == .refused ? open.failedSeq.map { SequenceNumber($0) } : nil))
    if open.ownsActivation, outcome != .fatal {
      batch.activationEnds.append(ActionEnd(id: id, lastSeq: seq, outcome: nil, result: result, failedSeq: nil))
    }
    openTransitions[open.id] = nil
    leave(open)
  }

  /// The CPU is no longer inside this transition, but perhaps inside one around it.
  func leave(_ open: OpenTransition) {
    guard transitionOfCPU[open.cpu] == open.id else { return }
    let around = openTransitions.values.filter { $0.cpu == open.cpu && $0.isCertainlyOpen && $0.id != open.id }
    transitionOfCPU[open.cpu] = around.map(\.id).max()
  }
}
