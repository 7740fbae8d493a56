// Why: a CPU is inside one call from the host at a time, whatever stays open: boot never returns, panics and
// hangs neither, and recorders lose returns.

import Analysis
import Capture
import PageOwnership
import PageTables
import Testing

@Suite struct CallNestingTests {
  private static let arguments = "\"pfn\":\"0x40000\",\"phys\":\"0x40000000\""

  private func imported(_ script: Script) throws -> Imported {
    let imported = try Pipeline.importing(script.text)
    #expect(imported.error == nil)
    let report = try Pipeline.report(imported)
    #expect(report.agrees, "\(report.differences)")
    return imported
  }

  @Test func hypercallIsOutermost() throws {
    var script = Script()
    script.hypercall(1, "__pkvm_init")
    script.line("\"phase\":\"enter\",\"act\":2,\"cpu\":0,\"fn\":\"__pkvm_init\",\"args\":{\"phys\":\"0x7f000000\"}")
    script.hypercall(3, "__pkvm_init_vm", [1])
    script.line("\"phase\":\"enter\",\"act\":4,\"cpu\":0,\"fn\":\"__pkvm_init_vm\",\"args\":{}")
    script.call(5, "__pkvm_host_donate_hyp", Self.arguments, hypercall: 3)
    script.phase("return", 5)
    script.line("\"phase\":\"leave\",\"act\":4,\"cpu\":0,\"fn\":\"__pkvm_init_vm\",\"result\":0")
    script.hypercallReturn(3)
    // A recorder that never saw the first one leave may say so later.
    script.hypercallReturn(1)
    let rows = try imported(script).rows
    #expect(rows.activations.map(\.parent) == [nil, ActionID(1), nil, ActionID(3)])
    #expect(rows.transitions.first?.activation == ActionID(3))
    #expect(rows.activationEnds.map(\.id.rawValue) == [4, 3, 1])
  }

  @Test func functionInsideATransitionIsNoPanic() throws {
    var script = Script()
    script.call(1, "__pkvm_host_donate_hyp", Self.arguments)
    script.line("\"phase\":\"enter\",\"act\":2,\"cpu\":0,\"fn\":\"pkvm_create_mappings\",\"args\":{}")
    script.line("\"phase\":\"leave\",\"act\":2,\"cpu\":0,\"fn\":\"pkvm_create_mappings\",\"result\":0")
    script.phase("return", 1)
    #expect(try imported(script).rows.transitionEnds.map(\.outcome) == [.completed])
  }

  @Test func hostThatIsBackProvesThePanic() throws {
    var script = Script()
    script.hypercall(1, "__pkvm_host_share_hyp", [0x40000])
    script.call(2, "__pkvm_host_share_hyp", Self.arguments, hypercall: 1)
    script.call(3, "handle_host_mem_abort", "\"ipa\":\"0x41000000\"", hypercall: 1)
    script.phase("return", 3, result: "null")
    // Not even a late line of it is an error, and none undoes the panic.
    script.phase("check", 2, step: "__host_check_page_state_range", result: "0")
    script.phase("return", 2, result: "-1")
    let imported = try imported(script)
    #expect(imported.rows.transitionEnds.map(\.outcome) == [.fatal, .noEffect])
    #expect(imported.rows.transitions.map(\.activation) == [ActionID(1), ActionID(3)])
    #expect(imported.rows.gaps.isEmpty)
  }

  @Test func hangLeavesAllOpen() throws {
    var script = Script()
    script.line("\"phase\":\"mark\",\"cpu\":0,\"mark\":\"0x100\"")
    script.snapshot()
    for cpu in 0..<4 {
      script.hypercall(cpu * 2, "__pkvm_host_share_hyp", [0x40000 + UInt64(cpu)], cpu: cpu)
      let phys = hexText(0x4000_0000 + UInt64(cpu) << 12)
      script.call(cpu * 2 + 1, "__pkvm_host_share_hyp", "\"phys\":\"\(phys)\"", cpu: cpu, hypercall: cpu * 2)
    }
    // One of them had written already: seen only by the last snapshot.
    script.snapshot(busy: [0, 1, 2, 3], frames: [(0x40002, 1, .lent)])
    let imported = try imported(script)
    #expect(imported.count(TransitionOutcome.open) == 4)
    #expect(try Pipeline.report(imported).inDoubt == 1)
  }

