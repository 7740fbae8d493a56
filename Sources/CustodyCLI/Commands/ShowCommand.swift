// Why: `custody show`: one transition with every phase, or one activation with what it caused. Not here:
// reading (ShowCommand+Story), words (ShowCommand+Text, +Phases), JSON (ShowCommand+JSON).

import ArgumentParser
import Journal
import PageOwnership

struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show one transition with all its phases, or one activation",
    discussion: """
      custody show T5446           a transition: what was checked and found, what was done, what memory did
      custody show T5446 --names   with the kernel's own steps and source lines
      custody show A5441           an activation: registers, result, and the transitions that it caused

      A plain number is the transition, else the activation. ~ marks what is inferred, not recorded.
      """)

  @Argument(help: ArgumentHelp("A transition (T5446) or activation (A5441).", valueName: "id"))
  var action: ActionArgument
  @OptionGroup var journal: JournalOption
  @Flag(help: "Name the kernel's step and source line of each phase.")
  var names = false
  @Option(help: "How to print: table, json or jsonl.")
  var format = OutputFormat.table
  @Flag(help: "Cut nothing and leave nothing out, however narrow the terminal is.")
  var full = false

  func validate() throws {
    guard format != .csv, format != .markdown else {
      throw ValidationError("one transition is no table of rows: show prints table, json or jsonl")
    }
  }

  func run() throws { try run(on: .standard(isFull: full)) }

  /// Shows on a console.
  func run(on console: Console) throws {
    let reader = try journal.openReader()
    let context = try ShowContext(reader)
    if action.kind != .activation, let story = try TransitionStory(context, action.id) {
      try show(story, on: console)
    } else if action.kind != .transition, let story = try ActivationStory(context, action.id) {
      try show(story, on: console)
    } else {
      throw try missing(reader)
    }
    try console.flush()
  }

  private func show(_ story: TransitionStory, on console: Console) throws {
    switch format {
    case .json: try console.write(TransitionJSON(story).object.encoded + "\n")
    case .jsonl: for record in TransitionJSON(story).records { try console.write(record.encoded + "\n") }
    default: try TransitionText(story, console, showsNames: names).write()
    }
  }

  private func show(_ story: ActivationStory, on console: Console) throws {
    switch format {
    case .json: try console.write(ActivationJSON(story).object.encoded + "\n")
    case .jsonl: for record in ActivationJSON(story).records { try console.write(record.encoded + "\n") }
    default: try ActivationText(story, console).write()
    }
  }

  private func missing(_ reader: JournalReader) throws -> any Error {
    if let gone = try PointInTime.prunedAction(action.id, in: reader) { return gone }
    let what =
      switch action.kind {
      case .transition: "transition T"
      case .activation: "activation A"
      case nil: "transition or activation "
      }
    return CommandFailure(
      "\(reader.path) has no \(what)\(action.id.rawValue)", hint: try PointInTime.transitionWords(in: reader),
      status: ExitStatus.usage)
  }
}
