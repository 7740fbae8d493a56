// Why: `custody replay --save`: the state at a moment as a file that other tools read, and that ours read back. Not
// here: the form of its lines (Capture).

import Analysis
import Capture
import Journal
import PageOwnership
import PageTables

extension ReplayCommand {
  /// Writes the state where a replay stands.
  ///
  /// Throws a ``CommandFailure``: status 2 if something of it is unknown or the file exists, 4 if it cannot be written.
  func saveState(_ replay: JournalReplay, to path: String) throws {
    let image = replay.replay.image
    let reader = replay.source.reader
    let unknown = try unknownRanges(image, reader, at: replay.replay.lastSeq)
    let living = Set(image.livingGuests)
    let lines = SnapshotLines(
      afterEvent: try lastEvent(reader, through: replay.replay.lastSeq),
      why: "custody replay, after entry \(replay.replay.lastSeq.rawValue)", busyCPUs: replay.replay.busyCPUs,
      guests: try reader.spaces().map(\.space).filter { living.contains($0.id) },
      ranges: image.snapshotRanges(of: 1), hypVAOffset: try reader.facts().hypVAOffset.value ?? 0,
      generation: image.generation, unknown: unknown)
    try WholeFile.write(to: path, replaces: false) { add in try lines.forEachLine(add) }
    guard let first = unknown.first else { return }
    let place = HexText.pages(first.pages.first.address, first.pages.count)
    StandardError.write(
      "custody: nobody saw \(first.table.name) of device space at \(place): \(path) leaves it out, and its header"
        + " says so\n")
  }

  // The lines have no word for "unknown": what they leave out is empty. Of memory that would be a lie that matters; of
  // device space, which nobody owns by transitions, the header tells it.
  private func unknownRanges(
    _ image: MachineImage, _ reader: JournalReader, at seq: SequenceNumber
  ) throws -> [SnapshotRange] {
    var unknown: [SnapshotRange] = []
    var memory: SnapshotRange?
    let regions = image.regions.filter { $0.kind != .mmio }.map(\.pages)
    image.forEachUnknown { table, space, pages in
      let range = SnapshotRange(snapshot: 1, ordinal: 0, space: space, table: table, pages: pages, level: 3, raw: 0)
      unknown.append(range)
      let isMemory = regions.isEmpty || space.isGuest || regions.contains { $0.intersection(pages).count > 0 }
      if isMemory, memory == nil { memory = range }
    }
    guard let memory else { return unknown }
    let space = try reader.spaces().first { $0.space.id == memory.space }?.space.name ?? ""
    let next = try reader.snapshots().first { $0.origin == .observed && $0.seq > seq }
    throw CommandFailure(
      "the state after entry \(seq.rawValue) is not wholly known: nobody saw \(memory.table.name) of \(space) at "
        + HexText.pages(memory.pages.first.address, memory.pages.count),
      hint: next.map { "snapshot \($0.id), entry \($0.seq.rawValue), shows everything" }
        ?? "no later snapshot shows it", status: ExitStatus.usage)
  }

  private func lastEvent(_ reader: JournalReader, through seq: SequenceNumber) throws -> Int64 {
    // Entries of our own follow the last one that has a line.
    let sql = """
      SELECT first_index - first_seq + min(\(seq.rawValue), ifnull(
        (SELECT min(n.first_seq) - 1 FROM source_run n WHERE n.first_seq > r.first_seq), \(seq.rawValue)))
      FROM source_run r WHERE first_seq <= \(seq.rawValue) AND first_index IS NOT NULL ORDER BY first_seq DESC LIMIT 1
      """
    return try reader.number(sql) ?? -1
  }
}
