// Why: a prune writes a whole file twice, so each of its runs costs what a hundred groups cost: it is cut, failed and
// starved of memory here, at fewer places by default. Not here: what is judged (CrashOracle), the other scenarios.

import Foundation
import TestSupport
import Testing

@testable import Journal

struct PruneFaultTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let doseStep = environment["CUSTODY_FAULT_STEP"].flatMap { Int($0) } ?? 3
  /// Every so many operations: ten times what the other scenarios step by.
  private static let step = doseStep * 10 - 1
  /// The same for allocations.
  private static let memoryStep = doseStep * 100 + 7
  /// How many images a power cut leaves; CUSTODY_PRUNE_IMAGES asks for more.
  private static let dose = environment["CUSTODY_PRUNE_IMAGES"].flatMap { Int($0) } ?? 150

  @Test func everyOperationMayFail() throws {
    let bench = try FaultTests.Bench(.prune)
    for (index, fault) in DiskFault.all.enumerated() {
      var number = index % Self.step
      while true {
        let met = bench.run("\(fault), operation \(number)", bench.session()) {
          bench.disk.failing(fault, at: number, $0)
        }
        if met.failed == 0 { break }
        number += Self.step
      }
    }
    print("prune faults: \(bench.refused) refused")
    #expect(bench.refused > 20)
  }

  @Test func everyAllocationMayFail() throws {
    let bench = try FaultTests.Bench(.prune)
    for lasts in [false, true] {
      var number = 0
      while bench.run("allocation \(number), \(lasts)", number, lasts, opening: false).failed > 0 {
        number += Self.memoryStep
      }
      #expect(number > 100, "\(number) allocations")
    }
    #expect(bench.refused > 5)
  }

  @Test func noImageIsDamagedTornOrShort() throws {
    let seed = SeededRandom.seed(11)
    let distinct = DistinctImages()
    let explorer = try CrashExplorer(seed: seed, distinct: distinct)
    explorer.explore(try CrashRecording(.prune), dose: Self.dose, exhaustive: 4)
    print("prune power cuts: seed \(seed), \(distinct.count) images, \(explorer.report)")
    for (image, failure) in explorer.report.failures { Issue.record("seed \(seed), \(image): \(failure)") }
    #expect(distinct.count >= Self.dose, "seed \(seed)")
  }
}
