// Why: the benchmark of the past runs small in every test run, so it cannot rot: what it makes is sound, what it
// asks is answered alike by the quick way and by a replay. Not here: the figures, which are measured by hand.

import CustodyCLI
import Journal
import PageOwnership
import Testing

@testable import TimeTravelBenchmark

@Suite struct TimeTravelBenchmarkTests {
  @Test func whatItMakesIsSoundAndAnsweredAlike() throws {
    let sandbox = try Sandbox()
    let path = sandbox.file("made.db")
    let made = try JournalMaking.run(at: path, entryCount: 40_000, seed: 3)
    #expect(made.journalHash == made.baselineHash)
    let asked = try JournalAsking.run(journal: path, questions: 6)
    #expect(asked.wrongCount == 0)
    #expect(asked.replayed == asked.restored)
    // Only moments before the first own snapshot take a replay of everything.
    let reader = try JournalReader(at: path)
    for seq in [16_384, 16_385, 30_000, 40_000] as [Int64] {
      #expect(try WholeState(reader).isNear(SequenceNumber(seq)), "\(seq)")
    }
    for command in ["verify", "replay", "conform"] {
      let ran = try sandbox.custody(command, "-j", path)
      #expect(ran.status == 0, "\(command): \(ran)")
    }
  }
}
