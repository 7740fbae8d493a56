// Why: a group costs one wait for the disk, and no more: what the contract says is counted where the calls arrive.

import FaultVFS
import PageOwnership
import Testing

@testable import AppendBenchmark
@testable import Journal

@Suite struct SyncCountTests {
  @Test(arguments: [1, 64, 512]) func aGroupIsOneSync(_ size: Int) throws {
    let disk = try FaultDisk()
    var rows = RowGenerator()
    let batches = (0..<200).map { _ in rows.batch(entryCount: size) }
    let writer = try JournalWriter.create(at: disk.journal, facts: SampleJournal.facts)
    let operations = try disk.recording {
      for batch in batches {
        try writer.append(batch)
        try writer.commit()
      }
    }
    try writer.close()
    let syncs = operations.filter { $0.kind == FAULT_SYNC || $0.kind == FAULT_FOLDER_SYNC }
    let others = syncs.filter { !$0.name.hasSuffix("-wal") }
    // Checkpoints sync the database beside; here the log never grows that long more than a few times.
    #expect(syncs.count >= batches.count)
    #expect(Double(syncs.count) <= 1.05 * Double(batches.count), "\(others.count) of \(syncs.count) not of the log")
  }
}
