// Why: `custody log`: the transitions of a journal, as a person reads a log. Not here: how they are found
// (LogCommand+Filter) and worded (LogCommand+Columns).

import ArgumentParser
import Journal
import PageOwnership

struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log",
    abstract: "List the transitions, oldest first",
    discussion: """
      custody log -n 20                          the last twenty
      custody log --outcome refused              what was refused, with errno and failing condition
      custody log --page 0x48163000              every transition whose pages hold that physical address
      custody log --guest guest:0x1000#3         what one incarnation of a guest took part in
      custody log --open                         where the journal ends inside: last phase, and how far each page came
      custody log --parent A5441 --format jsonl  what one call into the hypervisor caused, for a program

      A guest without #N is the last one of its handle. json, jsonl and csv have the names of the SQL view \
      "transition"; times are nanoseconds there.
      """)

  @OptionGroup var journal: JournalOption
  @Option(name: .customShort("n"), help: ArgumentHelp("Only the newest N that match.", valueName: "N"))
  var count: Int?
  @Flag(help: "Newest first.")
  var reverse = false
  @Option(help: "Only this operation, such as host_share_hyp (or its kernel function); may be repeated.")
  var operation: [Operation] = []
  @Option(help: "Only this outcome: completed, refused, no-effect, fatal or open; may be repeated.")
  var outcome: [TransitionOutcome] = []
  @Flag(help: "Only those without an end (or that panicked), with how far each came with its pages.")
  var open = false
  @Option(help: "Only those whose pages hold this: 0x… (physical), pfn:0x… or guest:0x1000#3/0x80000000.")
  var page: PageArgument?
  @Option(help: "Only those on this CPU.")
  var cpu: Int32?
  @Option(help: ArgumentHelp("Only those under this activation, at any depth.", valueName: "A123"))
  var parent: ActionArgument?
  @Option(help: ArgumentHelp("Only those of this guest.", valueName: "guest:0x1000#3"))
  var guest: GuestArgument?
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let count, count < 0 { throw ValidationError("-n takes a number from 0 on") }
    if open, count != nil || reverse || !outcome.isEmpty {
      throw ValidationError("--open shows all that are open, oldest first: leave out -n, --reverse and --outcome")
    }
  }

  func run() throws { try run(on: output.console) }

  /// Lists on a console.
  func run(on console: Console) throws {
    let reader = try journal.openReader()
    let log = try TransitionLog(reader)
    let filter = try filter(log, console)
    if open {
      let context = try ShowContext(reader)
      return try ProgressPrinter(context, output.format, console).print(OpenTransitions(context, filter))
    }
    let columns = LogColumns(log, isForPeople: output.format.isForPeople)
    let writer = output.format.writer(columns.columns, to: console)
    var found = 0
    try log.forEach(filter, count: count, isReversed: reverse) { line in
      found += 1
      try writer.write(columns.cells(line))
    }
    try writer.finish()
    if found == 0 { try console.note("no transition matches") }
  }

  private func filter(_ log: TransitionLog, _ console: Console) throws -> LogFilter {
    var filter = LogFilter(operations: operation, outcomes: outcome, cpu: cpu, parent: parent?.id)
    filter.guest = try guest.map { try $0.space(in: log.spaces, console) }
    switch page {
    case .physical(let page): filter.page = (nil, page)
    case .guest(let guest, let page): filter.page = (try guest.space(in: log.spaces, console), page)
    case nil: break
    }
    return filter
  }
}
