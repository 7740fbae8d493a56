// Why: the benchmark runs small in every test run, so it cannot rot; both sides must write the same.
// Not here: the ratio, which is measured by hand on a quiet machine.

import Testing

@testable import AppendBenchmark

struct AppendBenchmarkTests {
  @Test func bothSidesWriteTheSame() throws {
    let folder = TemporaryFolder()
    let result = try AppendBenchmark.run(entryCount: 3000, groupSize: 500, folder: folder.path) { _ in }
    #expect(result.journalHash == result.baselineHash)
    #expect(result.entryCount >= 3000)
    #expect(folder.names == [])
  }
}
