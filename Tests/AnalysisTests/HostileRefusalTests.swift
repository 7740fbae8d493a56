// Why: hostile hosts get errnos that the given recordings lack; each must be explained by what the tables said,
// at the page that decided. Lines are written by hand. Not here: that such lines import (AbsurdArgumentTests).

import Analysis
import PageOwnership
import PageTables
import Testing

/// An explained act of a script.
struct Explained {
  var inquiry: WhyInquiry
  var outcome: TransitionOutcome

  init(_ script: Script, _ act: Int64) throws {
    let imported = try Pipeline.importing(script.text)
    #expect(imported.error == nil)
    let sites = imported.sites
    let transition = try #require(imported.rows.transitions.first { $0.id.rawValue == act })
    let end = imported.rows.transitionEnds.first { $0.id == transition.id }
    var phases = 0
    var entries: [(entry: Entry, site: Site, phase: Int?)] = []
    for entry in imported.rows.entries where entry.action == transition.id {
      let site = try #require(sites[entry.site])
      let isPhase = site.kind == .check || site.kind == .apply
      if isPhase { phases += 1 }
      entries.append((entry, site, isPhase ? phases : nil))
    }
    let spaces = imported.rows.spaces.map(\.0)
    var inquiry = WhyInquiry(
      transition, through: end?.lastSeq ?? SequenceNumber(Int64.max), entries: entries,
      judge: try ReviewedChecks.judge(imported), spaces: Space.fixed + spaces)
    let rows = imported.rows
    _ = try Pipeline.replaying(imported) { replay in
      let seq = replay.lastSeq
      let entry = rows.entries[Int(seq.rawValue) - 1]
      inquiry.note(
        entry, sites[entry.site]?.kind ?? .op, changes: rows.changes.filter { $0.seq == seq },
        observations: rows.observations.filter { $0.seq == seq }, replay.image)
    }
    self.inquiry = inquiry
    outcome = end?.outcome ?? .open
  }

  /// The judgement of the check that failed.
  var judgement: Judgement? { inquiry.failedCheck?.judgement }
}

@Suite struct HostileRefusalTests {
  private static let guest = GuestPage(.firstGuest, PageFrame(0x80000))

  /// A script with one guest that lives and all memory the host's, but for these frames and leaves.
  private func script(
    frames: [(page: UInt64, count: UInt64, Frame)] = [], leaves: [(table: String, address: UInt64, LeafWord)] = []
  ) -> Script {
    var script = Script()
    script.guest(0x1000, act: 1)
    script.snapshot(guests: [0x1000], frames: frames, leaves: leaves)
    return script
  }

  /// An act whose only step fails.
  private func refused(
    _ script: Script, _ function: String, _ arguments: String, step: String, _ result: Int64, want: String? = nil
  ) throws -> Explained {
    var script = script
    script.call(7, function, arguments)
    script.phase("check", 7, step: step, result: "\(result)", more: want.map { ",\"want\":\"\($0)\"" } ?? "")
    script.phase("return", 7, result: "\(result)")
    let explained = try Explained(script, 7)
    #expect(explained.outcome == .refused && explained.inquiry.failedCheck?.hasOtherErrno == false)
    let agreement = explained.inquiry.failedCheck?.agreement
    #expect(agreement == (result == -12 ? .cannotTell(.memcache) : .agrees))
    return explained
  }

  private let toGuest = "\"handle\":\"0x1000\",\"protected\":false,\"gfn\":\"0x80000\",\"ipa\":\"0x80000000\""
  private let atHost = "\"pfn\":\"0x40010\",\"phys\":\"0x40010000\""

  @Test func numbersDecideBeforeAnyTable() throws {
    let wrapping = try refused(
      script(), "__pkvm_host_donate_hyp", "\"pfn\":\"0xffffffffffffffff\",\"nr\":1,\"phys\":\"0xfffffffffffff000\"",
      step: "pfn_range_is_valid", -22)
    #expect(wrapping.judgement?.finding == .frames(first: .max, count: 1, limit: 1 << 40))
    let size = try refused(
      script(), "__pkvm_host_share_guest", "\(atHost),\"nr\":5,\(toGuest)", step: "__guest_check_transition_size", -22)
    #expect(size.judgement?.finding == .size(count: 5, isAligned: false))
    let gfn = toGuest.replacing("0x80000\"", with: "0x80001\"").replacing("0x80000000", with: "0x80001000")
    let unaligned = try refused(
      script(), "__pkvm_host_unshare_guest", "\"nr\":512,\(gfn)", step: "__guest_check_transition_size", -22)
    #expect(unaligned.judgement?.finding == .size(count: 512, isAligned: false))
  }

