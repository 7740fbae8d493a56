// Why: snapshots that came with a recording become entries of their own, with their ranges as observed
// data. Not here: comparing them (replay does).

package import PageOwnership
import PageTables

/// A snapshot as it stands in the file, until the last of its lines was read.
package struct RecordedSnapshot {
  /// The index of the last event before it.
  package var afterEvent: Int64
  /// Why it was taken, in the recorder's words.
  package var why: String
  var registers: String
  var busyCPUs: [Int32]
  /// The guests that lived then.
  package var guests: [(handle: UInt16, isProtected: Bool?)]
  var ranges: [RecordedSnapshotRange] = []

  /// Its ranges with the spaces and pages of a journal.
  ///
  /// - Parameter hypVAOffset: what is added to an address of the hypervisor to get the physical one, modulo 2^64.
  /// - Parameter guest: the space of a guest's handle.
  package func ranges(
    numbered number: Int64, hypVAOffset: UInt64, guest: (UInt16) -> SpaceID
  ) -> [SnapshotRange] {
    ranges.enumerated().map { ordinal, recorded in
      let isHyp = recorded.table == .hypStage1
      let space: SpaceID =
        switch recorded.table {
        case .hostStage2, .vmemmap: .host
        case .hypStage1: .hyp
        case .guestStage2: guest(recorded.handle ?? 0)
        }
      let address = isHyp ? recorded.address &+ hypVAOffset : recorded.address
      return SnapshotRange(
        snapshot: number, ordinal: Int32(ordinal), space: space, table: recorded.table,
        pages: PageRange(first: PageFrame(containing: address), count: recorded.byteCount >> 12),
        level: recorded.level, raw: recorded.raw)
    }
  }
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
    let offset = facts.hypVAOffset.value ?? 0
    let space = { self.guestSpace($0, isProtected: nil) }
    for range in snapshot.ranges(numbered: state.snapshotCount, hypVAOffset: offset, guest: space) {
      batch.snapshotRanges.append(range)
      content.add(range)
    }
    let verdict = image.compare(with: content)
    image.adopt(content, after: verdict, keeping: [])
  }
}
