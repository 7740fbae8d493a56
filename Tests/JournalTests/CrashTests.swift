// Why: at whatever moment the writer dies, the journal opens at a group's boundary. The files are copied
// by another program while the writer is in the middle of its work.

import PageOwnership
import Testing

@testable import Journal

struct CrashTests {
  private static func numbered(_ batch: EntryBatch, after last: Int64) -> EntryBatch {
    var batch = batch
    if last > 0 { batch.sites = [] }
    for index in batch.entries.indices {
      batch.entries[index].seq = SequenceNumber(last + Int64(index) + 1)
    }
    batch.changes = []
    batch.observations = []
    return batch
  }

  @Test func copiesTakenMidwayRecoverToAGroup() throws {
    let folder = TemporaryFolder()
    let writer = try JournalWriter.create(at: folder.file(), facts: Facts())
    var rows = RandomRows(seed: 11)
    let batch = rows.batch(entryCount: 500)
    for group in 0..<4 as Range<Int64> {
      for half in 0..<2 as Range<Int64> {
        try writer.append(Self.numbered(batch, after: (group * 2 + half) * 500))
        let copy = folder.file("copy-\(group)-\(half).db")
        shell("cp \(folder.file()) \(copy); cp \(folder.file())-wal \(copy)-wal")
        let expected = SequenceNumber(group * 1000)
        #expect(try JournalReader(at: copy).headSeq() == expected)
        let resumed = try JournalWriter.open(at: copy)
        #expect(resumed.resume.headSeq == expected)
        #expect(!resumed.resume.wasClean || group == 0)
        try resumed.close()
        #expect(try JournalReader(at: copy).headSeq() == expected)
      }
      try writer.commit()
    }
    try writer.close()
  }

  @Test func tornLogEndsAtTheLastWholeGroup() throws {
    let folder = TemporaryFolder()
    let writer = try JournalWriter.create(at: folder.file(), facts: Facts())
    var rows = RandomRows(seed: 12)
    let batch = rows.batch(entryCount: 500)
    for group in 0..<3 as Range<Int64> {
      try writer.append(Self.numbered(batch, after: group * 500))
      try writer.commit()
    }
    guard case .file(let byteCount) = SystemFiles.kind(folder.file() + "-wal") else {
      Issue.record("no log")
      return
    }
    for (index, cut) in stride(from: Int64(0), through: byteCount, by: 4999).enumerated() {
      let copy = folder.file("cut-\(index).db")
      shell("cp \(folder.file()) \(copy); head -c \(cut) \(folder.file())-wal > \(copy)-wal")
      let head = try JournalReader(at: copy).headSeq().rawValue
      #expect(head % 500 == 0 && head <= 1500, "cut at \(cut) gives \(head)")
    }
    try writer.close()
  }

  @Test func creationThatDiedLeavesNothingInTheWay() throws {
    let folder = TemporaryFolder()
    shell("head -c 5000 /dev/zero > \(folder.file())-new; echo x > \(folder.file())-new-journal")
    try SampleJournal.write(at: folder.file())
    #expect(folder.names == ["journal.db"])
  }
}
