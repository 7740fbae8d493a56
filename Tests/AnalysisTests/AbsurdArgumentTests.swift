// Why: hostile hosts pass what registers can hold; recorders write it down. Such calls are refused by the
// hypervisor, and must be told like any other.

import Analysis
import Capture
import PageOwnership
import Testing

@Suite struct AbsurdArgumentTests {
  private func imported(_ script: Script, skipsBadLines: Bool = false) throws -> Imported {
    let imported = try Pipeline.importing(script.text, skipsBadLines: skipsBadLines)
    #expect(try Pipeline.report(imported).agrees)
    return imported
  }

  private static let arguments: [(function: String, arguments: [String], page: UInt64?, count: UInt64)] = [
    ("__pkvm_host_share_hyp", ["pfn:0xffffffffffffffff", "phys:0xfffffffffffff000"], (1 << 52) - 1, 1),
    ("__pkvm_host_share_hyp", ["pfn:0x10000000040000", "phys:0x40000000"], 0x40000, 1),
    ("__pkvm_host_share_hyp", ["pfn:0xffffffffffffffff", "phys:0xffffffffffffffff000"], nil, 1),
    ("__pkvm_host_donate_hyp", ["pfn:0x40000", "nr:0", "phys:0x40000000"], 0x40000, 0),
    ("__pkvm_host_donate_hyp", ["pfn:0x40000", "nr:18446744073709551615", "phys:0x40000000"], 0x40000, .max),
    ("__pkvm_host_donate_hyp", ["pfn:0x40000", "nr:9223372036854775808", "phys:0x40000000"], 0x40000, 1 << 63),
    ("hyp_pin_shared_mem", ["from:0xf", "to:0x1", "phys:0x40000000", "nr:-4503599627370495"], 0x40000, 1),
    ("__pkvm_host_force_reclaim_page_guest", ["phys:0x40000fff"], 0x40000, 1),
    (
      "__pkvm_host_share_guest",
      [
        "pfn:0x40000", "gfn:0xffffffffffffffff", "nr:0", "handle:0x1000", "protected:null", "ipa:0xfffffffffffff000",
        "phys:0x40000000",
      ], 0x40000, 0
    ),
    (
      "__pkvm_host_share_guest",
      ["pfn:0x40000", "gfn:0xffffffffffffffff", "nr:1", "ipa:0xffffffffffffffff000", "phys:null"], nil, 1
    ),
    ("handle_host_mem_abort", [], nil, 1),
    ("__pkvm_host_share_ffa", ["pfn:0x40000", "nr:3", "phys:0x40000000"], 0x40000, 3),
    (
      "__pkvm_host_mkyoung_guest", ["gfn:0x80000", "handle:0x1000", "protected:false", "ipa:0x80000000", "phys:null"],
      nil, 1
    ),
  ]

  /// `name:value`, with quotes around hexadecimal values.
  private func fields(_ pairs: [String]) -> String {
    pairs.map { pair in
      let halves = pair.split(separator: ":")
      return "\"\(halves[0])\":" + (halves[1].hasPrefix("0x") ? "\"\(halves[1])\"" : halves[1])
    }.joined(separator: ",")
  }

  @Test(arguments: arguments.indices)
  func absurdCallIsRefusedLikeAnyOther(index: Int) throws {
    let (function, arguments, page, count) = Self.arguments[index]
    var script = Script()
    script.guest(0x1000, act: 1)
    script.snapshot(guests: [0x1000])
    script.call(7, function, fields(arguments), state: "\"host_s2\":[],\"hyp_s1\":[]")
    script.phase("check", 7, step: "pfn_range_is_valid", result: "-22")
    script.phase("check", 7, step: "__host_check_page_state_range", result: "-22", more: ",\"want\":\"OWNED\"")
    script.phase("return", 7, result: "-22")
    script.snapshot(guests: [0x1000])
    let rows = try imported(script).rows
    let transition = try #require(rows.transitions.first)
    #expect(transition.page?.rawValue == page && transition.pageCount == count)
    #expect(rows.transitionEnds.first?.outcome == .refused && rows.transitionEnds.first?.result == -22)
  }

