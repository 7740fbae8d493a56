// Why: a bit that flips on the disk is reported, with the structure named, or changes nothing that anybody can
// read. A flip in the log may cost whole groups, never a part of one.

import FaultVFS
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Journal

struct BitFlipTests {
  /// How many flips; CUSTODY_BIT_FLIPS asks for more.
  private static let dose = ProcessInfo.processInfo.environment["CUSTODY_BIT_FLIPS"].flatMap { Int($0) } ?? 10_000
  /// Derived rows, which the whole `custody verify` compares with a replay, and the writer's mark.
  private static let notSealed =
    " writer_state snapshot_leaf ownership_index ownership_span_row ownership_block ownership_count "
    + "audit_run violation "

  /// What became of flips.
  fileprivate struct Tally: Sendable {
    var reported = 0, harmless = 0, shorter = 0, silent = 0
    var structures: Set<String> = []
  }

  /// A journal as it lies on the disk, with what it held at each commit.
  private struct Subject {
    let name: String
    let image: DiskImage
    let states: [UInt64]

    /// The flips of one file.
    func flip(_ file: String, _ bit: Int) -> DiskImage {
      var image = image
      image.files[file]?[bit / 8] ^= 1 << (bit % 8)
      return image
    }
  }

  private static func subjects() throws -> [Subject] {
    let closed = try FaultDisk()
    try SampleJournal.write(at: closed.journal)
    let disk = try FaultDisk()
    let writer = try JournalWriter.create(at: disk.journal, facts: SampleJournal.facts)
    var states = [dump(disk)]
    for number in 0..<6 {
      if number == 3 { writer.checkpointAt = 1 }
      try writer.append(CrashRows.batch(after: writer.headSeq, 14, leafCount: number % 2))
      try writer.commit()
      states.append(dump(disk))
    }
    writer.abandon()
    return [
      Subject(name: "closed", image: DiskImage(files: closed.contents()), states: [dump(closed)]),
      Subject(name: "crashed", image: DiskImage(files: disk.contents()), states: states),
    ]
  }

  private static func dump(_ disk: FaultDisk) -> UInt64 {
    (try? JournalReader(at: disk.journal)).map { fault_dump_hash($0.connection.handle, Self.notSealed) } ?? 0
  }

  @Test func everyFlipIsReportedOrHarmless() throws {
    let seed = SeededRandom.seed(31)
    let subjects = try Self.subjects()
    let tally = Mutex(Tally())
    DispatchQueue.concurrentPerform(iterations: 2) { worker in
      do {
        let disk = try FaultDisk()
        var random = SeededRandom(seed: seed &+ UInt64(worker))
        for number in 0..<Self.dose / 2 {
          let subject = subjects[number % subjects.count]
          let file = random.pick(subject.image.files.keys.sorted())
          let bit = random.below((subject.image.files[file]?.count ?? 1) * 8)
          disk.clear()
          subject.flip(file, bit).write(to: disk)
          let why = "seed \(seed), worker \(worker), flip \(number): \(subject.name), \(file), bit \(bit)"
          let found = Self.judge(disk, subject, isLog: file.hasSuffix("-wal"), why)
          tally.withLock { $0.add(found) }
        }
      } catch {
        Issue.record("\(error)")
      }
    }
    let sum = tally.withLock { $0 }
    print("bit flips: seed \(seed), \(sum)")
    #expect(sum.reported > Self.dose / 100 && sum.harmless > Self.dose / 100 && sum.structures.count > 3)
    #expect(sum.silent == 0)
  }

  fileprivate enum Outcome {
    case reported(String), harmless, shorter, silent
  }

  private static func judge(_ disk: FaultDisk, _ subject: Subject, isLog: Bool, _ why: String) -> Outcome {
    do throws(JournalError) {
      let reader = try JournalReader(at: disk.journal)
      if let finding = try reader.integrity().first {
        #expect(!finding.structure.isEmpty && !finding.message.isEmpty, "\(why)")
        return .reported(finding.structure)
      }
      let hash = fault_dump_hash(reader.connection.handle, Self.notSealed)
      if hash == subject.states.last { return .harmless }
      if isLog, subject.states.contains(hash) { return .shorter }
      if isLog { Issue.record("\(why): a part of a group") }
      print("silent: \(why)")
      return .silent
    } catch {
      #expect(!error.message.isEmpty, "\(why)")
      return .reported(error.code.rawValue)
    }
  }
}

extension BitFlipTests.Tally {
  fileprivate mutating func add(_ outcome: BitFlipTests.Outcome) {
    switch outcome {
    case .reported(let structure):
      reported += 1
      structures.insert(structure)
    case .harmless: harmless += 1
    case .shorter: shorter += 1
    case .silent: silent += 1
    }
  }
}
