// Why: calls on many pages of a guest: 2 MiB blocks, runs of 512 leaves, null leaves, counted states.

import Analysis
import PageOwnership
import PageTables
import Testing

@Suite struct GuestRangeTests {
  private static let guest = SpaceID.firstGuest
  private static let arguments =
    "\"pfn\":\"0x48000\",\"gfn\":\"0x400\",\"nr\":512,\"handle\":\"0x1000\",\"protected\":false,"
    + "\"ipa\":\"0x400000\",\"phys\":\"0x48000000\""

  private func sharedBlock() -> Script {
    var script = Script()
    script.guest(0x1000, act: 1)
    script.snapshot(guests: [0x1000])
    script.call(
      5, "__pkvm_host_share_guest", Self.arguments,
      state: "\"vmemmap\":[\(Frame.hostOwns.seen(count: 512))],\"host_s2\":[\(leafText(.zero)),\(leafText(.zero))],"
        + "\"hyp_s1\":[null,null],\"guest_s2\":[{\"level\":1,\"pte\":\"0x0\"}]")
    script.phase("check", 5, step: "get_host_state")
    script.phase(
      "apply", 5, step: "set_host_state", result: nil,
      changes: [Frame.hostOwns.becomes(Frame(host: 1, share: 1), at: 0x4800_0000, count: 512)])
    script.phase(
      "apply", 5, step: "kvm_pgtable_stage2_map",
      changes: [leafChange("guest_s2", LeafWord(level: 1, raw: 0), .block(0x4800_0000, state: 2))])
    script.phase("return", 5)
    return script
  }

  private func agree(_ script: Script, sourceLocation: SourceLocation = #_sourceLocation) throws -> Replay {
    let imported = try Pipeline.importing(script.text)
    #expect(imported.error == nil, sourceLocation: sourceLocation)
    var replay = try Pipeline.replaying(imported)
    replay.finish()
    #expect(replay.report.agrees, "\(replay.report.differences)", sourceLocation: sourceLocation)
    return replay
  }

  @Test func blockIsSharedAndWithdrawn() throws {
    var script = sharedBlock()
    script.snapshot(
      guests: [0x1000], frames: [(0x48000, 512, Frame(host: 1, share: 1))],
      leaves: [("guest_s2:0x1000", 0x40_0000, .block(0x4800_0000, state: 2))])
    let shared = try agree(script)
    for gfn in [0x400, 0x5ff] as [UInt64] {
      #expect(shared.image.ownership.holding(Self.guest, PageFrame(gfn)).state == .sharedBorrowed)
    }
    #expect(shared.image.ownership.holding(Self.guest, PageFrame(0x600)).state == .noPage)
    #expect(shared.image.ownership.shareCount(PageFrame(0x481ff)) == 1)

    script.call(
      6, "__pkvm_host_unshare_guest", Self.arguments,
      state: "\"guest_s2\":[\(leafText(.block(0x4800_0000, state: 2)))]")
    script.phase(
      "apply", 6, step: "kvm_pgtable_stage2_unmap",
      changes: [
        leafChange("guest_s2", .block(0x4800_0000, state: 2), LeafWord(level: 2, raw: 0)),
        Frame(host: 1, share: 1).becomes(.hostOwns, at: 0x4800_0000, count: 512),
      ])
    script.phase("return", 6)
    script.snapshot(guests: [0x1000])
    let withdrawn = try agree(script)
    #expect(withdrawn.image.ownership.holding(Self.guest, PageFrame(0x5ff)).state == .noPage)
  }

  @Test func pageWrittenIntoABlockLeavesTheRestUnmapped() throws {
    var script = sharedBlock()
    script.call(
      6, "__pkvm_host_relax_perms_guest", "\"gfn\":\"0x403\",\"handle\":\"0x1000\",\"ipa\":\"0x403000\",\"phys\":null")
    script.phase(
      "apply", 6, step: "kvm_pgtable_stage2_map",
      changes: [leafChange("guest_s2", .block(0x4800_0000, state: 2), .page(0x4800_3000, state: 2))])
    script.phase("return", 6)
    script.snapshot(
      guests: [0x1000], frames: [(0x48000, 512, Frame(host: 1, share: 1))],
      leaves: [("guest_s2:0x1000", 0x40_3000, .page(0x4800_3000, state: 2))])
    let replay = try agree(script)
    #expect(replay.image.ownership.holding(Self.guest, PageFrame(0x403)).state == .sharedBorrowed)
    #expect(replay.image.ownership.holding(Self.guest, PageFrame(0x402)).state == .noPage)
  }