  @Test func resultsOfAnyErrnoAreKept() throws {
    var script = Script()
    let results: [Int64] = [-1, -2, -7, -11, -12, -14, -16, -22, -34, -133, -95]
    for (act, result) in results.enumerated() {
      script.call(act, "__pkvm_host_unshare_hyp", "\"pfn\":\"0x40000\",\"phys\":\"0x40000000\"")
      script.phase("return", act, result: "\(result)")
    }
    let ends = try imported(script).rows.transitionEnds
    #expect(ends.map(\.result) == results && ends.allSatisfy { $0.outcome == .refused })
  }

  @Test func unknownFunctionIsNamedByItsLine() throws {
    var script = Script()
    script.hypercall(1, "raw_77", [1, 2, 3, 4, 5, 6], returns: -95)
    script.call(2, "__pkvm_host_grant_gpu", "\"pfn\":\"0x40000\"")
    script.phase("return", 2)
    script.hypercall(3, "__pkvm_vcpu_put", returns: 0)
    let refused = try Pipeline.importing(script.text)
    #expect(refused.error?.line == 3 && refused.error?.message.contains("__pkvm_host_grant_gpu") == true)
    #expect(refused.rows.entries.count == 2)
    let skipped = try imported(script, skipsBadLines: true)
    #expect(skipped.error == nil && skipped.rows.gaps.count == 1 && skipped.rows.activations.count == 2)
  }

  @Test func refusedIsRefusedThoughItsEndSawAnotherCPU() throws {
    var script = Script()
    script.line("\"phase\":\"mark\",\"cpu\":0,\"mark\":\"0x100\"")
    script.snapshot()
    let arguments = "\"pfn\":\"0x40000\",\"phys\":\"0x40000000\""
    script.call(1, "__pkvm_host_unshare_hyp", arguments, cpu: 0)
    script.phase("check", 1, step: "__host_check_page_state_range", result: "-1", more: ",\"want\":\"SHARED_OWNED\"")
    script.call(2, "__pkvm_host_share_hyp", arguments, cpu: 1)
    let change = Frame.hostOwns.becomes(.lent, at: 0x4000_0000)
    script.phase("return", 1, result: "-1", changes: [change])
    script.phase("apply", 2, step: "__host_set_page_state_range", changes: [change], more: ",\"set\":\"SHARED_OWNED\"")
    script.phase("return", 2)
    script.snapshot(frames: [(0x40000, 1, .lent)])
    let rows = try imported(script).rows
    #expect(rows.transitionEnds.map(\.outcome) == [.refused, .completed])
    #expect(try Pipeline.report(Pipeline.importing(script.text)).racy == 1)
  }

  @Test func accountsThatContradictEachOtherAreRefused() throws {
    func error(_ build: (inout Script) -> Void) throws -> String {
      var script = Script()
      script.guest(0x1000, act: 1)
      script.call(5, "__pkvm_host_share_hyp", "\"pfn\":\"0x40000\",\"phys\":\"0x40000000\"")
      build(&script)
      return try Pipeline.importing(script.text).error?.message ?? "none"
    }
    let frame = Frame.hostOwns.becomes(.lent, at: 0x4000_1000)
    #expect(try error { $0.phase("apply", 5, step: "x", changes: [frame]) }.contains("outside the call's pages"))
    let leaf = leafChange("guest_s2", .zero, .page(0x4000_0000))
    #expect(try error { $0.phase("apply", 5, step: "x", changes: [leaf]) }.contains("names no guest"))
    let stranger = leafChange("host_s2", .zero, LeafWord(level: 3, raw: 0x4000_07fd))
    #expect(try error { $0.phase("apply", 5, step: "x", changes: [stranger]) }.contains("no descriptor"))
    #expect(
      try error {
        $0.phase("apply", 5, step: "x", more: ",\"calls\":[{\"fn\":\"f\",\"args\":{\"state\":\"OWNAD\"}}]")
      }.contains("no state"))
    let seen = leafChange("host_s2", .page(0x4000_0000), .zero)
    #expect(
      try error {
        $0.call(6, "__pkvm_host_share_hyp", "\"phys\":\"0x40000000\"", state: "\"host_s2\":[\(leafText(.ofHyp))]")
        $0.phase("locked", 6, result: nil, seen: [seen])
      }.contains("the same call saw"))
  }
}
