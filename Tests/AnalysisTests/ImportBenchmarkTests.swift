// Why: the benchmark runs small in every test run, so it cannot rot, and its hash stays the same.

import Foundation
import TestSupport
import Testing

@testable import ImportBenchmark

struct ImportBenchmarkTests {
  @Test func importsAreTheSameEachTime() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "custody-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let recording = try #require(Recordings.shipped.last)
    let result = try ImportBenchmark.run(
      events: recording.events, snapshots: recording.snapshots, rounds: 2, folder: folder.path)
    #expect(result.stateHashes.count == 1)
    #expect(result.lineCount == 19_855)
    #expect(result.entryCount > 19_855)
  }
}
