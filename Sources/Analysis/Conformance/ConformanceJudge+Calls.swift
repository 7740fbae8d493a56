// Why: a VM's life consists of single donations and pins, and what the call around them returns hangs on theirs:
// a handler hands on what its transition returned, or repaints it (spec §7). Also where a memcache's contents are
// known: right after it was refilled.

import PageOwnership

/// A call into the hypervisor that has not returned.
struct OpenCall: Sendable {
  var function: String
  var parent: ActionID?
  /// How many pages a refill was to bring the vCPU's memcache to.
  var wantedPages: UInt64?
  /// A memcache was refilled in it to at least so many pages.
  var refilledTo: UInt64?
  /// The last transition that ended in it, and what it returned.
  var last: (operation: Operation, id: ActionID, result: Int64?)?
  /// What must be returned after a step that failed.
  var mustReturn: Int64?
}

extension ConformanceJudge {
  mutating func begin(_ activation: Activation) {
    var call = OpenCall(function: activation.kernelFunction, parent: activation.parent)
    if call.function == "refill_memcache" { call.wantedPages = activation.arguments.number(named: "min_pages") }
    calls[activation.id] = call
  }

  /// Whether the memcache holds what any new tables of the guest need; nil where nothing says.
  ///
  /// The corresponding kernel function is `kvm_mmu_cache_min_pages`: one page fewer than the levels of the table.
  func memcacheSuffices(_ transition: Transition) -> Bool? {
    guard let call = transition.activation.flatMap({ calls[$0] }), let pages = call.refilledTo,
      let bits = conditions.addressBits, bits > 8
    else { return nil }
    // The first of a stage 2's levels may be 16 tables wide, which is 4 bits of an address.
    let levels = (bits - 4 - 4) / 9
    return pages &+ 1 >= levels ? true : nil
  }

  /// Notes what a transition gave to the call that it stands in.
  mutating func noteResult(of judged: JudgedTransition) {
    guard let id = judged.transition.activation, var call = calls[id], let result = judged.endResult else { return }
    let operation = judged.transition.operation
    call.last = (operation, judged.transition.id, result)
    if let result, result < 0, call.mustReturn == nil {
      call.mustReturn = Self.repainted(result, operation, in: call.function)
    }
    calls[id] = call
  }

  // What a failed step of a longer call becomes; nil where the call goes on.
  private static func repainted(_ result: Int64, _ operation: Operation, in function: String) -> Int64? {
    switch (function, operation) {
    case ("__pkvm_init_vm", .hostDonateHyp), ("__pkvm_init_vcpu", .hostDonateHyp), ("refill_memcache", .hostDonateHyp):
      Errno.noMemory
    case ("__pkvm_init_vm", .pin): result
    case ("__pkvm_init_vcpu", .pin): Errno.busy
    default: nil
    }
  }

  /// The operation whose result a handler hands on as it is; nil for others.
  private static func handedOn(by function: String) -> Operation? {
    switch function {
    case "__pkvm_reclaim_dying_guest_page": .hostReclaimGuest
    case "__pkvm_force_reclaim_guest_page": .hostForceReclaim
    default: Operation(kernelFunction: function)
    }
  }

  /// A call returned: its result must follow from those of its transitions.
  mutating func end(_ entry: Entry) {
    guard let id = entry.action, let call = calls.removeValue(forKey: id) else { return }
    if call.function == "refill_memcache", entry.result == 0, let parent = call.parent {
      calls[parent]?.refilledTo = call.wantedPages
    }
    var wanted = call.mustReturn
    if let last = call.last, Self.handedOn(by: call.function) == last.operation { wanted = last.result }
    guard isJudging, let wanted, let last = call.last else { return }
    report.calls += 1
    guard entry.result != wanted else { return }
    let disagreement = Disagreement(
      kind: .call, seq: entry.seq, transition: last.id, operation: last.operation, step: call.function, space: nil,
      page: nil, recorded: "returned \(Self.name(entry.result))", rules: "returns \(Self.name(wanted))")
    report.callsDiffering += 1
    if report.disagreements.count < ConformanceReport.limit { report.disagreements.append(disagreement) }
  }
}
