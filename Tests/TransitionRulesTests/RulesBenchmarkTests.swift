// Why: the benchmark runs small in every test run, so it cannot rot; engine and peer return the same on every
// call, and the hash does not depend on the machine.

import PageOwnership
import Testing

@testable import RulesBenchmark

struct RulesBenchmarkTests {
  @Test(arguments: Generation.allCases) func engineAndPeerReturnTheSame(_ generation: Generation) {
    let result = RulesBenchmark.run(generation, count: 2000)
    #expect(result.differing == 0)
    #expect(result.callCount == 2000)
    #expect(result.phaseCount > 2000)
    #expect(result.hash == RulesBenchmark.run(generation, count: 2000).hash)
  }

  @Test func theSearchEnds() {
    let search = StateSearch.run(limit: 2000)
    #expect(search.stateCount > 100)
    #expect(search.callCount > search.stateCount)
  }
}
