// Why: recorders look at 512 pages of a range, write down 64, and at the page that a guest's address had when
// the call began. Where they did not look, nothing is certain.

import Analysis
import Capture
import PageOwnership
import PageTables
import Testing

@Suite struct UnseenPagesTests {
  private func replay(_ script: Script) throws -> Replay {
    let imported = try Pipeline.importing(script.text)
    #expect(imported.error == nil)
    return try Pipeline.replaying(imported)
  }

  private func host(_ replay: Replay, _ page: UInt64) -> Holding {
    replay.image.ownership.holding(.host, PageFrame(page))
  }

  @Test func middleOfALongRangeFollowsFromItsEnds() throws {
    var script = Script()
    script.line("\"phase\":\"mark\",\"cpu\":0,\"mark\":\"0x100\"")
    script.snapshot()
    script.call(1, "__pkvm_host_donate_hyp", "\"pfn\":\"0x48000\",\"nr\":600,\"phys\":\"0x48000000\"")
    let ends = [0, 1].map { leafChange("host_s2", .zero, .ofHyp, index: $0) }
    script.phase(
      "apply", 1, step: "host_stage2_set_owner_locked",
      changes: [Frame.hostOwns.becomes(.hypOwns, at: 0x4800_0000, count: 512)] + ends)
    let replay = try replay(script)
    for page in [0x48000, 0x48001, 0x48100, 0x481ff] as [UInt64] {
      #expect(host(replay, page) == Holding(.noPage, .hyp), "\(page)")
    }
    for page in [0x48200, 0x48257] as [UInt64] {
      #expect(host(replay, page) == .unknown, "\(page)")
      #expect(replay.image.ownership.pins(PageFrame(page)) == nil)
    }
    #expect(host(replay, 0x48258) == Holding(.owned))
  }

  @Test func endsThatDifferLeaveTheMiddleUnknown() throws {
    var script = Script()
    script.line("\"phase\":\"mark\",\"cpu\":0,\"mark\":\"0x100\"")
    script.snapshot()
    script.call(1, "__pkvm_host_donate_hyp", "\"pfn\":\"0x48000\",\"nr\":100,\"phys\":\"0x48000000\"")
    script.phase(
      "apply", 1, step: "host_stage2_set_owner_locked", changes: [leafChange("host_s2", .zero, .ofHyp)])
    let replay = try replay(script)
    #expect(host(replay, 0x48000).annotation == .hyp)
    #expect(host(replay, 0x48001).annotation == .unknown && host(replay, 0x48062).annotation == .unknown)
    #expect(host(replay, 0x48063).annotation == .none)
  }

  @Test func pageMappedAfterTheCallBeganIsUnknownAfterIt() throws {
    var script = Script()
    script.guest(0x1000, act: 1)
    script.snapshot(guests: [0x1000])
    script.call(
      5, "__pkvm_host_unshare_guest",
      "\"gfn\":\"0x80000\",\"nr\":1,\"handle\":\"0x1000\",\"ipa\":\"0x80000000\",\"phys\":null")
    script.phase(
      "apply", 5, step: "kvm_pgtable_stage2_unmap",
      changes: [leafChange("guest_s2", .page(0x4900_0000, state: 2), .zero)])
    script.phase("return", 5)
    let replay = try replay(script)
    #expect(host(replay, 0x49000) == .unknown)
    #expect(replay.image.ownership.shareCount(PageFrame(0x49000)) == nil)
    #expect(host(replay, 0x49001) == Holding(.owned))
  }

  @Test func unmappingAllDevicesLeavesThemUnknown() throws {
    var script = Script()
    script.line("\"phase\":\"mark\",\"cpu\":0,\"mark\":\"0x100\"")
    let device = LeafWord.page(0x0900_0000)
    script.snapshot(leaves: [("host_s2", 0x0900_0000, device), ("host_s2", 0x4100_0000, .page(0x4100_0000))])
    script.call(1, "handle_host_mem_abort", "\"ipa\":\"0xa000000\"")
    script.phase(
      "apply", 1, step: "host_stage2_idmap_locked", result: "0",
      more: ",\"calls\":[{\"fn\":\"host_stage2_unmap_dev_all\",\"args\":{},\"ret\":0}]")
    let replay = try replay(script)
    #expect(replay.image.leaf(.hostStage2, .host, at: PageFrame(0x9000)) == nil)
    #expect(replay.image.leaf(.hostStage2, .host, at: PageFrame(0x41000))?.raw == LeafWord.page(0x4100_0000).raw)
  }
}
