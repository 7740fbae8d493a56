// Why: `custody minimize`: the shortest part of a scenario that still shows what is wrong. Not here: the search
// (Analysis), performing parts (ScenarioTrial), what is printed (+Report).

import Analysis
import ArgumentParser
import Capture
import Journal
import PageOwnership
import TransitionRules

struct MinimizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "minimize",
    abstract: "Find the shortest part of a scenario that still shows what is wrong",
    discussion: """
      custody minimize s.txt --invariant I2 --generation linux-6.14    an operation breaks I2
      custody minimize s.txt --invariant any                           … or any invariant
      custody minimize s.txt --fatal                                   the hypervisor panics
      custody minimize s.txt --returns -EPERM --operation host_share_hyp
      custody minimize s.txt --between linux-6.18 linux-7.1            the two decide an operation otherwise
      custody minimize -j run.db --invariant any                       the scenario of a journal that `run` made

      Invariants are those of `custody explore`, judged of the pages that an operation touches, before and after it. \
      First what comes after is cut, then the steps on other pages, then chunk after chunk (ddmin), until no single \
      step can be left out. Each part is performed from the start on a machine of its own; the answer is the same \
      each time. It is printed as a scenario that `custody run` performs.

      Exit status: 0 if it was found, 1 if the scenario does not show it, 5 if --limit ended the search before (the \
      best part so far is printed).
      """)

  @Argument(help: "The scenario, or - for standard input; without one that of the journal.")
  var scenario: String?
  @OptionGroup var journal: JournalOption
  @Option(help: ArgumentHelp("What is broken: I1, I2, I3, I5 to I9, or any.", valueName: "id"))
  var invariant: InvariantArgument?
  @Flag(help: "What is wrong is that the hypervisor panics.")
  var fatal = false
  @Option(
    name: .customLong("returns"), parsing: .unconditional,
    help: ArgumentHelp("What an operation returns: -EPERM, -1, 0.", valueName: "errno"))
  var value: ReturnedArgument?
  @Option(help: "Only this operation's return counts.")
  var operation: Operation?
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Two generations that decide an operation otherwise.", valueName: "generation"))
  var between: [Generation] = []
  @Option(help: ArgumentHelp("Whose rules (of a file; linux-7.1 if left out).", valueName: "generation"))
  var generation: Generation?
  @Flag(name: .customLong("el2-debug"), help: "A build with EL2 debugging (CONFIG_NVHE_EL2_DEBUG).")
  var el2Debug = false
  @Option(help: ArgumentHelp("The machine to begin with, as a meta_*.json of the vectors.", valueName: "file"))
  var machine: String?
  @Option(help: ArgumentHelp("Perform at most this many parts.", valueName: "n"))
  var limit = 100_000
  @Option(help: "table (the scenario as text) or json.")
  var format = ReportFormat.table

  func validate() throws {
    let wanted = [invariant != nil, fatal, value != nil, !between.isEmpty].count { $0 }
    guard wanted == 1 else {
      throw ValidationError("say what is to be shown: one of --invariant, --fatal, --returns and --between")
    }
    guard between.isEmpty || between.count == 2 else { throw ValidationError("--between takes two generations") }
    guard operation == nil || value != nil else { throw ValidationError("--operation goes with --returns") }
    guard limit > 0 else { throw ValidationError("--limit takes 1 or more") }
    if scenario == nil, generation != nil || machine != nil || el2Debug {
      throw ValidationError("a journal has its machine and its rules already: name a scenario, or leave them out")
    }
    if !between.isEmpty, generation != nil || scenario == nil {
      throw ValidationError("--between takes a scenario, and names its generations itself")
    }
  }

  func run() throws { try run(on: .standard(isFull: true)) }

  /// Searches, and prints on a console.
  func run(on console: Console) throws {
    Interrupt.install()
    let trial = try makeTrial()
    var search = Reduction(count: trial.machine.calls.count)
    var shown: ShownStep?
    while search.testCount < limit, !Interrupt.isRequested, case .test(let part) = search.nextStep() {
      let found = trial.shown(by: part)
      if let found {
        if search.best == nil { search.add(guess: trial.slice(of: part, at: found.place)) }
        shown = found
      }
      search.record(found.map { .shows(at: $0.place) } ?? .showsNot)
    }
    guard let best = search.best, let shown else { throw unseen(search) }
    let report = MinimizeReport(self, trial, best, shown, search)
    try console.write(format == .json ? report.json.encoded + "\n" : report.text)
    try console.flush()
    if Interrupt.isRequested { throw CommandFailure("stopped after \(search.testCount) runs", status: 130) }
    guard search.isMinimal else {
      throw CommandFailure(
        "the search ended after \(search.testCount) runs: the best part so far has \(best.count) steps",
        hint: "a higher --limit goes on", status: ExitStatus.limit)
    }
  }

  private func unseen(_ search: Reduction) -> CommandFailure {
    if Interrupt.isRequested { return CommandFailure("stopped", status: ExitStatus.interrupted) }
    return CommandFailure(
      "the scenario does not show it: there is nothing to minimize", hint: "`custody run` tells what it does",
      status: ExitStatus.differences)
  }

  // MARK: - what is performed

  private var property: ShownProperty {
    if let invariant { return .breaks(invariant.set) }
    if let value { return .returns(value.value, operation) }
    return fatal ? .fatal : .differs
  }

  private func makeTrial() throws -> ScenarioTrial {
    guard let scenario else {
      let reader = try journal.openReader()
      let driven = try DrivenMachine(resuming: reader, atStart: true)
      return try trial(driven, try ScenarioOfJournal.steps(reader, guests: driven.guestSpaces), other: nil)
    }
    let steps = try ScenarioReader.read(ByteSource(path: scenario))
    let rules = between.first ?? generation ?? .linux7_1
    let driven = try DrivenMachine(rules, el2Debug: el2Debug, file: machine)
    let other = try between.last.map { try DrivenMachine($0, el2Debug: el2Debug, file: machine) }
    return try trial(driven, steps, other: other)
  }

  private func trial(_ driven: DrivenMachine, _ steps: [ScenarioStep], other: DrivenMachine?) throws -> ScenarioTrial {
    func machine(_ driven: DrivenMachine) throws -> TrialMachine {
      TrialMachine(
        driven, try steps.map { try ScenarioCall($0, driven.engine.rules, guests: driven.guestSpaces) })
    }
    return ScenarioTrial(property: property, machine: try machine(driven), other: try other.map(machine))
  }
}

extension ScenarioTrial {
  /// The steps of a part that may have led to the one that showed it.
  func slice(of part: [Int], at place: Int) -> [Int] {
    let footprints = part.prefix(place + 1).map { number in
      if case .perform(let call) = machine.calls[number].deed { return StepFootprint(call) }
      return StepFootprint(ofAll: machine.calls[number].deed.editedGuest)
    }
    return HistorySlice.steps(footprints, leadingTo: place).map { part[$0] }
  }
}