  @Test func whatAPanicLeftHalfDoneIsInDoubt() throws {
    var script = Script()
    script.line("\"phase\":\"mark\",\"cpu\":0,\"mark\":\"0x100\"")
    script.snapshot()
    script.call(2, "__pkvm_host_share_hyp", Self.arguments)
    script.call(3, "handle_host_mem_abort", "\"ipa\":\"0x41000000\"")
    script.phase("return", 3, result: "null")
    script.snapshot(busy: [0], frames: [(0x40000, 1, .lent)])
    #expect(try Pipeline.report(imported(script)).inDoubt == 1)
    script.snapshot(busy: [0], frames: [(0x40000, 1, .lent), (0x50000, 1, .lent)])
    #expect(try Pipeline.report(Pipeline.importing(script.text)).pagesDiffering == 1)
  }

  @Test func lostReturnLeavesNothingCertain() throws {
    var script = Script()
    script.line("\"phase\":\"mark\",\"cpu\":0,\"mark\":\"0x100\"")
    script.snapshot()
    script.call(2, "__pkvm_host_share_hyp", Self.arguments)
    script.line("\"phase\":\"lost\",\"act\":2,\"cpu\":0,\"fn\":\"__pkvm_host_share_hyp\"")
    script.line("\"phase\":\"lost\",\"act\":99,\"cpu\":3,\"fn\":\"__pkvm_host_share_hyp\"")
    script.call(3, "__pkvm_host_unshare_hyp", Self.arguments)
    script.phase("return", 3, result: "-1")
    let imported = try imported(script)
    #expect(imported.rows.gaps.count == 2 && imported.count(TransitionOutcome.open) == 1)
    let replay = try Pipeline.replaying(imported)
    #expect(replay.image.ownership.holding(.host, PageFrame(0x60000)) == .unknown)
  }

  @Test func changesOnTheLineOfAWholeGroupCount() throws {
    var script = Script()
    script.line("\"phase\":\"mark\",\"cpu\":0,\"mark\":\"0x100\"")
    script.snapshot()
    script.call(2, "__pkvm_host_share_hyp", Self.arguments)
    script.phase(
      "apply", 2, step: "do_share", changes: [Frame.hostOwns.becomes(.lent, at: 0x4000_0000)],
      more: ",\"whole\":true,\"tx\":{\"nr_pages\":1,\"initiator\":\"HOST\"}")
    script.phase("return", 2)
    script.snapshot(frames: [(0x40000, 1, .lent)])
    let imported = try imported(script)
    #expect(imported.count(EntryKind.whole) == 1 && imported.count(EntryKind.apply) == 0)
    #expect(imported.rows.changes.count == 1)
  }

  @Test func pageTableCallsOutsideATransitionAreKept() throws {
    var script = Script()
    script.line("\"phase\":\"mark\",\"cpu\":0,\"mark\":\"0x100\"")
    script.snapshot()
    let start = "\"phase\":\"op\",\"act\":null,\"cpu\":0,\"depth\":0,"
    script.line(
      start + "\"fn\":\"kvm_pgtable_get_leaf\",\"args\":{\"table\":\"guest_s2:0x1000\",\"addr\":\"0x1000\"},"
        + "\"ret\":0")
    script.line(start + "\"fn\":\"host_stage2_unmap_dev_all\",\"args\":{},\"ret\":0")
    let change = leafChange("host_s2", .zero, .ofHyp)
    script.line(
      start + "\"fn\":\"host_stage2_set_owner_locked\",\"args\":{\"addr\":\"0x40005000\",\"size\":\"0x1000\"},"
        + "\"ret\":0,\"changes\":[\(change)]")
    script.snapshot(leaves: [("host_s2", 0x4000_5000, .ofHyp)])
    let imported = try imported(script)
    #expect(imported.count(EntryKind.op) == 3 && imported.rows.changes.count == 1)
  }
}
