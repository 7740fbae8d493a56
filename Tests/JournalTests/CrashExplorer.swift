// Why: walks the images that a power cut may leave, each once, and has them judged. Not here: what a cut
// leaves (`PowerCut.swift`), what must hold (`CrashOracle.swift`).

import FaultVFS
import Foundation
import Synchronization
import TestSupport

@testable import Journal

/// The images that were seen, by hash, over all threads.
final class DistinctImages: Sendable {
  private let hashes = Mutex<Set<UInt64>>([])

  /// False if it was there already.
  func insert(_ hash: UInt64) -> Bool { hashes.withLock { $0.insert(hash).inserted } }

  var count: Int { hashes.withLock { $0.count } }
}

/// What an exploration found.
struct CrashReport: Sendable {
  /// Distinct images that were judged.
  var imageCount = 0
  /// Images that had been seen before.
  var duplicateCount = 0
  /// Images of recoveries that were cut in turn.
  var recoveryCount = 0
  /// Failures in recovery that were overcome.
  var faultCount = 0
  var failures: [(image: CrashImage, failure: CrashFailure)] = []

  static func + (left: CrashReport, right: CrashReport) -> CrashReport {
    CrashReport(
      imageCount: left.imageCount + right.imageCount, duplicateCount: left.duplicateCount + right.duplicateCount,
      recoveryCount: left.recoveryCount + right.recoveryCount, faultCount: left.faultCount + right.faultCount,
      failures: left.failures + right.failures)
  }
}

/// Explores one recording on one disk.
final class CrashExplorer {
  private let disk: FaultDisk
  private let oracle: CrashOracle
  private let distinct: DistinctImages
  private var random: SeededRandom
  private(set) var report = CrashReport()
  /// Failures after which it stops.
  var mostFailures = 3

  init(seed: UInt64, distinct: DistinctImages) throws {
    disk = try FaultDisk()
    oracle = CrashOracle(disk)
    random = SeededRandom(seed: seed)
    self.distinct = distinct
  }

  /// Judges images until there are `dose` more, or no new ones.
  ///
  /// - Parameter exhaustive: up to so many changes that are not durable, all combinations are tried.
  func explore(_ recording: CrashRecording, dose: Int, exhaustive: Int = 6, depth: Int = 2) {
    let goal = report.imageCount + dose
    var barren = 0
    for round in 0... {
      let before = report.imageCount
      var disk = PowerCut(recording.initial, note: recording.acknowledged)
      for count in 0...recording.operations.count {
        if count > 0 { disk.apply(recording.operations[count - 1]) }
        for fates in fates(round, disk.pendingCount, exhaustive) {
          judge(recording, CrashImage.Cut(operationCount: count, fates: fates), disk, depth)
          if report.imageCount >= goal || report.failures.count >= mostFailures { return }
        }
      }
      barren = report.imageCount > before || round < 3 ? 0 : barren + 1
      if barren == 3 { return }
    }
  }

  // Rounds: nothing unsynced survives, everything does, all combinations of a few, then drawn ones.
  private func fates(_ round: Int, _ count: Int, _ exhaustive: Int) -> [[Fate]] {
    switch round {
    case 0: [[Fate](repeating: .lost, count: count)]
    case 1: [[Fate](repeating: .kept, count: count)]
    case 2: count <= exhaustive ? (0..<1 << count).map { Fate.numbered($0, count) } : []
    default: count == 0 ? [] : [Fate.drawn(count, &random)]
    }
  }

  private func judge(_ recording: CrashRecording, _ cut: CrashImage.Cut, _ power: PowerCut, _ depth: Int) {
    let image = power.image(cut.fates)
    let hash = image.hash
    guard distinct.insert(hash) else {
      report.duplicateCount += 1
      return
    }
    report.imageCount += 1
    if depth < 2 { report.recoveryCount += 1 }
    do throws(CrashFailure) {
      let isRecovered = depth > 1 && hash % 16 == 0
      let recovery = try open(image, recording, cut, acknowledged: power.note, records: isRecovered)
      if let recovery { explore(recovery, dose: 12, exhaustive: 3, depth: depth - 1) }
      if depth > 1, hash % 32 == 1 { try failRecovery(image, recording, acknowledged: power.note) }
    } catch {
      let failed = CrashImage(scenario: recording.scenario.name, cuts: recording.cuts + [cut])
      report.failures.append((failed, error))
    }
  }

  /// Puts an image on the disk and judges it; returns the recording of that if asked.
  private func open(
    _ image: DiskImage, _ recording: CrashRecording, _ cut: CrashImage.Cut, acknowledged: Int, records: Bool
  ) throws(CrashFailure) -> CrashRecording? {
    restart(with: image)
    guard records else {
      _ = try oracle.judge(recording, acknowledged: acknowledged)
      return nil
    }
    var verdict: CrashOracle.Verdict?
    var failure: CrashFailure?
    let operations = disk.recording {
      do throws(CrashFailure) {
        verdict = try oracle.judge(recording, acknowledged: acknowledged)
      } catch { failure = error }
    }
    if let failure { throw failure }
    guard let verdict else { return nil }
    return CrashRecording(
      recoveryOf: recording, cut, image, operations, verdict.states, acknowledged: min(verdict.found, 0))
  }

  /// The disk fails once while the journal recovers; then all is well again.
  private func failRecovery(
    _ image: DiskImage, _ recording: CrashRecording, acknowledged: Int
  ) throws(CrashFailure) {
    restart(with: image)
    let fault = DiskFault.all[random.below(DiskFault.all.count)]
    _ = disk.failing(fault, at: random.below(160)) {
      _ = try? oracle.judge(recording, acknowledged: acknowledged)
    }
    // What was added before the failure may be there or not: only the file is judged.
    report.faultCount += 1
    try oracle.judgeAny()
  }

  // The shared memory of a machine that is gone means nothing.
  private func restart(with image: DiskImage) {
    disk.clear()
    image.write(to: disk)
    if random.below(8) == 0, image.files["journal.db-wal"] != nil {
      DiskImage(files: ["journal.db-shm": [UInt8](repeating: UInt8(random.below(256)), count: 32768)]).write(to: disk)
    }
  }
}

extension CrashExplorer {
  /// Judges one image again by its name.
  static func judge(_ name: CrashImage, synchronous: String = "FULL") throws -> CrashFailure? {
    guard let scenario = CrashScenario.all.first(where: { $0.name == name.scenario }) else {
      throw CrashFailure(oracle: "?", message: "there is no scenario \(name.scenario)")
    }
    let explorer = try CrashExplorer(seed: 1, distinct: DistinctImages())
    var recording: CrashRecording? = try CrashRecording(scenario, synchronous: synchronous)
    for (index, cut) in name.cuts.enumerated() {
      guard let current = recording, cut.operationCount <= current.operations.count else { return nil }
      var power = PowerCut(current.initial, note: current.acknowledged)
      for operation in current.operations.prefix(cut.operationCount) { power.apply(operation) }
      do throws(CrashFailure) {
        recording = try explorer.open(
          power.image(cut.fates), current, cut, acknowledged: power.note, records: index + 1 < name.cuts.count)
      } catch { return error }
    }
    return nil
  }
}
