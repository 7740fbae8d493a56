// Why: each bug of the past is found by the rules that are named for it and by no others; without the bug the same
// calls are clean. Not here: the bugs (KnownBug).

import Analysis
import PageOwnership
import TestSupport
import Testing

@Suite struct KnownBugTests {
  @Test(arguments: KnownBug.all) func badJournalsAreFound(_ bug: KnownBug) throws {
    let audited = try Auditing.audit(bug.bad().imported, rules: Auditing.withoutConformance)
    #expect(audited.rules == bug.rules, "\(audited.findings)")
    #expect(audited.summary.racy.isEmpty)
  }

  @Test(arguments: KnownBug.all) func goodJournalsAreClean(_ bug: KnownBug) throws {
    let audited = try Auditing.audit(bug.good().imported)
    // One good journal is by rules that no kernel has, and a driven fault has a result where a recorded one has none.
    let isOdd = ["B7", "B29"].contains { bug.name.hasPrefix($0) }
    let rules = isOdd ? audited.rules.subtracting(["conformance"]) : audited.rules
    #expect(rules.isEmpty, "\(audited.findings)")
  }

  /// The vectors' suite e: which page, and which check would have refused it.
  @Test func theSkippedCheckIsNamed() throws {
    let audited = try Auditing.audit(KnownBug.partialRange(debug: false)().imported, rules: ["skipped-check"])
    let finding = try #require(audited.findings.first)
    #expect(audited.findings.count == 1 && finding.operation == .hypDonateHost)
    #expect(finding.pages == PageRange(PageFrame(0x41302)) && finding.space == .host)
    #expect(finding.expected.contains("target is unmapped") && finding.expected.contains("host_ack_donation"))
    #expect(finding.found == "OWNED: it would have failed -EPERM")
    let debug = try Auditing.audit(KnownBug.partialRange(debug: true)().imported, rules: ["skipped-check"])
    #expect(debug.findings.isEmpty)
  }
}
