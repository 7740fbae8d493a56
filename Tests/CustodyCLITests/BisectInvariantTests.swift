// Why: the first violation that a search stops at is the first of all that a whole audit finds.

import Foundation
import TestSupport
import Testing

@testable import CustodyCLI

@Suite struct BisectInvariantTests {
  private func findings(_ sandbox: Sandbox, _ arguments: String...) throws -> [[String: Any]] {
    try sandbox.custody(["audit", "--format", "jsonl"] + arguments).lines.map {
      try #require(try json($0) as? [String: Any])
    }
  }

  @Test func theFirstViolationIsThatOfAWholeAudit() throws {
    // 6.2 takes unmapped devices for memory: two violations of I11.
    let sandbox = try Sandbox()
    try sandbox.write("s.txt", "host share hyp 0x42010; host share hyp 0x41300; host share hyp 0x42011")
    #expect(try sandbox.custody("run", "-q", "s.txt", "--generation", "linux-6.2").status == 0)
    let all = try findings(sandbox, "--check", "I11")
    let seqs = all.compactMap { ($0["phase_seq"] as? Int) ?? ($0["seq"] as? Int) }
    let (first, last) = (try #require(seqs.min()), try #require(seqs.max()))
    #expect(seqs.count == 2 && first < last)
    let ran = try sandbox.custody("bisect", "invariant", "i11")
    #expect(ran.status == 0 && ran.output.hasPrefix("entry \(first) is the first at which I11 is violated"), "\(ran)")
    #expect(ran.output.contains("host_share_hyp"), "\(ran)")
    let later = try sandbox.custody("bisect", "invariant", "I11", "--from", "T4")
    #expect(later.output.hasPrefix("entry \(last) is the first"), "\(later)")
    let none = try sandbox.custody("bisect", "invariant", "I11", "--to", "1")
    #expect(none.status == 1 && none.output.contains("is violated at none"), "\(none)")
    let other = try sandbox.custody("bisect", "invariant", "I1")
    #expect(other.status == 1 && other.output.contains("is violated at none"), "\(other)")
  }

  @Test func recordingsAgreeWithTheirAudits() throws {
    for name in ["k61-scenarios", "k73-panic-young", "k73-nvhe"] {
      guard let sandbox = try ImportedJournals.journal(name) else { continue }
      let all = try findings(sandbox).filter { $0["racy"] as? Int == 0 }
      for rule in Set(all.compactMap { $0["rule"] as? String }).union(["I1"]) {
        let mine = all.filter { $0["rule"] as? String == rule }
        let ran = try sandbox.custody("bisect", "invariant", rule)
        #expect(ran.status == (mine.isEmpty ? 1 : 0), "\(name) \(rule): \(ran)")
        guard let first = mine.compactMap({ ($0["phase_seq"] as? Int) ?? ($0["seq"] as? Int) }).min() else { continue }
        #expect(ran.output.hasPrefix("entry \(first) is the first at which"), "\(name) \(rule): \(ran)")
      }
    }
  }

  @Test(arguments: [["I99"], ["I1,I2"], ["I14"], []])
  func whatIsNoRuleIsUsage(_ arguments: [String]) throws {
    let ran = try Sandbox().custody(["bisect", "invariant"] + arguments)
    #expect(ran.status == ExitStatus.usage && ran.output.isEmpty, "\(ran)")
  }
}
