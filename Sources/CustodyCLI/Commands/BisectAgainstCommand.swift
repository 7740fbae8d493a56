// Why: `custody bisect against`: the first entry at which two journals of one machine part. Not here: the search
// (JournalReader+Parting), what differs between two states (DiffCommand).

import ArgumentParser
import Journal
import PageOwnership

struct BisectAgainstCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "against", abstract: "Find the first entry at which two journals part",
    discussion: """
      By history: seals are compared by halves, then the entries between two seals one by one, with everything that \
      hangs on them (changes, observations, transitions, snapshots, source lines). Exact, and nothing is assumed but \
      that the seals are true, which `custody verify` tells. At most log2(entries / 1024) + 2 seals are probed, and \
      the number is printed. Both sides of the entry are shown, with what it changed.

      For copies, imports of an altered recording, and runs of one scenario: two boots never share addresses, and \
      part at once. `custody diff a.db b.db` compares what holds at the end instead. Exit status 0 if the histories \
      are the same, 1 if they part.
      """)

  @Argument(help: ArgumentHelp("The other journal.", valueName: "journal"))
  var other: String
  @OptionGroup var journal: JournalOption
  @OptionGroup var output: OutputOptions

  func run() throws { try run(on: output.console) }

  /// Searches on a console.
  func run(on console: Console) throws {
    let reader = try journal.openReader()
    let another = try JournalReader(at: other)
    let parting = try reader.parting(from: another)
    if output.format == .table { try console.write(words(parting) + "\n") }
    guard let first = parting.first else {
      if output.format != .table { try output.format.writer(columns, to: console).finish() }
      return try console.flush()
    }
    let writer = output.format.writer(columns, to: console)
    for (name, side) in [(journal.path, reader), (other, another)] {
      for row in try rows(of: name, side, at: first) { try writer.write(row) }
    }
    try writer.finish()
    throw CommandFailure.silent(ExitStatus.differences)
  }

  private func words(_ parting: HistoryParting) -> String {
    let probes = "seals probed in each: \(parting.probes)"
    guard let first = parting.first else {
      return "the histories are the same, \(parting.common?.rawValue ?? 0) entries (\(probes))"
    }
    guard let common = parting.common else { return "the facts differ, before any entry (\(probes))" }
    return "the histories are the same through entry \(common.rawValue) and part at entry \(first.rawValue) (\(probes))"
  }

  private var columns: [Column] {
    [
      Column("journal"), Column("seq"), Column("time", dropRank: 4), Column("cpu"), Column("transition"),
      Column("phase"), Column("operation"), Column("kind"), Column("activation", dropRank: 3), Column("space"),
      Column("address", isTrailing: false), Column("page_count", dropRank: 5), Column("old", isTrailing: false),
      Column("new", isTrailing: false), Column("old_state", dropRank: 2), Column("new_state", dropRank: 1),
    ]
  }

  // A row a change; one without pages where the entry changed nothing or is not there.
  private func rows(of name: String, _ reader: JournalReader, at seq: SequenceNumber) throws -> [[Cell]] {
    let context = try ShowContext(reader)
    guard let cause = try CauseFinder(context).cause(at: seq) else {
      let nothing = [Cell](repeating: .null, count: columns.count - 2)
      return [[.text(name), .integer(seq.rawValue)] + nothing]
    }
    let start: [Cell] = [
      .text(name), .integer(seq.rawValue), time(cause), Cell(cause.cpu.map { Int64($0) }),
      Cell(cause.transition?.id.rawValue), Cell(cause.phase.map { Int64($0) }),
      Cell(cause.transition?.operation.rawValue), .text(cause.site.kind.rawValue),
      Cell(cause.transition?.activation?.rawValue),
    ]
    var rows: [[Cell]] = []
    try reader.forEachChange(from: seq, through: seq) { rows.append(start + cells($0, context)) }
    return rows.isEmpty ? [start + [Cell](repeating: .null, count: columns.count - start.count)] : rows
  }

  private func time(_ cause: Cause) -> Cell {
    guard let time = cause.time else { return .null }
    return output.format.isForPeople ? .text(HexText.seconds(time, decimals: 4)) : .integer(time)
  }

  private func cells(_ change: Change, _ context: ShowContext) -> [Cell] {
    [
      .text(context.name(change.space)), .text(HexText.hex(change.pages.first.address)),
      .integer(Int64(bitPattern: change.pages.count)), Cell(change.old.map(HexText.hex)),
      Cell(change.new.map(HexText.hex)), .text(change.oldState.name), .text(change.newState.name),
    ]
  }
}