  @Test func regionsDecideBeforeStates() throws {
    let border = try refused(
      script(), "__pkvm_host_donate_hyp", "\"pfn\":\"0x7ffff\",\"nr\":2,\"phys\":\"0x7ffff000\"",
      step: "__host_check_page_state_range", -22, want: "OWNED")
    #expect(border.judgement?.finding == .regionBorder(PageFrame(0x80000)))
    let device = try refused(
      script(), "__pkvm_host_share_hyp", "\"pfn\":\"0x9000\",\"phys\":\"0x9000000\"",
      step: "__host_check_page_state_range", -1, want: "OWNED")
    #expect(device.judgement?.finding == .region(PageFrame(0x9000), nil))
    let force = try refused(
      script(), "__pkvm_host_force_reclaim_page_guest", "\"phys\":\"0x9000000\"", step: "addr_is_memory", -14)
    #expect(force.judgement?.finding == .region(PageFrame(0x9000), nil))
    let top = try refused(
      script(), "__pkvm_host_unshare_hyp", "\"pfn\":\"0xfffffffffffff\",\"phys\":\"0xfffffffffffff000\"",
      step: "__host_check_page_state_range", -22, want: "SHARED_OWNED")
    #expect(top.judgement?.result == -22)
  }

  @Test func theThirdPageOfARangeDecides() throws {
    let explained = try refused(
      script(frames: [(0x40012, 1, .lent)]), "__pkvm_host_donate_hyp",
      "\"pfn\":\"0x40010\",\"nr\":4,\"phys\":\"0x40010000\"", step: "__host_check_page_state_range", -1, want: "OWNED")
    let finding = Finding.holding(.host, PageFrame(0x40012), Holding(.sharedOwned))
    #expect(explained.judgement?.finding == finding)
    let past = explained.inquiry.past(of: finding, before: SequenceNumber(100))
    #expect(past.madeSo == SequenceNumber(5) && past.events.contains { $0.aspect == .holding(.host) })
  }

