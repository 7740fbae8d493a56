// Why: what a replay asks a journal for at each entry: its words, and at snapshots their content. A value that never
// changes, apart from the passes that do: asking one that is being changed would copy it for every entry.

import Analysis
import Journal
import PageOwnership
import PageTables

/// The words and the observed snapshots of a journal.
struct ReplaySource {
  let reader: JournalReader
  private let sites: Journal.SiteTable
  private let snapshots: [SequenceNumber: Snapshot]

  /// Reads them. Throws a ``JournalError``.
  init(_ reader: JournalReader) throws {
    self.reader = reader
    sites = try reader.sites()
    var observed: [SequenceNumber: Snapshot] = [:]
    for snapshot in try reader.snapshots() where snapshot.origin == .observed { observed[snapshot.seq] = snapshot }
    snapshots = observed
  }

  /// The words of an entry. Throws a ``JournalError``.
  func site(of entry: Entry) throws -> Site {
    guard let site = sites[entry.site] else {
      throw JournalError(.corrupt, "\(reader.path): entry \(entry.seq.rawValue) has no site")
    }
    return site
  }

  /// The observed snapshot whose entry this is, with its content. Throws a ``JournalError``.
  func snapshot(at seq: SequenceNumber) throws -> (Snapshot, SnapshotImage)? {
    guard let snapshot = snapshots[seq] else { return nil }
    var content = SnapshotImage(guests: snapshot.guests)
    try reader.forEachSnapshotRange(of: snapshot.id) { content.add($0) }
    return (snapshot, content)
  }

  /// The entry of the last observed snapshot at or before `seq`; nil if there is none.
  func lastSnapshot(through seq: SequenceNumber) -> SequenceNumber? { snapshots.keys.filter { $0 <= seq }.max() }
}
