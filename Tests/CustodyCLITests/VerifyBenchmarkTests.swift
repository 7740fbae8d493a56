// Why: the benchmark of verifying runs small in every test run, so it cannot rot; the figures are measured by hand.

import Journal
import PageOwnership
import Testing

@testable import VerifyBenchmark

@Suite struct VerifyBenchmarkTests {
  @Test func sealsBesideTheJournalAreTheJournals() throws {
    let sandbox = try Sandbox()
    let path = sandbox.file("made.db")
    let made = try Sealing.run(at: path, entryCount: 20_000)
    #expect(made.head.count == 64 && made.head == made.journalHead)
    #expect(made.seals > 0 && made.append > made.seals && made.entryCount >= 20_000)
    let verified = try Verifying.run(journal: path, rounds: 1)
    #expect(verified.verdict == "\(made.entryCount) entries, head \(made.head.prefix(16)), 0 findings")
    #expect(verified.byteCount == sandbox.size("made.db"))
    #expect(try Verifying.run(journal: path, rounds: 1).scanHash == verified.scanHash)
  }

  @Test func aCrashLeavesALongLog() throws {
    let sandbox = try Sandbox()
    let path = sandbox.file("made.db")
    try JournalWriter.create(at: path, facts: Facts()).close()
    let opened = try Reopening.run(journal: path, rounds: 2)
    #expect(opened.entryCount == 30_000 && opened.logByteCount > 12 << 20 && opened.leastCPU > 0)
    #expect(try JournalReader(at: path).integrity() == [])
    #expect(try JournalReader(at: path).isClean())
  }
}
