// Why: a benchmark that does not run proves nothing; the claim itself is measured by hand, on a large journal.

import TestSupport
import Testing

@testable import AuditBenchmark

@Suite struct AuditBenchmarkTests {
  @Test func runsAndGivesTheSame() throws {
    let sandbox = try Sandbox()
    try sandbox.write("s.txt", "host share hyp 0x41300; pin 0x41300; host donate hyp 0x41400 4")
    #expect(try sandbox.custody("run", "s.txt").status == 0)
    let one = try AuditBenchmark.run(journal: sandbox.file("custody.db"), rounds: 1)
    #expect(one.replay > 0 && one.audit > 0 && one.hash.hasSuffix(" 0"))
    #expect(try AuditBenchmark.run(journal: sandbox.file("custody.db"), rounds: 1).hash == one.hash)
  }
}