  @Test func everyLeafOfARunChanges() throws {
    var script = Script()
    script.guest(0x1000, act: 1)
    script.snapshot(guests: [0x1000])
    func leaf(_ index: UInt64, isWritable: Bool) -> LeafWord {
      let page = LeafWord.page(0x4800_0000 + index << 12, state: 2)
      return isWritable ? page : LeafWord(level: 3, raw: page.raw & ~0x80)
    }
    for (act, writable) in [(6, true), (7, false)] {
      script.call(act, "__pkvm_host_wrprotect_guest", Self.arguments)
      let changes = (0..<512).map { index in
        leafChange(
          "guest_s2", writable ? .zero : leaf(UInt64(index), isWritable: true),
          leaf(UInt64(index), isWritable: writable), index: index)
      }
      script.phase("apply", act, step: "kvm_pgtable_stage2_wrprotect", changes: changes)
      script.phase("return", act)
    }
    script.snapshot(
      guests: [0x1000],
      leaves: (0..<512).map { ("guest_s2:0x1000", 0x40_0000 + UInt64($0) << 12, leaf($0, isWritable: false)) })
    let replay = try agree(script)
    #expect(replay.image.leaf(.guestStage2, Self.guest, at: PageFrame(0x5ff))?.raw == leaf(511, isWritable: false).raw)
  }

  @Test func nullLeavesSayNothing() throws {
    var script = Script()
    script.guest(0x1000, act: 1)
    script.snapshot(guests: [0x1000])
    script.call(
      5, "__pkvm_host_test_clear_young_guest",
      "\"gfn\":\"0x1000000000\",\"nr\":1,\"mkold\":1,\"handle\":\"0x1000\",\"ipa\":\"0x1000000000000\",\"phys\":null",
      state: "\"guest_s2\":[null],\"host_s2\":[null],\"hyp_s1\":[null]")
    script.phase(
      "apply", 5, step: "kvm_pgtable_stage2_map", changes: [leafChange("guest_s2", nil, .page(0x4900_0000))])
    script.phase("return", 5, result: "-34")
    let replay = try agree(script)
    #expect(replay.report.statesCompared == 0)
  }

  @Test func statesThatAreOnlyCountedAreCompared() throws {
    let kinds = [
      Frame.hostOwns, .lent, .hypOwns, Frame(host: 1, share: 1), Frame(host: 1, share: 2), Frame(host: 2),
    ]
    func script(_ counts: [Int]) -> Script {
      var script = Script()
      script.line("\"phase\":\"mark\",\"cpu\":0,\"t\":0.5,\"mark\":\"0x100\"")
      script.snapshot(frames: kinds.enumerated().dropFirst().map { (0x48000 + UInt64($0) * 2, 2, $1) })
      let seen = zip(kinds, counts).map { $0.seen(count: $1) }.joined(separator: ",")
      script.call(
        5, "__pkvm_host_donate_hyp", "\"pfn\":\"0x48000\",\"nr\":12,\"phys\":\"0x48000000\"",
        state: "\"vmemmap\":[\(seen)]")
      script.phase("check", 5, step: "__host_check_page_state_range", result: "-1", more: ",\"want\":\"OWNED\"")
      script.phase("return", 5, result: "-1")
      return script
    }
    _ = try agree(script([2, 2, 2, 2, 2, 2]))
    let report = try Pipeline.report(Pipeline.importing(script([2, 1, 3, 2, 2, 2]).text))
    #expect(report.statesDiffering == 1)
    // The page that decided is the first that the host does not own.
    let imported = try Pipeline.importing(script([2, 2, 2, 2, 2, 2]).text)
    let check = try #require(imported.rows.entries.first { imported.sites[$0.site]?.kind == .check })
    #expect(check.page == PageFrame(0x48002) && check.found == .sharedOwned)
  }
}
