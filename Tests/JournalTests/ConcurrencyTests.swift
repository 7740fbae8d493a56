// Why: one writer, whatever happens to the process or to the files under it: a fork, a rename, a removal, a log
// that goes away or belongs to another journal. Each is refused or recovered, in words.
// Not here: two programs (`ResumeTests`), stale locks (`WriterTests`), forbidden folders (`RefusalTests`).

import FaultVFS
import Glibc
import PageOwnership
import Testing

@testable import Journal

struct ConcurrencyTests {
  private let folder = TemporaryFolder()

  // A writer with one committed group of ten entries.
  private func writer(_ name: String = "journal.db") throws -> JournalWriter {
    let writer = try JournalWriter.create(at: folder.file(name), facts: SampleJournal.facts)
    try add(10, to: writer)
    return writer
  }

  private func add(_ count: Int64, to writer: JournalWriter) throws {
    try writer.append(CrashRows.batch(after: writer.headSeq, count))
    try writer.commit()
  }

  private func head(_ name: String = "journal.db") throws -> Int64 {
    try JournalReader(at: folder.file(name)).headSeq().rawValue
  }

  @Test func aForkMayNotWrite() throws {
    let writer = try writer()
    try writer.append(CrashRows.batch(after: writer.headSeq, 1))
    let status = fault_in_fork(
      { context in
        guard let context else { return 1 }
        let writer = Unmanaged<JournalWriter>.fromOpaque(context).takeUnretainedValue()
        let tries: [() throws -> Void] = [
          { try writer.append(CrashRows.batch(after: writer.headSeq, 1)) }, { try writer.commit(importState: "{}") },
          { try writer.close() },
        ]
        for (index, attempt) in tries.enumerated() {
          do {
            try attempt()
            return 10 + Int32(index)
          } catch let error as JournalError where error.message.contains("is a copy of it") {
            continue
          } catch {
            return 20 + Int32(index)
          }
        }
        writer.abandon()
        return 0
      }, Unmanaged.passUnretained(writer).toOpaque())
    #expect(status == 0)
    #expect(throws: JournalError.self) { try JournalWriter.open(at: folder.file()) }
    try writer.commit()
    try writer.close()
    #expect(try head() == 11)
  }

  @Test func aReaderDuringACheckpointSeesWhatItBeganWith() throws {
    let writer = try writer()
    let reader = try JournalReader(at: folder.file())
    var seen: Int64 = 0
    try reader.forEachEntry(through: SequenceNumber(10)) { frame in
      seen += 1
      if seen % 2 == 0 {
        writer.checkpointAt = 1
        try add(20, to: writer)
      }
      #expect(frame.entry.seq.rawValue == seen)
      return true
    }
    #expect(seen == 10)
    #expect(try reader.integrity().isEmpty && reader.headSeq() == writer.durableSeq)
    try writer.close()
    #expect(try head() == 110)
  }

  struct Loss: Sendable, CustomTestStringConvertible {
    let command: String
    let name: String
    /// Where the acknowledged entries are afterwards.
    let remains: String
    var testDescription: String { command }
  }

  @Test(arguments: [
    Loss(command: "mv J K", name: "journal.db", remains: "K"),
    Loss(command: "cp J K; mv K J", name: "journal.db", remains: "J"),
    Loss(command: "rm J", name: "journal.db", remains: ""),
    Loss(command: "rm J-wal", name: "journal.db-wal", remains: "J"),
    Loss(command: "cp J-wal K; mv K J-wal", name: "journal.db-wal", remains: "J"),
  ]) func filesThatLoseTheirNames(_ loss: Loss) throws {
    let writer = try writer()
    try add(10, to: writer)
    shell("cd \(folder.path); " + loss.command.replacing("J", with: "journal.db").replacing("K", with: "other.db"))
    try writer.append(CrashRows.batch(after: writer.headSeq, 10))
    let error = #expect(throws: JournalError.self) { try writer.commit() }
    #expect(error?.message.contains("\(folder.path)/\(loss.name) was renamed, removed or replaced") == true)
    #expect(error?.hint != nil && writer.durableSeq.rawValue == 20)
    #expect(throws: JournalError.self) { try add(1, to: writer) }
    writer.abandon()
    guard !loss.remains.isEmpty else { return }
    // As the hint says: the log lies where the file was.
    if loss.remains == "K" { shell("cd \(folder.path); mv other.db journal.db") }
    #expect(try JournalReader(at: folder.file()).integrity().isEmpty)
    #expect(try head() >= 20)
  }

  @Test func aLogThatWentAwayIsMissed() throws {
    let writer = try writer()
    try add(10, to: writer)
    writer.abandon()
    shell("cd \(folder.path); rm journal.db-*")
    let reader = try JournalReader(at: folder.file())
    #expect(try !reader.isClean(), "the file itself knows that it had a writer")
    #expect(try reader.headSeq().rawValue == 0)
    let again = try JournalWriter.open(at: folder.file())
    #expect(again.resume == JournalWriter.Resume(headSeq: SequenceNumber(0), wasClean: false))
    try again.close()
  }

  @Test func aClosedJournalThatIsReopenedStillMissesItsLog() throws {
    try writer().close()
    let again = try JournalWriter.open(at: folder.file())
    try add(10, to: again)
    again.abandon()
    shell("cd \(folder.path); rm journal.db-*")
    #expect(try !JournalReader(at: folder.file()).isClean())
  }

  // Where no row contradicts another, only a seal can tell: the file format does not say whose a log is.
  @Test func theLogOfAnotherJournalIsFoundWhereRowsContradict() throws {
    for (name, count) in [("journal.db", 30), ("other.db", 500)] as [(String, Int64)] {
      let first = try writer(name)
      try add(count, to: first)
      try first.close()
      let second = try JournalWriter.open(at: folder.file(name))
      for _ in 0..<3 { try add(count, to: second) }
      second.abandon()
    }
    shell("cd \(folder.path); rm *-shm; mv other.db-wal journal.db-wal")
    do throws(JournalError) {
      let findings = try JournalReader(at: folder.file()).integrity()
      #expect(!findings.isEmpty)
    } catch {
      #expect(error.code == .corrupt, "\(error)")
    }
  }

  @Test func anotherProgramThatWritesIsNoticed() throws {
    let writer = try writer()
    let intruder = try Connection(folder.file(), .write)
    try intruder.execute("BEGIN IMMEDIATE", "intrude")
    // The lock file is ours, the database's lock is not.
    let error = #expect(throws: JournalError.self) { try add(1, to: writer) }
    #expect(error?.code == .locked && error?.hint != nil)
    try intruder.execute("ROLLBACK", "intrude")
    try intruder.close()
    writer.abandon()
    #expect(try head() == 10)
  }

  @Test func aHotJournalThatNamesAnotherFileIsRefused() throws {
    let crashed = try CrashRecording(.close)
    let disk = try FaultDisk()
    var power = PowerCut(crashed.initial, note: 0)
    for operation in crashed.operations.prefix(while: { $0.kind != FAULT_DELETE }) { power.apply(operation) }
    var image = power.image([])
    #expect(image.files["journal.db-journal"] != nil)
    image.write(to: disk)
    #expect(try JournalReader(at: disk.journal).headSeq().rawValue == 12)
    #expect(disk.names == ["journal.db"])
    image.files["journal.db-journal"]? += [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]
    image.write(to: disk)
    let error = #expect(throws: JournalError.self) { try JournalReader(at: disk.journal) }
    #expect(error?.code == .corrupt && error?.message.contains("belongs to several files") == true)
    #expect(disk.names.contains("journal.db-journal"))
  }
}
