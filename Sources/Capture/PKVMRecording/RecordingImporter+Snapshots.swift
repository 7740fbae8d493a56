// Why: snapshots that came with a recording become entries of their own, with their ranges as observed
// data. Not here: comparing them (replay does).

import PageOwnership
import PageTables

/// A snapshot as it stands in the file, until the last of its lines was read.
package struct RecordedSnapshot {
  /// The index of the last event before it.
  package var afterEvent: Int64
  var why: String
  var registers: String
  var busyCPUs: [Int32]
  var guests: [(handle: UInt16, isProtected: Bool?)]
  var ranges: [RecordedSnapshotRange] = []
}

/// A range line of a snapshot.
struct RecordedSnapshotRange {
  var table: TableKind
  var handle: UInt16?
  var address: UInt64
  var byteCount: UInt64
  var level: Int8
  var raw: UInt64
}

extension RecordingImporter {
  /// Writes a snapshot right after the entries so far, and learns from it what is not known.
  package func takeSnapshot(_ snapshot: RecordedSnapshot) {
    noteMissing(upTo: snapshot.afterEvent + 1, "before a snapshot")
    var entry = makeEntry(ownSite(.snapshot), nil, action: nil)
    state.snapshotCount += 1
    entry.note = snapshot.why
    batch.entries.append(entry)
    let guests = snapshot.guests.map { guestSpace($0.handle, isProtected: $0.isProtected) }
    batch.snapshots.append(
      Snapshot(
        id: state.snapshotCount, seq: entry.seq, origin: .observed, why: snapshot.why, registers: snapshot.registers,
        busyCPUs: snapshot.busyCPUs, guests: guests))
    var content = SnapshotImage(guests: guests)
    for (ordinal, recorded) in snapshot.ranges.enumerated() {
      let range = self.range(recorded, Int32(ordinal))
      batch.snapshotRanges.append(range)
      content.add(range)
    }
    let verdict = image.compare(with: content)
    image.adopt(content, after: verdict, keeping: [])
  }

  private func range(_ recorded: RecordedSnapshotRange, _ ordinal: Int32) -> SnapshotRange {
    var address = recorded.address
    var space = SpaceID.host
    switch recorded.table {
    case .hostStage2, .vmemmap: break
    case .hypStage1:
      space = .hyp
      address = address &+ (facts.hypVAOffset.value ?? 0)
    case .guestStage2: space = guestSpace(recorded.handle ?? 0, isProtected: nil)
    }
    return SnapshotRange(
      snapshot: state.snapshotCount, ordinal: ordinal, space: space, table: recorded.table,
      pages: PageRange(first: PageFrame(containing: address), count: recorded.byteCount >> 12), level: recorded.level,
      raw: recorded.raw)
  }
}
