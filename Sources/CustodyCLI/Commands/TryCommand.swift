// Why: `custody try`: what would an operation do on a state that was recorded? Nothing is written anywhere. Not
// here: how it is told (TryCommand+Text, +Rows), the rules (TransitionRules).

import ArgumentParser
import Capture
import Glibc
import Journal
import PageOwnership
import PageTables
import TransitionRules

struct TryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "try",
    abstract: "What an operation would do on a recorded state, without writing",
    discussion: """
      custody try 'host donate hyp 0x41300'                        on the default machine, if there is no journal
      custody try 'host donate hyp 0x48163 2' -j J --at T5446      on the state right after that transition
      custody try 'host share hyp 0x48163; pin 0x48163' -j J       one after the other

      Steps are written as for `custody run`. Each check is told in order with what it finds, then the decision and
      what would change. Guests are counted by index among those that live at the moment, in the order of their birth.
      What a recording cannot tell, such as the pages of a memcache, is taken as sufficient, and said to be so.
      """)

  @Argument(help: "The steps, as in a scenario.")
  var steps: String
  @OptionGroup var journal: JournalOption
  @OptionGroup var moment: AtOption
  @Option(help: ArgumentHelp("Whose rules, where no journal says; linux-7.1 if left out.", valueName: "generation"))
  var generation: Generation?
  @Flag(name: .customLong("el2-debug"), help: "A build with EL2 debugging, where no journal says.")
  var el2Debug = false
  @OptionGroup var output: OutputOptions

  func run() throws { try run(on: output.console) }

  /// Answers on a console.
  func run(on console: Console) throws {
    let steps: [ScenarioStep]
    do throws(InputError) {
      steps = try ScenarioText.steps(self.steps)
    } catch {
      throw CommandFailure(error.message, hint: error.hint, status: ExitStatus.usage)
    }
    guard !steps.isEmpty else { throw CommandFailure("nothing is to be tried", status: ExitStatus.usage) }
    var trial = try isJournalThere ? recorded() : fresh()
    let calls = try steps.map { try ScenarioCall($0, trial.engine.rules, guests: trial.machine.guests.map(\.space)) }
    let tried = trial.perform(calls)
    if output.format == .table {
      try TryText(trial, console).write(tried)
    } else {
      try TryRows(trial).write(tried, output.format, console)
    }
  }

  private var isJournalThere: Bool {
    journal.given != nil || getenv("CUSTODY_JOURNAL") != nil || access(journal.path, F_OK) == 0
  }

  private func fresh() throws -> Trial {
    guard moment.at == nil else {
      throw CommandFailure("--at needs a journal", hint: "give one with -j", status: ExitStatus.usage)
    }
    let driven = try DrivenMachine(generation ?? .linux7_1, el2Debug: el2Debug, file: nil)
    let names = (Space.fixed + driven.guests.map(\.space)).map { ($0.id, $0.name) }
    return Trial(
      engine: driven.engine, machine: driven.machine, names: Dictionary(names) { first, _ in first },
      moment: "on the default machine of \(driven.engine.rules.generation.rawValue)", assumptions: [])
  }

  private func recorded() throws -> Trial {
    let reader = try journal.openReader()
    let at = try PointInTime.moment(moment.at, in: reader)
    let facts = try reader.facts()
    guard let own = facts.generation.value else {
      throw CommandFailure("\(reader.path) does not name its generation", status: ExitStatus.corrupt)
    }
    guard generation == nil || generation == own else {
      throw CommandFailure(
        "\(reader.path) is of \(own.rawValue): its words mean nothing by other rules", status: ExitStatus.usage)
    }
    return try Trial(reader, facts, own, at, el2Debug: el2Debug)
  }
}

/// A machine to try things on, and what had to be assumed of it.
struct Trial {
  let engine: Engine
  private(set) var machine: Machine
  /// The names of spaces.
  let names: [SpaceID: String]
  /// Which moment it is, in words.
  let moment: String
  /// What is not known and was assumed, in words.
  let assumptions: [String]

  init(engine: Engine, machine: Machine, names: [SpaceID: String], moment: String, assumptions: [String]) {
    self.engine = engine
    self.machine = machine
    self.names = names
    self.moment = moment
    self.assumptions = assumptions
  }