  @Test func guestsTablesDecide() throws {
    let nothing = try refused(
      script(), "__pkvm_host_unshare_guest", "\"nr\":1,\(toGuest)", step: "__check_host_shared_guest", -2)
    #expect(nothing.judgement?.result == -2)
    let block = script(leaves: [("guest_s2:0x1000", 0x8000_0000, .block(0x4020_0000, state: 2))])
    let big = try refused(
      block, "__pkvm_host_unshare_guest", "\"nr\":1,\(toGuest)", step: "__check_host_shared_guest", -7)
    #expect(
      big.judgement?.finding == .guestLeaf(Self.guest, .block(0x4020_0000, state: 2), .sharedBorrowed))
    let poisoned = script(leaves: [("guest_s2:0x1000", 0x8000_0000, .poisoned)])
    let poison = try refused(poisoned, "__pkvm_guest_share_host", toGuest, step: "get_valid_guest_pte", -133)
    #expect(poison.judgement?.finding == .guestLeaf(Self.guest, .poisoned, .poison))
    let far = toGuest.replacing("0x80000\"", with: "0x10000000\"").replacing("0x80000000\"", with: "0x10000000000\"")
    let beyond = try refused(
      script(), "__pkvm_host_share_guest", "\(atHost),\"nr\":1,\(far)", step: "__guest_check_page_state_range", -34,
      want: "NOPAGE")
    #expect(beyond.judgement?.finding == .beyondGuest(GuestPage(.firstGuest, PageFrame(0x1000_0000))))
  }

  @Test func countersDecide() throws {
    let pinned = Frame(references: 2, host: 1, hyp: 2)
    let busy = try refused(
      script(frames: [(0x40010, 1, pinned)]), "__pkvm_host_unshare_hyp", atHost, step: "__hyp_check_page_count_range",
      -16)
    #expect(busy.judgement?.finding == .pins(PageFrame(0x40010), 2))
    let alone = try refused(
      script(frames: [(0x40010, 1, .lent)]), "__pkvm_host_share_guest", "\(atHost),\"nr\":1,\(toGuest)",
      step: "get_host_state", -1)
    #expect(alone.judgement?.finding == .shareCount(PageFrame(0x40010), 0))
    let full = try refused(
      script(frames: [(0x40010, 1, Frame(host: 1, share: Int(UInt32.max)))]), "__pkvm_host_share_guest",
      "\(atHost),\"nr\":1,\(toGuest)", step: "get_host_state", -16)
    #expect(full.judgement?.finding == .shareCount(PageFrame(0x40010), .max))
  }

  @Test func whoTheHostNamesDecides() throws {
    func force(_ frame: Frame, _ leaf: LeafWord?, _ result: Int64) throws -> Finding? {
      let leaves = leaf.map { [(table: "host_s2", address: UInt64(0x4001_0000), $0)] } ?? []
      return try refused(
        script(frames: [(0x40010, 1, frame)], leaves: leaves), "__pkvm_host_force_reclaim_page_guest",
        "\"phys\":\"0x40010fff\"", step: "host_stage2_get_guest_info", result
      ).judgement?.finding
    }
    let page = PageFrame(0x40010)
    #expect(try force(.hostOwns, nil, -11) == .holding(.host, page, Holding(.owned)))
    #expect(try force(.hypOwns, .ofHyp, -1) == .holding(.host, page, Holding(.noPage, .hyp)))
    let gone = VMHandle(rawValue: 0x1009)
    #expect(try force(Frame(host: 3), .ofGuest(0x1009, gfn: 1), -11) == .deadGuest(page, gone))
    let text = LeafWord.page(0x4001_0000)
    #expect(try force(.hypOwns, text, -22) == .hostLeaf(page, text, .none))
  }

  @Test func whatNoJournalHoldsIsNotJudged() throws {
    let explained = try refused(
      script(), "__pkvm_host_share_guest", "\(atHost),\"nr\":1,\(toGuest)", step: "__guest_check_pgtable_memcache", -12)
    #expect(explained.inquiry.failedCheck?.agreement == .cannotTell(.memcache))
  }

  @Test func refusalsWithoutAPhaseAreToldByTheRules() throws {
    var script = script()
    script.call(7, "__pkvm_host_share_guest", "\(atHost),\"nr\":1,\"prot\":\"0x10\",\(toGuest)")
    script.phase("return", 7, result: "-22")
    #expect(try Explained(script, 7).inquiry.unrecordedCause(isProtected: false) == .permissions(0x10, allowed: 0xf))
    script.call(8, "__pkvm_host_relax_perms_guest", "\"prot\":\"0xf\",\(toGuest)")
    script.phase("return", 8, result: "-1")
    #expect(try Explained(script, 8).inquiry.unrecordedCause(isProtected: true) == .protectedGuest(.firstGuest))
    #expect(try Explained(script, 8).inquiry.unrecordedCause(isProtected: false) == nil)
    script.call(9, "__pkvm_host_force_reclaim_page_guest", "\"phys\":\"0x9000000\"")
    script.phase("return", 9, result: "-14")
    #expect(try Explained(script, 9).inquiry.unrecordedCause(isProtected: nil) == .notMemory(PageFrame(0x9000)))
  }

  @Test func anotherCPUInBetweenIsNamed() throws {
    // CPU 1 lends the page after CPU 0 began and before CPU 0 looks: CPU 0 finds it lent.
    let change = Frame.hostOwns.becomes(.lent, at: 0x4001_0000)
    func race(_ result: Int64) throws -> WhyInquiry {
      var script = self.script()
      script.call(7, "__pkvm_host_share_hyp", atHost, cpu: 0)
      script.call(8, "__pkvm_host_share_hyp", atHost, cpu: 1)
      script.phase(
        "apply", 8, step: "__host_set_page_state_range", changes: [change], more: ",\"set\":\"SHARED_OWNED\"")
      script.phase(
        "check", 7, step: "__host_check_page_state_range", result: "\(result)", more: ",\"want\":\"OWNED\"")
      script.phase("return", 7, result: "\(result)")
      script.phase("return", 8)
      return try Explained(script, 7).inquiry
    }
    let lost = try race(-1)
    #expect(lost.failedCheck?.agreement == .agrees && lost.interferences.map(\.action) == [ActionID(8)])
    #expect(lost.failedCheck?.elsewhere.first?.verdict == .holds)
    // The recorder saw the check late: it agrees with the state before CPU 1's change.
    #expect(try race(0).checks.map(\.agreement) == [.racy])
    // Or early: it agrees with what CPU 1 does only afterwards.
    var script = self.script()
    script.call(7, "__pkvm_host_share_hyp", atHost, cpu: 0)
    script.phase("check", 7, step: "__host_check_page_state_range", result: "-1", more: ",\"want\":\"OWNED\"")
    script.call(8, "__pkvm_host_share_hyp", atHost, cpu: 1)
    script.phase("apply", 8, step: "__host_set_page_state_range", changes: [change], more: ",\"set\":\"SHARED_OWNED\"")
    script.phase("return", 7, result: "-1")
    script.phase("return", 8)
    #expect(try Explained(script, 7).inquiry.checks.map(\.agreement) == [.racy])
  }

  @Test func unseenPagesAreNeverJudged() throws {
    var script = Script()
    script.call(7, "__pkvm_host_share_hyp", atHost)
    script.phase("check", 7, step: "__host_check_page_state_range", result: "-1", more: ",\"want\":\"OWNED\"")
    script.phase("return", 7, result: "-1")
    #expect(try Explained(script, 7).inquiry.failedCheck?.agreement == .cannotTell(.unseen))
  }
}
