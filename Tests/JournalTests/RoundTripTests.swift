// Why: what goes in comes out, at the edges of every type too.

import PageOwnership
import Testing

@testable import Journal

struct RoundTripTests {
  @Test func sampleComesBack() throws {
    let folder = TemporaryFolder()
    try SampleJournal.write(at: folder.file())
    let reader = try JournalReader(at: folder.file())
    let batch = SampleJournal.batch
    let frames = try reader.frames()
    #expect(frames.map(\.entry) == batch.entries)
    #expect(frames.flatMap(\.changes) == batch.changes)
    #expect(frames.flatMap(\.observations) == batch.observations)
    #expect(try reader.facts() == SampleJournal.facts)
    #expect(try reader.sites().sites == SampleJournal.sites)
    #expect(try reader.gaps() == batch.gaps)
    #expect(try reader.snapshots() == batch.snapshots)
    var ranges: [SnapshotRange] = []
    try reader.forEachSnapshotRange(of: 1) { ranges.append($0) }
    #expect(ranges == batch.snapshotRanges)
    #expect(try reader.integrity() == [])
    #expect(try reader.isClean())
    #expect(try reader.isComplete())
  }

  @Test func actionsComeBack() throws {
    let folder = TemporaryFolder()
    try SampleJournal.write(at: folder.file())
    let reader = try JournalReader(at: folder.file())
    let batch = SampleJournal.batch
    let (transition, end) = try #require(try reader.transition(ActionID(3)))
    #expect(transition == batch.transitions[1])
    #expect(end == batch.transitionEnds[1])
    let (activation, activationEnd) = try #require(try reader.activation(ActionID(1)))
    #expect(activation == batch.activations[0])
    #expect(activationEnd == batch.activationEnds[0])
    #expect(try reader.transition(ActionID(1)) == nil)
    var seqs: [Int64] = []
    try reader.forEachEntry(of: ActionID(3)) {
      seqs.append($0.entry.seq.rawValue)
      return true
    }
    #expect(seqs == [6, 7, 8])
    #expect(try reader.openTransitions() == [])
  }

  @Test func spacesLiveAndDie() throws {
    let folder = TemporaryFolder()
    try SampleJournal.write(at: folder.file())
    let spaces = try JournalReader(at: folder.file()).spaces()
    #expect(spaces.map(\.space) == Space.fixed + SampleJournal.batch.spaces.map(\.0))
    #expect(spaces.map(\.diedSeq) == [nil, nil, nil, SequenceNumber(12)])
    #expect(spaces.map(\.bornSeq.rawValue) == [0, 0, 0, 1])
  }

  @Test func ownLeavesComeCoarseFirst() throws {
    let folder = TemporaryFolder()
    try SampleJournal.write(at: folder.file())
    let reader = try JournalReader(at: folder.file())
    let spaces = SampleJournal.batch.leaves.map(\.1.space)
    let found = try #require(try reader.ownLeaves(through: SequenceNumber(99), of: Set(spaces).sorted()))
    #expect(found.seq == SequenceNumber(13))
    #expect(found.leaves == SampleJournal.batch.leaves.map(\.1).reversed())
    #expect(try reader.ownLeaves(through: SequenceNumber(12), of: spaces) == nil)
    #expect(try reader.ownLeaves(through: SequenceNumber(99), of: [])?.leaves == [])
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func randomRowsComeBack(seed: UInt64) throws {
    let folder = TemporaryFolder()
    var rows = RandomRows(seed: seed)
    let batch = rows.batch(entryCount: 3000)
    let writer = try JournalWriter.create(at: folder.file(), facts: Facts())
    try writer.append(batch)
    try writer.close()
    let reader = try JournalReader(at: folder.file())
    #expect(try reader.facts() == Facts())
    let frames = try reader.frames()
    #expect(frames.map(\.entry) == batch.entries, "seed \(seed)")
    #expect(frames.flatMap(\.changes) == batch.changes, "seed \(seed)")
    #expect(frames.flatMap(\.observations) == batch.observations, "seed \(seed)")
    for first in [2, 999, 3000] as [Int64] {
      #expect(try reader.frames(from: first).map(\.entry) == Array(batch.entries.dropFirst(Int(first - 1))))
    }
  }

  @Test func walkStopsWhenTold() throws {
    let folder = TemporaryFolder()
    try SampleJournal.write(at: folder.file())
    var count = 0
    try JournalReader(at: folder.file()).forEachEntry(from: SequenceNumber(2), through: SequenceNumber(9)) { _ in
      count += 1
      return count < 3
    }
    #expect(count == 3)
  }
}
