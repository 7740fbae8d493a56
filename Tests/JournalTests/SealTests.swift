// Why: the chain is what the documentation says, wherever batches, commits and crashes fall, and nothing gets
// into a journal without being in it.

import PageOwnership
import Testing

@testable import AppendBenchmark
@testable import Journal

struct SealTests {
  @Test func smallJournalIsSealedAsDocumented() throws {
    let folder = TemporaryFolder()
    try SampleJournal.write(at: folder.file())
    try expectDocumented(folder.file(), at: [0, 1, 2, 7, 13], seals: [])
  }

  @Test func longJournalIsSealedAsDocumented() throws {
    let folder = TemporaryFolder()
    try Self.write(at: folder.file(), cuts: [700, 1500])
    try expectDocumented(folder.file(), at: [0, 1023, 1024, 1025, 2048, 2500], seals: [1024, 2048])
  }

  private func expectDocumented(_ path: String, at seqs: [Int64], seals: Set<Int64>) throws {
    let reader = try JournalReader(at: path)
    let head = try reader.headSeq().rawValue
    var naive = NaiveChain(reader)
    let heads = try naive.heads(at: seqs + [head], seals: seals)
    #expect(try reader.sealTail()?.seal.head.description == heads[head])
    for row in try reader.table("SELECT seq, head FROM seal") { #expect(heads[Int64(row[0]) ?? -1] == row[1]) }
    for (seq, text) in heads {
      let check = try reader.check(expecting: [#require(ExpectedHead("\(seq):\(text)"))])
      #expect(check.findings == [], "\(seq)")
    }
  }

  /// A journal of about 2,500 entries; the writer commits at each cut, and every other time dies there.
  static func write(at path: String, cuts: [Int], key: (() throws -> SealKeyFile)? = nil) throws {
    var rows = RowGenerator()
    let whole = rows.batch(entryCount: 2500)
    var writer = try JournalWriter.create(at: path, facts: SampleJournal.facts, key: key?())
    var from = 0
    for (index, cut) in (cuts + [whole.entries.count]).enumerated() {
      try writer.append(part(of: whole, from: from, to: cut))
      try writer.commit()
      from = cut
      if index % 2 == 0 {
        writer.abandon()
        writer = try JournalWriter.open(at: path, key: key?())
      }
    }
    try writer.close()
  }

  /// The rows of some entries; hundred guests come with the first.
  private static func part(of whole: EntryBatch, from first: Int, to end: Int) -> EntryBatch {
    let seqs = Int64(first) + 1..<Int64(end) + 1
    var part = EntryBatch()
    if first == 0 {
      part.sites = whole.sites
      part.spaces = (0..<100).map { number in
        let handle = VMHandle(rawValue: 0x1000 + UInt16(number))
        let id = SpaceID(rawValue: 3 + Int32(number))
        return (Space(id: id, kind: .guest, handle: handle, incarnation: 1, isProtected: true), SequenceNumber(0))
      }
    }
    part.entries = whole.entries.filter { seqs.contains($0.seq.rawValue) }
    part.changes = whole.changes.filter { seqs.contains($0.seq.rawValue) }
    part.observations = whole.observations.filter { seqs.contains($0.seq.rawValue) }
    part.activations = whole.activations.filter { seqs.contains($0.firstSeq.rawValue) }
    part.transitions = whole.transitions.filter { seqs.contains($0.firstSeq.rawValue) }
    part.activationEnds = whole.activationEnds.filter { seqs.contains($0.lastSeq.rawValue) }
    part.transitionEnds = whole.transitionEnds.filter { seqs.contains($0.lastSeq.rawValue) }
    part.stateHashes = seqs.filter { $0 % 7 == 0 || $0 % 1024 == 0 || $0 == end }.map {
      (SequenceNumber($0), StateHash(first: UInt64($0), second: 1))
    }
    return part
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64]) func sealsDoNotDependOnCommits(seed: UInt64) throws {
    let folder = TemporaryFolder()
    try Self.write(at: folder.file(), cuts: [])
    var numbers = SeededNumbers(state: seed)
    let cuts = Set((0..<6).map { _ in Int.random(in: 1..<2490, using: &numbers) } + [1024, 2048]).sorted()
    try Self.write(at: folder.file("cut.db"), cuts: cuts)
    for sql in ["SELECT *, hex(marks) FROM seal", "SELECT *, hex(marks) FROM seal_tail"] {
      let one = try JournalReader(at: folder.file()).table(sql)
      #expect(try JournalReader(at: folder.file("cut.db")).table(sql) == one, "seed \(seed), cuts \(cuts)")
    }
    #expect(try JournalReader(at: folder.file("cut.db")).check().findings == [])
  }

  @Test func rowsWithoutTheirEntryAreRefused() throws {
    let cases: [(inout EntryBatch) -> Void] = [
      { $0.changes[0].seq = SequenceNumber(99) }, { $0.observations[0].seq = SequenceNumber(0) },
      { $0.gaps[0].seq = SequenceNumber(99) }, { $0.spaceEnds[0].1 = SequenceNumber(0) },
      { $0.transitionEnds[0].lastSeq = SequenceNumber(1) }, { $0.transitionEnds.reverse() },
      { $0.activations[0].firstSeq = SequenceNumber(2) }, { $0.snapshots[0].seq = SequenceNumber(14) },
      { $0.snapshotRanges[0].snapshot = 9 }, { $0.entries[3].site = SiteID(rawValue: 77) },
    ]
    for (index, damage) in cases.enumerated() {
      let folder = TemporaryFolder()
      let writer = try JournalWriter.create(at: folder.file(), facts: Facts())
      var batch = SampleJournal.batch
      damage(&batch)
      let error = #expect(throws: JournalError.self, "case \(index)") { try writer.append(batch) }
      #expect(error?.code == .invalid, "case \(index)")
      writer.abandon()
    }
  }

  @Test func openingComparesTheEndWithItsSeal() throws {
    let folder = TemporaryFolder()
    try SampleJournal.write(at: folder.file())
    let connection = try Connection(folder.file(), .write)
    try connection.execute("UPDATE seal_tail SET head = replace(head, substr(head, 1, 1), 'f')", "damage")
    try connection.close()
    let error = #expect(throws: JournalError.self) { try JournalWriter.open(at: folder.file()) }
    #expect(error?.code == .corrupt)
    #expect(error?.message.contains("entries 1 to 13") == true)
  }

  @Test func durableMarkCanBeAwaited() async throws {
    let folder = TemporaryFolder()
    let writer = try JournalWriter.create(at: folder.file(), facts: Facts())
    let mark = writer.durable
    try writer.append(SampleJournal.batch)
    #expect(mark.seq.rawValue == 0)
    let first = Task { try await mark.wait(for: SequenceNumber(13)) }
    let late = Task { try await mark.wait(for: SequenceNumber(14)) }
    try writer.commit()
    try await first.value
    try await mark.wait(for: SequenceNumber(5))
    try writer.close()
    let error = await #expect(throws: JournalError.self) { try await late.value }
    #expect(error?.code == .invalid)
  }
}
