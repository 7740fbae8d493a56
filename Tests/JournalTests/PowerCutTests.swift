// Why: tens of thousands of images that a power cut may leave, each opened, checked and continued: none is
// damaged, half a group, or without something that was acknowledged. With less than full durability the
// same search must find what is then known to be lost: else it is the search that is broken.

import FaultVFS
import Foundation
import Synchronization
import TestSupport
import Testing

struct PowerCutTests {
  private static let environment = ProcessInfo.processInfo.environment
  /// How many distinct images; CUSTODY_CRASH_IMAGES asks for more.
  private static let dose = environment["CUSTODY_CRASH_IMAGES"].flatMap { Int($0) } ?? 20_000

  @Test func noImageIsDamagedTornOrShort() throws {
    let seed = SeededRandom.seed(5)
    let scenarios = CrashScenario.all
    let distinct = DistinctImages()
    let reports = LockedList<CrashReport>()
    // A little more, as two scenarios may meet the same image.
    let share = Self.dose * 21 / 20 / scenarios.count
    DispatchQueue.concurrentPerform(iterations: scenarios.count) { index in
      do {
        let explorer = try CrashExplorer(seed: seed &+ UInt64(index), distinct: distinct)
        explorer.explore(try CrashRecording(scenarios[index]), dose: share, exhaustive: Self.dose > 100_000 ? 12 : 6)
        reports.append(explorer.report)
        if Self.dose > 100_000 { print(scenarios[index], explorer.report.imageCount, explorer.report.duplicateCount) }
      } catch {
        Issue.record("\(scenarios[index]): \(error)")
      }
    }
    let report = reports.all.reduce(CrashReport(), +)
    print("power cuts: seed \(seed), \(distinct.count) images, \(report)")
    for (image, failure) in report.failures { Issue.record("\(Self.reproduction(image, failure, seed))") }
    #expect(distinct.count >= Self.dose, "seed \(seed)")
    #expect(report.recoveryCount > Self.dose / 50 && report.faultCount > Self.dose / 100)
  }

  /// One image again: `CUSTODY_CRASH=append/57/kklk`.
  @Test(.enabled(if: environment["CUSTODY_CRASH"] != nil)) func oneImage() throws {
    let image = try #require(CrashImage(Self.environment["CUSTODY_CRASH"] ?? ""))
    let failure = try CrashExplorer.judge(image, synchronous: Self.environment["CUSTODY_SYNCHRONOUS"] ?? "FULL")
    #expect(failure == nil)
  }

  @Test(arguments: [("NORMAL", "C"), ("OFF", "C")]) func weakerDurabilityLosesWhatWasAcknowledged(
    _ synchronous: String, _ oracle: String
  ) throws {
    let report = try Self.explore(.append, synchronous, dose: 300)
    let loss = try #require(report.failures.first { $0.failure.oracle == oracle }, "\(report)")
    let shrunk = loss.image.shrunk { image in
      (try? CrashExplorer.judge(image, synchronous: synchronous))??.oracle == oracle
    }
    #expect(try CrashExplorer.judge(shrunk, synchronous: synchronous)?.oracle == oracle, "\(shrunk)")
    #expect(try CrashExplorer.judge(shrunk) == nil || shrunk != loss.image, "full durability loses nothing")
    #expect(CrashImage("\(shrunk)") == shrunk)
  }

  @Test func withoutSyncsACheckpointDamagesTheFile() throws {
    let report = try Self.explore(.checkpoint, "OFF", dose: 3000)
    #expect(report.failures.contains { $0.failure.oracle == "A" || $0.failure.oracle == "B" }, "\(report)")
  }

  // The first group of a writer also takes the clean mark off the file, and the second begins the log anew.
  @Test func aGroupIsOneSync() throws {
    let operations = try CrashRecording(.append).operations
    let notes = operations.indices.filter { operations[$0].kind == FAULT_NOTE }
    #expect(notes.count == 3)
    let syncs = operations[notes[1]..<notes[2]].count { $0.kind == FAULT_SYNC || $0.kind == FAULT_FOLDER_SYNC }
    #expect(syncs == 1)
  }

  /// A log that a reader had made lost its name, and an undone rollback journal came back.
  @Test func namesAreDurableBeforeTheFirstGroup() throws {
    for name in ["close/140/kk/38/lkkkl", "close/140/kk/48/lkkkk", "close/140/ll/38/lllll"] {
      #expect(try CrashExplorer.judge(try #require(CrashImage(name))) == nil, "\(name)")
    }
  }

  private static func explore(_ scenario: CrashScenario, _ synchronous: String, dose: Int) throws -> CrashReport {
    let explorer = try CrashExplorer(seed: 3, distinct: DistinctImages())
    explorer.mostFailures = 200
    explorer.explore(try CrashRecording(scenario, synchronous: synchronous), dose: dose, depth: 1)
    return explorer.report
  }

  private static func reproduction(_ image: CrashImage, _ failure: CrashFailure, _ seed: UInt64) -> String {
    let shrunk = image.shrunk { (try? CrashExplorer.judge($0))??.oracle == failure.oracle }
    return "\(failure)\n  seed \(seed)\n  CUSTODY_CRASH='\(shrunk)' swift test --filter PowerCutTests.oneImage"
  }
}

/// A list that several threads add to.
final class LockedList<Element: Sendable>: Sendable {
  private let elements = Mutex<[Element]>([])

  func append(_ element: Element) { elements.withLock { $0.append(element) } }

  var all: [Element] { elements.withLock { $0 } }
}
