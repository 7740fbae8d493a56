// Why: a recording without its summary still proves most of what an import needs; what it does not prove is
// asked for, not guessed.

import Analysis
import Capture
import PageOwnership
import TestSupport
import Testing

@Suite struct InferredFactsTests {
  @Test(arguments: Recordings.all.map(\.name))
  func recordingWithoutSummaryImportsOrAsks(name: String) throws {
    let files = try #require(Recordings.all.first { $0.name == name })
    var text = try RecordingText(files)
    let known = text.facts
    text.facts = Facts()
    guard known.generation.value != .linux6_4 else {
      let error = #expect(throws: InputError.self) { try Pipeline.importing(text) }
      #expect(error?.hint?.contains("--generation") == true)
      text.facts.generation = known.generation
      try expectSame(text, known)
      return
    }
    try expectSame(text, known)
  }

  private func expectSame(_ text: RecordingText, _ known: Facts) throws {
    let imported = try Pipeline.importing(text)
    #expect(imported.error == nil)
    #expect(imported.facts.generation.value == known.generation.value)
    #expect(imported.facts.hypVAOffset == Known(try #require(known.hypVAOffset.value), .inferred))
    #expect(imported.facts.regions.value == nil && imported.facts.el2Debug.value == nil)
    #expect(try Pipeline.report(imported).agrees)
    // Whether a debug-only check was made is not known, so it neither passed nor was skipped.
    let debugOnly = Set(imported.rows.sites.filter { $0.1.kernelStep == "hyp_ack_donation" }.map(\.0))
    let outcomes = Set(imported.rows.entries.filter { debugOnly.contains($0.site) && $0.outcome != nil }.map(\.outcome))
    #expect(outcomes.isSubset(of: [CheckOutcome.unknown.rawValue]))
  }

  @Test func privateMappingsDoNotDecideTheOffset() throws {
    var script = Script()
    script.facts = Facts()
    script.facts.generation = Known(.linux7_1, .recorded)
    func walk(_ act: Int, _ address: UInt64, _ physical: UInt64) {
      script.call(
        act, "fix_host_ownership_walker",
        "\"addr\":\"\(hexText(address))\",\"old\":\"\(hexText(physical | 0x40_0000_0000_0703))\",\"level\":3")
      script.phase("return", act)
    }
    walk(0, 0x4000_0000_1000, 0x4500_0000)
    walk(1, 0x4000_0000_3000, 0x4600_0000)
    for act in 2..<5 { walk(act, 0xb000_0000_0000 + UInt64(act) << 12, 0x4000_0000 + UInt64(act) << 12) }
    let offset: UInt64 = 0x4000_0000 &- 0xb000_0000_0000
    #expect(try Pipeline.importing(script.text).facts.hypVAOffset == Known(offset, .inferred))
  }
}
