// Why: `custody snapshot`: the states that came with a recording, and those that the writer took by itself. Not
// here: rebuilding them (SnapshotCommand+Reading), showing (+Show), comparing (+Diff).

import ArgumentParser
import Journal
import PageOwnership

/// A snapshot as the user names it.
enum SnapshotArgument: ExpressibleByArgument, Equatable {
  /// `3`: the third that came with the recording.
  case observed(Int64)
  /// `own:50000`: the writer's own, taken right after that entry.
  case own(SequenceNumber)

  init?(argument: String) {
    let isOwn = argument.hasPrefix("own:")
    guard let number = Int64(isOwn ? argument.dropFirst(4) : argument[...]), number >= 0 else { return nil }
    self = isOwn ? .own(SequenceNumber(number)) : .observed(number)
  }

  /// How it is typed.
  var text: String {
    switch self {
    case .observed(let number): "\(number)"
    case .own(let seq): "own:\(seq.rawValue)"
    }
  }
}

struct SnapshotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshot",
    abstract: "List, show and compare snapshots, observed and own",
    discussion: """
      custody snapshot list             all of them: 3 came with the recording, own:50000 was taken by the writer
      custody snapshot show 3           who holds what, as ranges of pages of each space
      custody snapshot show 3 --raw     the words of the tables as they were recorded
      custody snapshot diff 3 4         what changed between two
      custody snapshot diff 3           the snapshot against the replayed state right before it
      custody snapshot diff 3 --at T5446    against the replayed state at a moment
      """,
    subcommands: [SnapshotListCommand.self, SnapshotShowCommand.self, SnapshotDiffCommand.self])
}

struct SnapshotListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the snapshots of a journal, in the order of their entries")

  @OptionGroup var journal: JournalOption
  @OptionGroup var output: OutputOptions

  func run() throws { try run(on: output.console) }

  /// Lists on a console.
  func run(on console: Console) throws {
    let reader = try journal.openReader()
    let context = try ShowContext(reader)
    var rows: [(seq: Int64, cells: [Cell])] = []
    for snapshot in try reader.snapshots() where snapshot.origin == .observed {
      rows.append((snapshot.seq.rawValue, try observed(snapshot, context)))
    }
    try reader.query("SELECT seq, count(*) FROM snapshot_leaf GROUP BY seq ORDER BY seq") { row in
      guard case .integer(let seq) = row[0], case .integer(let count) = row[1] else { return true }
      rows.append((seq, try own(SequenceNumber(seq), count, reader)))
      return true
    }
    let writer = output.format.writer(Self.columns, to: console)
    for row in rows.sorted(by: { $0.seq < $1.seq }) { try writer.write(row.cells) }
    try writer.finish()
    if rows.isEmpty { try console.note("the journal has no snapshots") }
  }

  private static let columns = [
    Column("name", isTrailing: false), Column("seq"), Column("time", dropRank: 0), Column("origin"), Column("guests"),
    Column("busy_cpus", dropRank: 1), Column("rows"), Column("why", minimum: 16),
  ]

  private func observed(_ snapshot: Snapshot, _ context: ShowContext) throws -> [Cell] {
    let count = try context.reader.number("SELECT count(*) FROM snapshot_range WHERE snapshot = \(snapshot.id)")
    return [
      .text("\(snapshot.id)"), .integer(snapshot.seq.rawValue), try time(snapshot.seq, context.reader),
      .text(snapshot.origin.rawValue), .integer(Int64(snapshot.guests.count)),
      .text(snapshot.busyCPUs.map { "\($0)" }.joined(separator: " ")), Cell(count),
      .text(DisplayText.escaped(snapshot.why)),
    ]
  }

  private func own(_ seq: SequenceNumber, _ count: Int64, _ reader: JournalReader) throws -> [Cell] {
    let living = try reader.spaces().count { life in
      life.space.id.isGuest && life.bornSeq <= seq && (life.diedSeq.map { $0 > seq } ?? true)
    }
    return [
      .text(SnapshotArgument.own(seq).text), .integer(seq.rawValue), try time(seq, reader),
      .text(SnapshotOrigin.derived.rawValue), .integer(Int64(living)), .text(""), .integer(count),
      .text("taken by the writer"),
    ]
  }

  // Seconds for a person, nanoseconds for a program.
  private func time(_ seq: SequenceNumber, _ reader: JournalReader) throws -> Cell {
    guard let time = try reader.time(upTo: seq) else { return .null }
    return output.format.isForPeople ? .text(HexText.seconds(time, decimals: 4)) : .integer(time)
  }
}
