// Why: one writer, whole groups, an orderly end.

import Glibc
import PageOwnership
import Testing

@testable import Journal

struct WriterTests {
  private static func mark(_ seq: Int64) -> EntryBatch {
    var batch = EntryBatch()
    if seq == 1 { batch.sites = [(SiteID(rawValue: 1), Site(.mark))] }
    batch.entries = [Entry(seq: SequenceNumber(seq), site: SiteID(rawValue: 1))]
    batch.entries[0].sourceIndex = seq
    return batch
  }

  @Test func readerSeesWholeGroupsOnly() throws {
    let folder = TemporaryFolder()
    let writer = try JournalWriter.create(at: folder.file(), facts: Facts())
    let reader = try JournalReader(at: folder.file())
    try writer.append(Self.mark(1))
    #expect(try reader.headSeq() == SequenceNumber(0))
    #expect(writer.durableSeq == SequenceNumber(0))
    try writer.commit()
    #expect(try reader.headSeq() == SequenceNumber(1))
    #expect(writer.durableSeq == SequenceNumber(1))
    try writer.append(Self.mark(2))
    #expect(try reader.headSeq() == SequenceNumber(1))
    #expect(try !reader.isClean())
    try writer.close()
    #expect(try reader.headSeq() == SequenceNumber(2))
  }

  @Test func orderlyCloseLeavesOneFileInDeleteMode() throws {
    let folder = TemporaryFolder()
    try SampleJournal.write(at: folder.file())
    #expect(folder.names == ["journal.db"])
    let reader = try JournalReader(at: folder.file())
    #expect(try reader.connection.text("PRAGMA journal_mode") == "delete")
    #expect(try reader.isClean())
  }

  @Test func closeBesideAReaderKeepsEverything() throws {
    let folder = TemporaryFolder()
    let writer = try JournalWriter.create(at: folder.file(), facts: Facts())
    let reader = try JournalReader(at: folder.file())
    try writer.append(Self.mark(1))
    #expect(try reader.headSeq() == SequenceNumber(0))
    try writer.close()
    #expect(try reader.isClean())
    #expect(try reader.frames().count == 1)
  }

  @Test func secondWriterIsRefusedByName() throws {
    let folder = TemporaryFolder()
    let writer = try JournalWriter.create(at: folder.file(), facts: Facts())
    let error = #expect(throws: JournalError.self) { try JournalWriter.open(at: folder.file()) }
    #expect(error?.code == .locked)
    #expect(error?.message.contains("process \(getpid())") == true)
    try writer.close()
    let again = try JournalWriter.open(at: folder.file())
    #expect(again.resume == JournalWriter.Resume(headSeq: SequenceNumber(0), wasClean: true))
    try again.close()
  }

  @Test func lockFileLeftBehindIsHarmless() throws {
    let folder = TemporaryFolder()
    try SampleJournal.write(at: folder.file())
    shell("echo 1 init > \(folder.file())-lock")
    try JournalWriter.open(at: folder.file()).close()
  }

  @Test func resumeGoesOnWithNumbersAndSourceIndices() throws {
    let folder = TemporaryFolder()
    let first = try JournalWriter.create(at: folder.file(), facts: Facts())
    try first.append(Self.mark(1))
    try first.append(Self.mark(2))
    try first.commit(importState: "{\"offset\": 7}", isComplete: false)
    first.abandon()
    let reader = try JournalReader(at: folder.file())
    #expect(try reader.importState() == "{\"offset\": 7}")
    #expect(try !reader.isComplete())
    #expect(try !reader.isClean())
    let second = try JournalWriter.open(at: folder.file())
    #expect(second.resume == JournalWriter.Resume(headSeq: SequenceNumber(2), wasClean: false))
    try second.append(Self.mark(3))
    try second.commit(importState: "{}", isComplete: true)
    try second.close()
    #expect(try reader.frames().map(\.entry.sourceIndex) == [1, 2, 3])
    #expect(try reader.counts().count("source_run") == 1)
    #expect(try reader.isComplete())
  }

  @Test func cleanMarkFallsWithTheFirstCommit() throws {
    let folder = TemporaryFolder()
    try SampleJournal.write(at: folder.file())
    let writer = try JournalWriter.open(at: folder.file())
    let reader = try JournalReader(at: folder.file())
    let mark = "SELECT clean FROM writer_state"
    #expect(try reader.connection.number(mark) == 1)
    try writer.commit(importState: "{}")
    #expect(try reader.connection.number(mark) == 0)
    writer.abandon()
    #expect(try !reader.isClean())
    try JournalWriter.open(at: folder.file()).close()
    #expect(try reader.connection.number(mark) == 1)
  }

  @Test func openGroupIsGoneAfterAbandon() throws {
    let folder = TemporaryFolder()
    let writer = try JournalWriter.create(at: folder.file(), facts: Facts())
    try writer.append(Self.mark(1))
    try writer.commit()
    try writer.append(Self.mark(2))
    writer.abandon()
    #expect(try JournalReader(at: folder.file()).headSeq() == SequenceNumber(1))
  }

  @Test func holesAndRepeatsPoisonTheWriter() throws {
    let folder = TemporaryFolder()
    let writer = try JournalWriter.create(at: folder.file(), facts: Facts())
    try writer.append(Self.mark(1))
    try writer.commit()
    try writer.append(Self.mark(2))
    let hole = #expect(throws: JournalError.self) { try writer.append(Self.mark(4)) }
    #expect(hole?.code == .invalid)
    let later = #expect(throws: JournalError.self) { try writer.append(Self.mark(2)) }
    #expect(later?.code == .poisoned)
    #expect(throws: JournalError.self) { try writer.commit(importState: "{}") }
    #expect(throws: JournalError.self) { try writer.close() }
    writer.abandon()
    #expect(try JournalReader(at: folder.file()).headSeq() == SequenceNumber(1))
  }

  @Test func logIsBounded() throws {
    let folder = TemporaryFolder()
    let writer = try JournalWriter.create(at: folder.file(), facts: Facts())
    let megabyte = String(repeating: "x", count: 1 << 20)
    var largest: Int64 = 0
    for seq in 1...48 as ClosedRange<Int64> {
      var batch = Self.mark(seq)
      batch.entries[0].note = megabyte
      try writer.append(batch)
      try writer.commit()
      if case .file(let byteCount) = SystemFiles.kind(folder.file() + "-wal") { largest = max(largest, byteCount) }
    }
    #expect(largest > 8 << 20, "the test must reach the bound")
    #expect(largest < 24 << 20)
    try writer.close()
  }

  @Test(arguments: ["entry_row", "change_row", "transition_row", "activation_row", "fact", "site", "snapshot"])
  func primaryTablesAreAppendOnly(table: String) throws {
    let folder = TemporaryFolder()
    try SampleJournal.write(at: folder.file())
    let connection = try Connection(folder.file(), .write)
    let column = try #require(try connection.text("SELECT name FROM pragma_table_info('\(table)')"))
    for sql in ["DELETE FROM \(table)", "UPDATE \(table) SET \(column) = \(column)"] {
      let error = #expect(throws: JournalError.self) { try connection.execute(sql, "damage") }
      #expect(error?.cause?.message == "custody: a journal is append-only")
    }
    try connection.close()
  }
}