  /// The machine of a journal right after a moment.
  init(_ reader: JournalReader, _ facts: Facts, _ generation: Generation, _ at: Moment, el2Debug: Bool) throws {
    var assumptions: [String] = []
    let isDriven = facts.drivenBy.value != nil
    if !isDriven { assumptions.append("table pages and memcaches suffice") }
    if facts.el2Debug.value == nil { assumptions.append(el2Debug ? "with EL2 debugging" : "without EL2 debugging") }
    if facts.regions.value == nil { assumptions.append("no region is known, so nothing is memory") }
    if facts.hypVAOffset.value == nil { assumptions.append("the linear map's offset is 0") }
    let shape = MachineShape(
      regions: facts.regions.value ?? [], addressBits: Int(clamping: facts.addressBits.value ?? 40),
      hypOffset: 0 &- (facts.hypVAOffset.value ?? 0))
    var replayed = try ReplayedTables(reader)
    let image = try replayed.run(through: at.seq)
    let lives = try reader.spaces().filter { life in
      life.space.id.isGuest && life.bornSeq <= at.seq && (life.diedSeq.map { $0 > at.seq } ?? true)
    }
    let unpublished = replayed.unpublished
    let guests = lives.map { life in
      RestoredGuest(
        space: life.space, isAlive: true, isKnown: !unpublished.contains(life.space.id), memcache: Self.plenty)
    }
    for life in lives where life.space.isProtected == nil {
      assumptions.append("\(life.space.name) is not protected")
    }
    var machine = Machine(restoring: image, shape: shape, guests: guests, references: replayed.references)
    machine.freeTables = (Self.plenty, Self.plenty)
    self.init(
      engine: Engine(.of(generation), shape: shape, el2Debug: facts.el2Debug.value ?? el2Debug), machine: machine,
      names: Dictionary(try reader.spaces().map { ($0.space.id, $0.space.name) }) { first, _ in first },
      moment: at.words, assumptions: assumptions)
  }

  /// More pages than any table takes.
  private static let plenty = 1 << 20

  /// Performs calls one after the other; stops behind one that is fatal.
  mutating func perform(_ calls: [ScenarioCall]) -> [TriedStep] {
    var journaler = TransitionJournaler(engine)
    var sites: [SiteID: Site] = [:]
    var tried: [TriedStep] = []
    for call in calls {
      var step = TriedStep(step: call.step, result: nil, phases: [])
      var batches: [EntryBatch] = []
      switch call.deed {
      case .perform(let operation):
        let done = journaler.perform(operation, arguments: call.arguments, on: &machine)
        step.result = done.result
        batches = done.batches
      case .unmapDevices:
        let engine = engine
        batches = [journaler.change(call.step.action.name, on: &machine) { engine.dropDevices(&$0) }]
      case .unpublish(let space): machine.place(of: space).map { machine.guests[$0].isKnown = false }
      case .destroyTables(let space): machine.place(of: space).map { machine.guests[$0].hasTable = false }
      }
      for batch in batches {
        for (id, site) in batch.sites { sites[id] = site }
        for entry in batch.entries {
          guard let site = sites[entry.site], [.check, .apply, .op].contains(site.kind) else { continue }
          step.phases.append(TriedPhase(site: site, entry: entry, changes: batch.changes))
        }
      }
      tried.append(step)
      if step.result?.fatal != nil { break }
    }
    return tried
  }
}

/// A step that was tried.
struct TriedStep {
  let step: ScenarioStep
  /// What came of it; nil for steps that are no operations.
  var result: OperationResult?
  var phases: [TriedPhase]

  /// The phase that decided a refusal.
  var deciding: Int? {
    guard result?.outcome == .refused else { return nil }
    return phases.lastIndex { $0.entry.outcome == CheckOutcome.failed.rawValue || ($0.entry.result ?? 0) < 0 }
  }

  /// Whether the decision hangs on a page that was not seen.
  var isUncertain: Bool { phases.contains { $0.entry.found == .unknown } }
}

/// A check or an apply that was tried.
struct TriedPhase {
  let site: Site
  let entry: Entry
  let changes: [Change]

  /// What became of a check, in the vocabulary's words; a page that was not seen decides nothing.
  var outcome: CheckOutcome? {
    guard site.kind == .check else { return nil }
    return entry.found == .unknown ? .unknown : entry.outcome.flatMap(CheckOutcome.init(rawValue:))
  }
}
