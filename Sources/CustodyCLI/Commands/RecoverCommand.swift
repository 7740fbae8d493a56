// Why: `custody recover`: names what a journal ends inside, and settles it by appending. Not here: the report
// (ProgressWords), the decisions (Analysis) and the work on the journal (RecoverCommand+Settling).

import Analysis
import ArgumentParser
import Journal
import PageOwnership

struct RecoverCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recover",
    abstract: "Settle the transitions that a journal ends inside",
    discussion: """
      custody recover --dry-run                 name each open transition, its last phase, and each of its pages
      custody recover --forward                 do what the rules of the generation still ask for
      custody recover --back                    put the recorded old values back
      custody recover --back --dry-run          the entries that would be appended
      custody recover --back --what-if COPY     recover a copy; the only way for a recording

      Recovery appends entries of the kind `recovery` and an end for each transition; what was recorded stays. \
      A transition that changed nothing ends without effect, whichever way. Only a journal that Custody drove \
      (custody run) is written to: of a recording nobody can say that its machine followed. Transitions that ended \
      in a panic are told and left alone: the hypervisor decided them.

      Exit status 1 if a transition cannot be settled, or if its pages do not hold afterwards what must hold.
      """)

  @OptionGroup var journal: JournalOption
  @Flag(help: "Only tell; this is what happens without --forward and --back.")
  var dryRun = false
  @Flag(help: "Finish what was begun.")
  var forward = false
  @Flag(help: "Take back what was begun.")
  var back = false
  @Option(help: ArgumentHelp("Copy the journal to this path and recover the copy.", valueName: "copy"))
  var whatIf: String?
  @OptionGroup var output: OutputOptions

  /// The way that the user chose; nil for none.
  var direction: RecoveryDirection? { forward ? .forward : back ? .back : nil }

  func validate() throws {
    if forward, back { throw ValidationError("--forward and --back exclude each other") }
    guard whatIf != nil else { return }
    if direction == nil { throw ValidationError("--what-if needs --forward or --back") }
    if dryRun { throw ValidationError("--what-if writes a copy, --dry-run writes nothing: choose one") }
  }

  func run() throws { try run(on: output.console) }

  /// Tells or settles on a console.
  func run(on console: Console) throws {
    let reader = try journal.openReader()
    guard try reader.isComplete() else {
      throw CommandFailure(
        "\(reader.path): its import is not complete, so nobody knows where the recording ends",
        hint: "finish it with `custody import --resume`", status: ExitStatus.usage)
    }
    let context = try ShowContext(reader)
    guard let direction, !dryRun else { return try tell(context, on: console) }
    guard let whatIf else {
      try checkDriven(context)
      return try Settling(path: reader.path, direction: direction).settle(output.format, console)
    }
    try reader.copy(to: whatIf)
    try Settling(path: whatIf, direction: direction).settle(output.format, console)
  }

  private func checkDriven(_ context: ShowContext) throws {
    guard context.facts.drivenBy.value != Facts.runDriver else { return }
    throw CommandFailure(
      "\(context.reader.path) is a recording: Custody did not drive its machine, so it cannot be recovered in place",
      hint: "--what-if COPY recovers a copy, --dry-run only tells", status: ExitStatus.usage)
  }

  private func tell(_ context: ShowContext, on console: Console) throws {
    let open = try OpenTransitions(context)
    try ProgressPrinter(context, output.format, console).print(open)
    guard let direction, let evidence = open.evidence, output.format == .table else { return }
    let plan = RecoveryPlan(direction, open.all, by: evidence)
    try PlanWords(context, plan).write(on: console)
  }
}
