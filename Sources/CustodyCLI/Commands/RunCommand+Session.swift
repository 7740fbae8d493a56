// Why: one run: the machine, the journal, and the group that is committed next. Entries reach the journal in
// the order in which things happen, so that a crash leaves a journal that ends at an entry.

import Capture
import Glibc
import Journal
import PageOwnership
import TransitionRules

/// A run of a scenario.
struct RunSession {
  private(set) var driven: DrivenMachine
  private var journaler: TransitionJournaler
  private let command: RunCommand
  private var isNew: Bool
  private var uncommitted = 0

  private static let groupSize = 8192

  /// Prepares a new journal; it is made when the first step is.
  init(creating command: RunCommand) throws {
    self.command = command
    driven = try DrivenMachine(
      command.generation ?? .linux7_1, el2Debug: command.el2Debug, file: command.machine)
    journaler = TransitionJournaler(driven.engine)
    isNew = true
  }

  /// Goes on with a journal.
  init(resuming command: RunCommand) throws {
    self.command = command
    let reader = try command.journal.openReader()
    driven = try DrivenMachine(resuming: reader)
    try Self.refuseOthers(command, driven.engine)
    let sites = try reader.sites().sites.enumerated().map { (SiteID(rawValue: Int32($0 + 1)), $1) }
    let last = try ["activation_row", "transition_row"].compactMap { try reader.number("SELECT max(id) FROM \($0)") }
    journaler = TransitionJournaler(
      driven.engine, lastSeq: try reader.headSeq(), lastAction: ActionID(last.max() ?? 0), sites: sites)
    isNew = false
  }

  private static func refuseOthers(_ command: RunCommand, _ engine: Engine) throws {
    let own = engine.rules.generation
    guard command.machine == nil else {
      throw CommandFailure(
        "\(command.journal.path) has its machine already", hint: "leave --machine out, or begin a new journal",
        status: ExitStatus.usage)
    }
    guard command.generation == nil || command.generation == own, !command.el2Debug || engine.el2Debug else {
      let build = engine.el2Debug ? "with" : "without"
      throw CommandFailure(
        "\(command.journal.path) is of \(own.rawValue) \(build) EL2 debugging", hint: "a journal has one set of rules",
        status: ExitStatus.usage)
    }
  }

  /// Performs the calls to the end, to the first fatal one, or until the user asks to stop.
  mutating func perform(_ calls: [ScenarioCall]) throws -> RunReport {
    var report = RunReport(command, driven.engine, steps: calls.count)
    let writer = try openWriter()
    do {
      if isNew { try write(firstBatch(), to: writer) }
      for call in calls {
        if Interrupt.isRequested {
          report.isInterrupted = true
          break
        }
        let batches = perform(call, &report)
        for batch in batches { try write(batch, to: writer) }
        report.performed += 1
        if report.fatal != nil { break }
      }
      try writer.commit()
      _ = try IndexBuild.run(writer, isFresh: false)
      try writer.close()
    } catch {
      writer.abandon()
      throw error
    }
    report.durableSeq = writer.durableSeq.rawValue
    report.crashMissed = command.crashAfter.map { $0 > report.durableSeq } ?? false
    return report
  }

  private func openWriter() throws -> JournalWriter {
    isNew
      ? try JournalWriter.create(at: command.journal.path, facts: driven.facts)
      : try JournalWriter.open(at: command.journal.path)
  }

  // The guests were there before the journal began.
  private mutating func firstBatch() -> EntryBatch {
    var batch = journaler.snapshot(of: driven.machine, number: 1, why: "the machine at the start of the run")
    batch.spaces = driven.guests.map { ($0.space, SequenceNumber(0)) }
    return batch
  }

  private mutating func perform(_ call: ScenarioCall, _ report: inout RunReport) -> [EntryBatch] {
    switch call.deed {
    case .perform(let operation):
      let done = journaler.perform(operation, arguments: call.arguments, on: &driven.machine)
      report.note(done, call)
      return done.batches
    case .unmapDevices, .unpublish, .destroyTables:
      let engine = driven.engine
      let name = call.step.action.name
      return [
        journaler.change(name, space: call.deed.editedGuest, on: &driven.machine) { call.deed.edit(&$0, engine) }
      ]
    }
  }

  private mutating func write(_ batch: EntryBatch, to writer: JournalWriter) throws {
    try writer.append(batch)
    uncommitted += 1
    let isLast = batch.entries.last?.seq.rawValue == command.crashAfter
    if command.durableEach || isLast || uncommitted >= Self.groupSize {
      try writer.commit()
      uncommitted = 0
    }
    if isLast { kill(getpid(), SIGKILL) }
  }
}
