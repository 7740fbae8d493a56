// Why: `custody history`: the biography of a page across all spaces.

import ArgumentParser
import Journal
import PageOwnership

struct HistoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history",
    abstract: "The biography of a page: every change of its owners and states, and every refused attempt",
    discussion: """
      custody history 0x48163000                      all spaces that ever held it, oldest first
      custody history guest:0x1000#3/0x80000000       what became of a guest's address, whatever page was behind it
      custody history 0x48163000 --since mark=0x4001 --until t=20s
      custody history 0x48163000 -n 10 --phases       the newest ten, with every phase of their transitions

      --since and --until take what --at takes elsewhere; a transition counts as a whole.
      """)

  @Argument(help: ArgumentHelp("0x… (physical), pfn:0x… or guest:0x1000#3/0x…", valueName: "page"))
  var page: PageArgument
  @OptionGroup var journal: JournalOption
  @Option(help: ArgumentHelp("From this moment on.", valueName: "moment"))
  var since: PointInTime?
  @Option(help: ArgumentHelp("Up to this moment.", valueName: "moment"))
  var until: PointInTime?
  @Option(name: .customShort("n"), help: ArgumentHelp("Only the newest N lines.", valueName: "N"))
  var count: Int?
  @Flag(help: "Show every phase of each transition.")
  var phases = false
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let count, count < 0 { throw ValidationError("-n takes a number from 0 on") }
    if phases, output.format != .table { throw ValidationError("--phases is for --format table") }
  }

  func run() throws { try run(on: output.console) }

  /// Tells on a console.
  func run(on console: Console) throws {
    let reader = try journal.openReader()
    let context = try ShowContext(reader)
    let end = try PointInTime.moment(until, in: reader)
    let start = try since.map { try PointInTime.moment($0, in: reader).first } ?? SequenceNumber(0)
    if start > end.seq {
      throw CommandFailure(
        "--since is after --until: entry \(start.rawValue) and entry \(end.seq.rawValue)", status: ExitStatus.usage)
    }
    let subject = try subject(reader, end, console)
    let reading = try HistoryReading(context, subject, since: start, until: end.seq)
    let items = count.map { Array(reading.items.suffix($0)) } ?? reading.items
    let causes = CauseFinder(context)
    for item in items { causes.times[item.seq] = item.time }
    if output.format == .table {
      try HistoryText(context, causes, console, showsPhases: phases).write(subject, items, of: reading.items.count, end)
    } else {
      try HistoryRows(context, causes).write(items, output.format, console)
    }
  }

  private func subject(_ reader: JournalReader, _ end: Moment, _ console: Console) throws -> HistorySubject {
    switch page {
    case .physical(let page): .physical(page)
    case .guest(let guest, let page):
      .guest(GuestPage(try guest.space(of: reader.spaces(), at: end.seq, console), page))
    }
  }
}
