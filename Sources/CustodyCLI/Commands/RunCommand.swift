// Why: `custody run`: performs a scenario by a generation's rules and keeps a journal of it, as a recorder of a
// real machine would. Not here: the rules (TransitionRules), the form of scenarios (Capture).

import ArgumentParser
import Capture
import Glibc
import Journal
import PageOwnership
import TransitionRules

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Perform a scenario by the rules of a kernel era, journaling each check and apply",
    discussion: """
      A scenario is a file (or - for standard input) of lines such as

        host share hyp 0x41300            # pages by frame number
        host donate hyp 0x41400 4         # four pages
        pin 0x41300; unpin 0x41300        # several steps on a line
        host share guest 0 0x41500 0x100 1 rw    # guest by index, its address by frame number
        host fault phys=0x42010008        # a byte address, by name

      or JSON lines as the conformance vectors have them: {"op":"host_donate_hyp","args":["0x41400","4"]}, or whole
      cases of vectors. Numbers are decimal or 0x…; counts that are left out are 1, permissions rwx. custody rules
      --names lists the steps with their arguments.

      Without a journal at the path a new one is made, which begins with a snapshot of all tables. A journal that
      `run` made is gone on with. The clock counts entries, so that the same scenario makes the same journal. A
      refusal is data; a step that is fatal at EL2 stops the machine, and the rest of the scenario is not performed.
      """)

  @Argument(help: "The scenario, or - for standard input.")
  var scenario: String
  @OptionGroup var journal: JournalOption
  @Option(help: ArgumentHelp("Whose rules; of a new journal linux-7.1 if left out.", valueName: "generation"))
  var generation: Generation?
  @Flag(name: .customLong("el2-debug"), help: "A build with EL2 debugging (CONFIG_NVHE_EL2_DEBUG).")
  var el2Debug = false
  @Option(help: ArgumentHelp("The machine to begin with, as a meta_*.json of the vectors.", valueName: "file"))
  var machine: String?
  @Flag(help: "Commit after each entry.")
  var durableEach = false
  @Option(help: ArgumentHelp("Commit through this entry and end by SIGKILL, for tests.", valueName: "seq"))
  var crashAfter: Int64?
  @Flag(name: .shortAndLong, help: "Print no summary.")
  var quiet = false
  @Option(help: "table or json.")
  var format = ReportFormat.table

  func validate() throws {
    if let crashAfter, crashAfter < 1 { throw ValidationError("--crash-after takes an entry, from 1 on") }
  }

  func run() throws {
    let steps = try ScenarioReader.read(ByteSource(path: scenario))
    Interrupt.install()
    var session = try access(journal.path, F_OK) == 0 ? RunSession(resuming: self) : RunSession(creating: self)
    let calls = try steps.map { try ScenarioCall($0, session.driven.engine.rules, guests: session.driven.guestSpaces) }
    let report = try session.perform(calls)
    if !quiet { StandardOutput.write(format == .json ? report.json : report.table) }
    if report.isInterrupted {
      throw CommandFailure(
        "stopped after \(report.performed) of \(report.steps) steps: \(report.durableSeq) entries are in"
          + " \(journal.path)", status: ExitStatus.interrupted)
    }
  }
}
