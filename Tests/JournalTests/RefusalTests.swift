// Why: whatever lies at the path, the answer is one clear error, for reader and writer alike.

import Glibc
import PageOwnership
import Testing

@testable import Journal

/// Changes whom the file system takes this thread for; the C library's header is in no module.
@_silgen_name("setfsuid")
private func setFileSystemUser(_ user: uid_t) -> Int32

struct RefusalTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let make: String
    let code: JournalError.Code
    var testDescription: String { make }
  }

  static let cases = [
    Case(make: "true", code: .missing), Case(make: "mkdir J", code: .notAJournal),
    Case(make: ": > J", code: .notAJournal), Case(make: "echo hello > J", code: .notAJournal),
    Case(make: "head -c 100000 /dev/zero > J", code: .notAJournal),
    Case(make: "gzip -c /etc/passwd > J", code: .notAJournal), Case(make: "ln -s J J", code: .missing),
    Case(make: "mkfifo J", code: .notAJournal),
  ]

  @Test(arguments: cases) func notAJournal(_ given: Case) throws {
    let folder = TemporaryFolder()
    shell("cd \(folder.path) && " + given.make.replacing("J", with: "journal.db"))
    let before = folder.names
    let read = #expect(throws: JournalError.self) { try JournalReader(at: folder.file()) }
    #expect(read?.code == given.code)
    #expect(read?.message.contains(folder.file()) == true)
    let write = #expect(throws: JournalError.self) { try JournalWriter.open(at: folder.file()) }
    #expect(write?.code == given.code)
    #expect(folder.names == before)
  }

  @Test(.enabled(if: hasSQLiteShell)) func otherDatabases() throws {
    let folder = TemporaryFolder()
    shell("sqlite3 \(folder.file()) 'CREATE TABLE other (x)'")
    let other = #expect(throws: JournalError.self) { try JournalWriter.open(at: folder.file()) }
    #expect(other?.code == .notAJournal)
    #expect(other?.message.contains("another application") == true)
    try SampleJournal.write(at: folder.file("new.db"))
    shell("sqlite3 \(folder.file("new.db")) 'PRAGMA user_version = 99'")
    let newer = #expect(throws: JournalError.self) { try JournalReader(at: folder.file("new.db")) }
    #expect(newer?.code == .newer)
    #expect(newer?.message.contains("schema 99") == true)
  }

  @Test func creationDoesNotOverwrite() throws {
    let folder = TemporaryFolder()
    try SampleJournal.write(at: folder.file())
    let exists = #expect(throws: JournalError.self) {
      try JournalWriter.create(at: folder.file(), facts: Facts())
    }
    #expect(exists?.code == .exists)
    let missing = #expect(throws: JournalError.self) {
      try JournalWriter.create(at: folder.file("no/such/journal.db"), facts: Facts())
    }
    #expect(missing?.code == .missing)
    #expect(missing?.message.contains("no/such") == true)
    #expect(try JournalReader(at: folder.file()).frames().count == 13)
  }

  @Test func strangePathsAreOnlyPaths() throws {
    let folder = TemporaryFolder()
    for name in ["a?b=c#d%20.db", "file:x.db", "größe 1.db", "'quoted'.db"] {
      try SampleJournal.write(at: folder.file(name))
      #expect(try JournalReader(at: folder.file(name)).frames().count == 13)
      let immutable = try Connection(folder.file(name), .readImmutable)
      #expect(try immutable.number("SELECT max(seq) FROM entry_row") == 13)
    }
  }

  /// Runs `body` without the right to write, on this thread only.
  private func asNobody(_ folder: TemporaryFolder, _ body: () throws -> Void) rethrows {
    chmod(folder.path, 0o555)
    _ = setFileSystemUser(65534)
    defer {
      _ = setFileSystemUser(geteuid())
      chmod(folder.path, 0o755)
    }
    try body()
  }

  @Test func readOnlyFolderIsReadAndNotWritten() throws {
    let folder = TemporaryFolder()
    try SampleJournal.write(at: folder.file())
    try asNobody(folder) {
      let reader = try JournalReader(at: folder.file())
      #expect(try reader.frames().count == 13)
      #expect(try reader.table("SELECT count(*) FROM entry") == [["13"]])
      let write = #expect(throws: JournalError.self) { try JournalWriter.open(at: folder.file()) }
      #expect(write?.code == .readOnly)
      let create = #expect(throws: JournalError.self) {
        try JournalWriter.create(at: folder.file("other.db"), facts: Facts())
      }
      #expect(create?.code == .readOnly)
    }
    #expect(folder.names == ["journal.db"])
  }

  @Test func readOnlyFolderWithALogIsRefusedWithAHint() throws {
    let folder = TemporaryFolder()
    let writer = try JournalWriter.create(at: folder.file(), facts: Facts())
    try writer.append(SampleJournal.batch)
    try writer.commit()
    writer.abandon()
    shell("rm -f \(folder.file())-shm")
    asNobody(folder) {
      let error = #expect(throws: JournalError.self) { try JournalReader(at: folder.file()) }
      #expect(error?.code == .readOnly)
      #expect(error?.hint?.contains("-wal") == true)
    }
    #expect(try JournalReader(at: folder.file()).frames().count == 13)
  }

  @Test(.enabled(if: geteuid() == 0)) func fullDiskKeepsWhatWasCommitted() throws {
    let folder = TemporaryFolder()
    guard shell("mount -t tmpfs -o size=1m custody \(folder.path)").status == 0 else { return }
    defer { shell("umount -l \(folder.path)") }
    let writer = try JournalWriter.create(at: folder.file(), facts: Facts())
    var rows = RandomRows(seed: 3)
    var batch = rows.batch(entryCount: 1000)
    batch.changes = []
    batch.observations = []
    var failure: JournalError?
    for _ in 0..<200 {
      do throws(JournalError) {
        try writer.append(batch)
        try writer.commit()
      } catch {
        failure = error
        break
      }
      batch.sites = []
      for index in batch.entries.indices { batch.entries[index].seq.rawValue += 1000 }
    }
    #expect(failure?.code == .full)
    let durable = writer.durableSeq
    #expect(durable.rawValue > 0)
    writer.abandon()
    #expect(try JournalReader(at: folder.file()).headSeq() == durable)
  }
}
