// Why: each operation of each scenario fails once, and from some point on for good: what is said is a typed
// error, nothing is acknowledged that is not there, the writer does not go on, and the journal is usable as
// soon as the fault is gone.

import FaultVFS
import Foundation
import Glibc
import PageOwnership
import TestSupport
import Testing

@testable import Journal

struct FaultTests {
  private static let environment = ProcessInfo.processInfo.environment
  /// Every so many operations; CUSTODY_FAULT_STEP=1 fails each.
  private static let step = environment["CUSTODY_FAULT_STEP"].flatMap { Int($0) } ?? 3
  /// The same for allocations.
  private static let memoryStep = environment["CUSTODY_FAULT_STEP"].flatMap { Int($0) } ?? 5
  /// The same where a connection is opened: thousands of allocations, nearly all for the schema.
  private static let openingStep = memoryStep == 1 ? 1 : memoryStep * 13

  /// A scenario that can be run again and again from the same files.
  final class Bench {
    let scenario: CrashScenario
    let recording: CrashRecording
    let disk: FaultDisk
    let oracle: CrashOracle
    var refused = 0

    init(_ scenario: CrashScenario) throws {
      self.scenario = scenario
      recording = try CrashRecording(scenario)
      disk = try FaultDisk()
      oracle = CrashOracle(disk)
    }

    /// A run from the files that the scenario begins with.
    func session() -> CrashSession {
      disk.clear()
      recording.initial.write(to: disk)
      return CrashSession(disk, isReference: false)
    }

    /// Runs the scenario with what `break` breaks, and judges what is left.
    func run(
      _ why: String, _ session: CrashSession, _ breaking: (() -> Void) -> (seen: Int, failed: Int)
    ) -> (seen: Int, failed: Int) {
      var thrown: (any Error)?
      let met = breaking {
        do { try scenario.run(session) } catch { thrown = error }
      }
      if let thrown {
        refused += 1
        let isTyped = (thrown as? JournalError).map { !$0.message.isEmpty } ?? false
        #expect(isTyped, "\(why): \(thrown)")
        #expect(met.failed > 0, "\(why): \(thrown)")
      }
      #expect(!session.wentOnAfterFailure, "\(why)")
      #expect(thrown != nil || session.acknowledged == recording.states.count - 1, "\(why)")
      do throws(CrashFailure) {
        _ = try oracle.judge(recording, acknowledged: session.acknowledged)
      } catch {
        Issue.record("\(why): \(error), after \(thrown.map { "\($0)" } ?? "no error")")
      }
      return met
    }

    /// Runs the scenario and fails an allocation, of a writer's opening or behind it.
    func run(_ why: String, _ number: Int, _ lasts: Bool, opening: Bool) -> (seen: Int, failed: Int) {
      let session = session()
      var met = (seen: 0, failed: 0)
      // From one writer to the next the count goes on.
      let counting: (() throws -> Void) throws -> Void = { body in
        fault_arm_memory(Int64(number - met.seen), lasts || met.failed > 0)
        defer {
          var failed: Int64 = 0
          met.seen += Int(fault_disarm_memory(&failed))
          met.failed += Int(failed)
        }
        try body()
      }
      if opening { session.whileOpening = counting } else { session.whileWriting = counting }
      return run(why, session) { body in
        body()
        return met
      }
    }
  }

  @Test(arguments: CrashScenario.all) func everyOperationMayFail(_ scenario: CrashScenario) throws {
    let bench = try Bench(scenario)
    for (index, fault) in DiskFault.all.enumerated() {
      var number = index % Self.step
      while true {
        let met = bench.run("\(scenario), \(fault), operation \(number)", bench.session()) {
          bench.disk.failing(fault, at: number, $0)
        }
        if met.failed == 0 { break }
        number += Self.step
      }
      #expect(number > Self.step, "\(scenario), \(fault): nothing failed")
    }
    #expect(bench.refused > 20)
  }

  @Test(arguments: CrashScenario.all) func shortCallsAreNotNoticed(_ scenario: CrashScenario) throws {
    let bench = try Bench(scenario)
    let met = bench.run("\(scenario), all calls short", bench.session()) { bench.disk.failing(.short, at: 0, $0) }
    #expect(met.failed > 20 && bench.refused == 0)
  }

  @Test(arguments: CrashScenario.all) func everyAllocationOfAWriterMayFail(_ scenario: CrashScenario) throws {
    let bench = try Bench(scenario)
    let step = scenario.mend == nil ? Self.memoryStep : Self.openingStep
    let count = try failAllocations(bench, step, opening: false)
    #expect(count > 80 && bench.refused > 5, "\(scenario): \(count) allocations")
  }

  /// But not those of making a journal, and of two calls: see `FaultMemory.c`.
  @Test(arguments: [CrashScenario.append, .resume, .migrate, .sealWithKey])
  func everyAllocationOfOpeningMayFail(_ scenario: CrashScenario) throws {
    let bench = try Bench(scenario)
    let count = try failAllocations(bench, Self.openingStep, opening: true)
    #expect(count > 1000 && bench.refused > 5, "\(scenario): \(count) allocations")
  }

  // Returns how many there are.
  private func failAllocations(_ bench: Bench, _ step: Int, opening: Bool) throws -> Int {
    var count = 0
    for lasts in [false, true] {
      var number = lasts ? step / 2 : 0
      while bench.run("\(bench.scenario), allocation \(number), \(lasts)", number, lasts, opening: opening).failed > 0 {
        number += step
      }
      count = number
    }
    return count
  }

  /// A failed sync may have dropped what it should have written; a later one that succeeds does not bring it back.
  @Test func afterAFailedSyncNothingIsAcknowledged() throws {
    let bench = try Bench(.append)
    let sync = DiskFault(name: "sync", kinds: 1 << FAULT_SYNC.rawValue, mode: FAULT_IO_ERROR, lasts: false)
    var failures: [CrashFailure] = []
    for number in 0..<20 {
      let session = bench.session()
      var met = (seen: 0, failed: 0)
      let operations = bench.disk.recording {
        met = bench.disk.failing(sync, at: number) { _ = try? bench.scenario.run(session) }
      }
      if met.failed == 0 { break }
      var random = SeededRandom(seed: UInt64(number))
      var power = PowerCut(bench.recording.initial, note: bench.recording.acknowledged)
      for operation in operations { power.apply(operation) }
      for _ in 0..<50 {
        bench.disk.clear()
        power.image(Fate.drawn(power.pendingCount, &random)).write(to: bench.disk)
        do throws(CrashFailure) {
          _ = try bench.oracle.judge(bench.recording, acknowledged: session.acknowledged)
        } catch { failures.append(CrashFailure(oracle: error.oracle, message: "sync \(number): \(error.message)")) }
      }
    }
    #expect(failures.isEmpty, "\(failures.prefix(3))")
  }
}
