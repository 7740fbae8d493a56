// Why: `custody why`: which check refused a transition, what it found, and which earlier transition made the page
// so. Not here: judging (Analysis), reading (WhyCommand+Reading), words (WhyCommand+Text, +Words), JSON (+JSON).

import ArgumentParser
import Journal
import PageOwnership

/// What `why` is asked about.
enum WhyArgument: ExpressibleByArgument, Equatable {
  case action(ActionArgument)
  case page(PageArgument)

  init?(argument: String) {
    if let action = ActionArgument(argument: argument), NumberArgument.hex(argument[...]) == nil {
      self = .action(action)
    } else if let page = PageArgument(argument: argument) {
      self = .page(page)
    } else {
      return nil
    }
  }
}

struct WhyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why",
    abstract: "Why a transition was refused, or ended as it did",
    discussion: """
      custody why T6125                            each check in order, the one that decided, what it found, and which
                                                   earlier transition made the page so
      custody why --last                           the last refusal of the journal (--at: the last one up to then)
      custody why 0x48128000                       the last refusal that touched a page; guest:0x1000#3/0x… works too
      custody why A6120                            the last refusal inside a call

      What a check found is told by the replayed state right before its own entry. A check that this build leaves out
      is told with what it would have found. Completed, fatal and open transitions are explained as well.
      """)

  @Argument(help: ArgumentHelp("A transition (T5446), an activation (A5441) or a page.", valueName: "what"))
  var what: WhyArgument?
  @Flag(help: "The last refusal of the journal.")
  var last = false
  @OptionGroup var journal: JournalOption
  @OptionGroup var moment: AtOption
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (what != nil) != last else {
      throw ValidationError("name a transition, an activation or a page, or ask for --last")
    }
  }

  func run() throws { try run(on: output.console) }

  /// Explains on a console.
  func run(on console: Console) throws {
    let reader = try journal.openReader()
    let context = try ShowContext(reader)
    guard let id = try chosen(context, console) else { return }
    guard let story = try TransitionStory(context, id) else { throw missing(id, reader) }
    let why = try WhyStory(story)
    switch output.format {
    case .table: try WhyText(why, console).write()
    case .json: try console.write(try WhyJSON(why).object.encoded + "\n")
    case .jsonl: for record in try WhyJSON(why).records { try console.write(record.encoded + "\n") }
    case .csv, .markdown: try WhyRows(why).write(output.format, console)
    }
    try console.flush()
  }

  private func missing(_ id: ActionID, _ reader: JournalReader) -> any Error {
    if let gone = try? PointInTime.prunedAction(id, in: reader) { return gone }
    return CommandFailure(
      "\(reader.path) has no transition T\(id.rawValue)", hint: try? PointInTime.transitionWords(in: reader),
      status: ExitStatus.usage)
  }

  // MARK: - which one

  // Nil if nothing was refused, which was said then.
  private func chosen(_ context: ShowContext, _ console: Console) throws -> ActionID? {
    switch what {
    case .action(let action) where action.kind != .activation: return action.id
    case .action(let action): return try inside(action.id, context)
    case .page(let page):
      let at = try PointInTime.moment(moment.at, in: context.reader)
      var filter = LogFilter(outcomes: [.refused])
      switch page {
      case .physical(let page): filter.page = (nil, page)
      case .guest(let guest, let page):
        filter.page = (try guest.space(of: context.reader.spaces(), at: at.seq, console), page)
      }
      return try newest(filter, at, context, console, "no transition on that page was refused")
    case nil:
      let at = try PointInTime.moment(moment.at, in: context.reader)
      return try newest(LogFilter(outcomes: [.refused]), at, context, console, "no transition was refused")
    }
  }

  private func newest(
    _ filter: LogFilter, _ at: Moment, _ context: ShowContext, _ console: Console, _ none: String
  ) throws -> ActionID? {
    var found: ActionID?
    try TransitionLog(context.reader).forEach(filter) { line in
      if let end = line.end, end.lastSeq <= at.seq { found = line.transition.id }
    }
    if found == nil { try console.note("\(none), \(at.words)") }
    return found
  }

  private func inside(_ id: ActionID, _ context: ShowContext) throws -> ActionID {
    var refused: ActionID?
    var last: ActionID?
    try TransitionLog(context.reader).forEach(LogFilter(parent: id)) { line in
      last = line.transition.id
      if line.outcome == .refused { refused = line.transition.id }
    }
    guard let found = refused ?? last else {
      throw CommandFailure(
        "no transition lies inside A\(id.rawValue)", hint: "`custody show A\(id.rawValue)` tells what it was",
        status: ExitStatus.usage)
    }
    return found
  }
}
