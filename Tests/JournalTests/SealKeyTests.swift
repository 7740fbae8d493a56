// Why: tags prove a history against who may write the file only if each key destroys the one before and no
// crash can leave a journal without its key.

import Foundation
import PageOwnership
import Testing

@testable import Journal

struct SealKeyTests {
  private let folder = TemporaryFolder()
  private let first: SealKey

  init() throws {
    first = SealKey()
    try SealKeyFile.create(first, at: folder.file("key"))
  }

  private func key() throws -> SealKeyFile { try SealKeyFile(at: folder.file("key")) }

  @Test func keysSurviveTextAndNothingElseIsOne() throws {
    #expect(SealKey(first.text) == first)
    for text in ["", "x", first.text + "x", first.text.replacing("epoch 0", with: "epoch 1"), first.text.uppercased()] {
      #expect(SealKey(text) == nil)
    }
    let exists = #expect(throws: JournalError.self) { try SealKeyFile.create(first, at: folder.file("key")) }
    #expect(exists?.code == .exists)
  }

  @Test func tagsAreCheckedWithTheFirstKey() throws {
    try SealTests.write(at: folder.file(), cuts: [900, 1024, 2300], key: key)
    let reader = try JournalReader(at: folder.file())
    let check = try reader.check(key: first)
    #expect(check.findings == [])
    // The facts, two seals, the end.
    #expect(check.tagCount == 4 && check.sealCount == 3)
    #expect(try !reader.check(key: SealKey()).findings.isEmpty)
    // The key of today can't check, let alone make, the tags of yesterday.
    #expect(try key().key.epoch >= 3)
    #expect(try !reader.check(key: key().key).findings.isEmpty)
  }

  @Test func aForgedHistoryNeedsTheKey() throws {
    try SealTests.write(at: folder.file(), cuts: [], key: key)
    let connection = try Connection(folder.file(), .write)
    try connection.execute("UPDATE seal_tail SET tag = NULL, epoch = NULL", "forge")
    try connection.close()
    #expect(try JournalReader(at: folder.file()).check().findings == [])
    #expect(try JournalReader(at: folder.file()).check(key: first).findings.map(\.structure) == ["seal_tail"])
  }

  @Test func writersNeedTheJournalsOwnKey() throws {
    try SealTests.write(at: folder.file(), cuts: [], key: key)
    let without = #expect(throws: JournalError.self) { try JournalWriter.open(at: folder.file()) }
    #expect(without?.code == .key)
    try SealKeyFile.create(SealKey(), at: folder.file("other"))
    let other = #expect(throws: JournalError.self) {
      try JournalWriter.open(at: folder.file(), key: SealKeyFile(at: folder.file("other")))
    }
    #expect(other?.code == .key)
    try SampleJournal.write(at: folder.file("plain.db"))
    let late = #expect(throws: JournalError.self) { try JournalWriter.open(at: folder.file("plain.db"), key: key()) }
    #expect(late?.code == .key)
  }

  @Test func aKeyThatACrashLeftBehindCatchesUp() throws {
    let old = try String(contentsOfFile: folder.file("key"), encoding: .utf8)
    try SealTests.write(at: folder.file(), cuts: [], key: key)
    let new = try String(contentsOfFile: folder.file("key"), encoding: .utf8)
    #expect(old != new && old.utf8.count == new.utf8.count)
    try old.write(toFile: folder.file("key"), atomically: false, encoding: .utf8)
    try JournalWriter.open(at: folder.file(), key: key()).close()
    #expect(try JournalReader(at: folder.file()).check(key: first).findings == [])
    #expect(try String(contentsOfFile: folder.file("key"), encoding: .utf8) == new)
  }

  @Test func aJournalThatIsOlderThanItsKeyIsRefused() throws {
    try SealTests.write(at: folder.file(), cuts: [], key: key)
    try key().advance(to: 9)
    let error = #expect(throws: JournalError.self) { try JournalWriter.open(at: folder.file(), key: key()) }
    #expect(error?.code == .key)
    #expect(error?.message.contains("ahead") == true)
  }
}
