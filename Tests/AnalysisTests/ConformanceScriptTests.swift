// Why: what the given recordings do not have: two CPUs in the wrong order, a race, refusals that nobody records,
// a hole. Written by hand, as short as can be.

import Analysis
import Capture
import PageOwnership
import Testing

@Suite struct ConformanceScriptTests {
  private static let arguments = "\"pfn\":\"0x40000\",\"phys\":\"0x40000000\""
  private static let lentToHyp = Frame(host: 1, hyp: 2)

  private func start() -> Script {
    var script = Script()
    script.line("\"phase\":\"mark\",\"cpu\":0,\"mark\":\"0x100\"")
    script.snapshot()
    return script
  }

  private func check(_ script: inout Script, _ act: Int, _ step: String, _ wanted: String? = nil, result: Int = 0) {
    script.phase(
      "check", act, step: step, result: "\(result)",
      more: (wanted.map { ",\"want\":\"\($0)\"" } ?? "") + ",\"result_by\":\"control flow\"")
  }

  /// The host lends page 0x40000 on CPU 0.
  private func share(_ script: inout Script, _ act: Int) {
    script.call(act, "__pkvm_host_share_hyp", Self.arguments, cpu: 0)
    check(&script, act, "__host_check_page_state_range", "OWNED")
    check(&script, act, "__hyp_check_page_state_range", "NOPAGE")
    set(&script, act, "__hyp_set_page_state_range", .hostOwns, Frame(hyp: 2))
    set(&script, act, "__host_set_page_state_range", Frame(hyp: 2), Self.lentToHyp)
    script.phase("return", act)
  }

  /// It takes the page back on CPU 1; `between` comes between the call and its first check.
  private func unshare(_ script: inout Script, _ act: Int, between: (inout Script) -> Void = { _ in }) {
    script.call(act, "__pkvm_host_unshare_hyp", Self.arguments, cpu: 1)
    check(&script, act, "__host_check_page_state_range", "SHARED_OWNED")
    between(&script)
    check(&script, act, "__hyp_check_page_state_range", "SHARED_BORROWED")
    check(&script, act, "__hyp_check_page_count_range")
    set(&script, act, "__hyp_set_page_state_range", Self.lentToHyp, .lent)
    set(&script, act, "__host_set_page_state_range", .lent, .hostOwns)
    script.phase("return", act)
  }

  private func set(_ script: inout Script, _ act: Int, _ step: String, _ old: Frame, _ new: Frame) {
    script.phase("apply", act, step: step, changes: [old.becomes(new, at: 0x4000_0000)])
  }

  private func imported(_ script: Script) throws -> Imported {
    let imported = try Pipeline.importing(script.text)
    #expect(imported.error == nil)
    return imported
  }

  @Test func swappedTransitionsOfTwoCPUsDiffer() throws {
    var script = start()
    share(&script, 1)
    unshare(&script, 2)
    var whole = try imported(script)
    let report = try Conforming.report(whole)
    #expect(report.total.agreeing == 2 && report.total.operations == 2, "\(report.disagreements)")
    let moved = whole.rows.entries.filter { $0.action == ActionID(2) }
    whole.rows.entries.removeAll { $0.action == ActionID(2) }
    let place = try #require(whole.rows.entries.firstIndex { $0.action == ActionID(1) })
    whole.rows.entries.insert(contentsOf: moved, at: place)
    let first = try #require(Conforming.report(whole).disagreements.first { $0.transition == ActionID(2) })
    #expect(first.kind == .check && first.seq == moved[1].seq && first.recorded == "passed")
    #expect(first.rules.hasPrefix("fails -EPERM"))
  }

  @Test func aCheckThatIsRightAMomentLaterIsRacy() throws {
    func report(racing: Bool) throws -> ConformanceReport {
      var script = start()
      script.call(1, "__pkvm_host_share_hyp", Self.arguments, cpu: 0)
      check(&script, 1, "__host_check_page_state_range", "OWNED")
      check(&script, 1, "__hyp_check_page_state_range", "NOPAGE")
      set(&script, 1, "__hyp_set_page_state_range", .hostOwns, Frame(hyp: 2))
      let end: (inout Script) -> Void = {
        set(&$0, 1, "__host_set_page_state_range", Frame(hyp: 2), Self.lentToHyp)
        $0.phase("return", 1)
      }
      // CPU 1 was told of before CPU 0's last store was.
      if racing { unshare(&script, 2, between: end) } else { unshare(&script, 2) }
      return try Conforming.report(imported(script))
    }
    let racy = try report(racing: true)
    #expect(racy.total.racy == 1 && racy.total.differing == 0, "\(racy.disagreements)")
    #expect(try report(racing: false).total.differing > 0)
  }

  @Test func aRefusalWithoutAPhaseIsJudged() throws {
    // Permissions that nobody may give: a comparison, which no recorder sees.
    func report(_ prot: String, _ result: String) throws -> ConformanceReport {
      var script = Script()
      script.guest(0x1000, act: 1)
      script.snapshot(guests: [0x1000])
      script.call(
        7, "__pkvm_host_share_guest",
        "\"pfn\":\"0x40000\",\"gfn\":\"0x80\",\"nr\":1,\"handle\":\"0x1000\",\"protected\":false,\"prot\":\"\(prot)\","
          + "\"ipa\":\"0x80000\",\"phys\":\"0x40000000\"")
      script.phase("return", 7, result: result)
      return try Conforming.report(imported(script))
    }
    #expect(try report("0x10", "-22").total.agreeing == 1)
    #expect(try report("0x10", "-1").total.differing == 1)
    #expect(try report("0xf", "-22").total.differing == 1)
  }
}
