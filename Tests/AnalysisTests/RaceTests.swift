// Why: CPUs interleave, and recorders read memory while others write it. What another CPU explains is racy;
// everything else is a difference, also between two overlapping transitions.

import Analysis
import Capture
import PageOwnership
import PageTables
import Testing

@Suite struct RaceTests {
  private static let arguments = "\"pfn\":\"0x40000\",\"phys\":\"0x40000000\""
  private static let share = Frame.hostOwns.becomes(.lent, at: 0x4000_0000)

  private func start() -> Script {
    var script = Script()
    script.line("\"phase\":\"mark\",\"cpu\":0,\"mark\":\"0x100\"")
    script.snapshot()
    return script
  }

  private func report(_ script: Script) throws -> ReplayReport {
    let imported = try Pipeline.importing(script.text)
    #expect(imported.error == nil)
    return try Pipeline.report(imported)
  }

  /// CPU 1 calls in the middle of CPU 0's donation and sees `host`; the donation ends with the page at EL2.
  private func seenInTheMiddle(_ host: LeafWord, frame: Frame = .hostOwns) throws -> ReplayReport {
    var script = start()
    script.call(1, "__pkvm_host_donate_hyp", Self.arguments, cpu: 0)
    script.call(
      2, "__pkvm_host_share_hyp", Self.arguments, cpu: 1,
      state: "\"vmemmap\":[\(frame.seen())],\"host_s2\":[\(leafText(host))]")
    script.phase(
      "apply", 1, step: "host_stage2_set_owner_locked",
      changes: [Frame.hostOwns.becomes(.hypOwns, at: 0x4000_0000), leafChange("host_s2", .zero, .ofHyp)])
    script.phase("return", 1)
    script.phase("return", 2, result: "-1")
    return try report(script)
  }

  @Test func wordsInPassingAreRacy() throws {
    for word in [LeafWord.zero, .ofHyp, .locked] { #expect(try seenInTheMiddle(word).agrees, "\(word)") }
    #expect(try seenInTheMiddle(.locked).racy == 1)
    // The hypervisor's half is written before the host's.
    let halfWay = try seenInTheMiddle(.zero, frame: Frame(host: 0, hyp: 0))
    #expect(halfWay.agrees && halfWay.racy == 1)
  }

  @Test func wordThatNobodyWroteIsDifferentEvenBetweenTwo() throws {
    let wrong = try seenInTheMiddle(.ofGuest(0x1000, gfn: 0x80))
    #expect(wrong.statesDiffering == 1)
    #expect(wrong.differences.first?.transition == ActionID(2) && wrong.differences.first?.table == .hostStage2)
  }

  @Test func checkThatSeesAnotherCPUsChangeIsCompared() throws {
    func run(_ host: Int) throws -> ReplayReport {
      var script = start()
      script.call(1, "__pkvm_host_share_hyp", Self.arguments, cpu: 0)
      script.call(2, "__pkvm_host_unshare_hyp", Self.arguments, cpu: 1, state: "\"vmemmap\":[\(Frame.hostOwns.seen())]")
      script.phase("apply", 1, step: "__host_set_page_state_range", changes: [Self.share])
      script.phase("return", 1)
      script.phase(
        "check", 2, step: "__host_check_page_state_range",
        seen: [Frame.hostOwns.becomes(Frame(host: host), at: 0x4000_0000)], more: ",\"want\":\"SHARED_OWNED\"")
      script.phase("return", 2, result: "-16")
      return try report(script)
    }
    #expect(try run(1).agrees)
    #expect(try run(2).statesDiffering == 1)
  }

  @Test func changeThatNobodyReportedIsDifferent() throws {
    var script = start()
    script.call(1, "__pkvm_host_share_hyp", Self.arguments, cpu: 0)
    script.call(2, "__pkvm_host_share_hyp", "\"phys\":\"0x40001000\"", cpu: 1)
    script.phase(
      "apply", 1, step: "__host_set_page_state_range",
      changes: [Frame(host: 2).becomes(.lent, at: 0x4000_0000)])
    script.phase("return", 1)
    script.phase("return", 2)
    let report = try report(script)
    #expect(report.changesDiffering == 1 && report.pagesDiffering == 1)
    #expect(report.differences.first?.pages.first == PageFrame(0x40000))
    #expect(report.differences.first?.transition == ActionID(1))
  }

  @Test func snapshotTakenInTheMiddleWaitsForTheEntry() throws {
    func run(_ table: [(String, UInt64, LeafWord)], busy: [Int]) throws -> ReplayReport {
      var script = start()
      script.call(1, "handle_host_mem_abort", "\"ipa\":\"0x48003000\"", cpu: 1)
      script.snapshot(busy: busy, leaves: table)
      let change = leafChange("host_s2", LeafWord(level: 2, raw: 0), .block(0x4800_0000))
      script.phase(
        "apply", 1, step: "host_stage2_idmap_locked", result: "0",
        more: ",\"calls\":[{\"fn\":\"host_stage2_idmap_locked\",\"args\":{\"addr\":\"0x48000000\","
          + "\"size\":\"0x200000\"},\"ret\":0,\"changes\":[\(change)]}]")
      script.phase("return", 1, result: "null")
      script.snapshot(leaves: [("host_s2", 0x4800_0000, .block(0x4800_0000))])
      return try report(script)
    }
    let block = ("host_s2", UInt64(0x4800_0000), LeafWord.block(0x4800_0000))
    let early = try run([block], busy: [1])
    #expect(early.agrees && early.racy == 1)
    #expect(try run([], busy: [1]).agrees)
    // Without a CPU that could have done it, and of another block, it is what it is.
    #expect(try run([block], busy: [0]).pagesDiffering > 0)
    #expect(try run([("host_s2", 0x4820_0000, .block(0x4820_0000))], busy: [1]).pagesDiffering == 512)
  }

  @Test func accessFlagOfHardwareIsNoDifference() throws {
    func run(_ seen: UInt64) throws -> ReplayReport {
      var script = Script()
      script.guest(0x1000, act: 1)
      let old = LeafWord(level: 3, raw: LeafWord.page(0x4000_0000).raw & ~0x400)
      script.call(
        5, "__pkvm_host_donate_guest",
        "\"handle\":\"0x1000\",\"ipa\":\"0x80000000\",\"phys\":\"0x40000000\"")
      script.phase("apply", 5, step: "kvm_pgtable_stage2_map", changes: [leafChange("guest_s2", .zero, old)])
      script.phase("return", 5)
      script.snapshot(
        guests: [0x1000], leaves: [("guest_s2:0x1000", 0x8000_0000, LeafWord(level: 3, raw: old.raw ^ seen))])
      return try report(script)
    }
    let flag = try run(0x400)
    #expect(flag.agrees && flag.accessFlags == 1)
    #expect(try run(0x480).pagesDiffering == 1)
  }
}
