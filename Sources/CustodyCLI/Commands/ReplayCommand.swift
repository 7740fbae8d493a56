// Why: `custody replay`: does the journal, replayed, give what was observed? Not here: saving the state (+Save),
// stepping (Debugger).

import Analysis
import ArgumentParser
import Journal
import PageOwnership
import PageTables

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Rebuild the machine from changes alone: compare, save, or step through it",
    discussion: """
      custody replay                               compare the whole journal with everything observed
      custody replay --to T5446.3                  only up to a moment
      custody replay --to T5446 --save FILE        and keep the state there, as a snapshot file
      custody replay --step                        the debugger: forward and backward, phase by phase

      Compares every observed snapshot, every state that a call recorded, and the old value of every change with \
      what the changes before it give. Names the first difference. The access flag that hardware sets by itself is \
      not a difference. Exit status 1 if anything differs.

      --save writes the lines in which recorders write snapshots, so that `import --snapshots` reads them. A state \
      of whose memory something is unknown cannot be told in them, and is refused.

      --step reads commands from the terminal, or from a pipe; `help` lists them. Without --to it begins before the \
      first entry. Exit status 2 if a command from a pipe could not be followed.
      """)

  @OptionGroup var journal: JournalOption
  @Option(
    help: ArgumentHelp(
      "Stop at this moment: 123 (right after that entry), t=12.5s, mark=0x4001, T5446, T5446.3, HEAD~10, @name.",
      valueName: "moment"))
  var to: PointInTime?
  @Option(help: ArgumentHelp("Keep the state there in a file that does not exist yet.", valueName: "file"))
  var save: String?
  @Flag(help: "Step through the journal with commands, forward and backward.")
  var step = false
  @Option(help: "table or json.")
  var format = ReportFormat.table

  func validate() throws {
    if step, save != nil || format == .json { throw ValidationError("--step takes neither --save nor --format json") }
  }

  func run() throws {
    let reader = try journal.openReader()
    if step { return try StepSession.run(reader, from: to) }
    var replay = try JournalReplay(reader)
    try replay.run(through: PointInTime.moment(to, in: reader).seq)
    if let save { try saveState(replay, to: save) }
    let report = replay.finish()
    let text = ReplayText(
      report, hash: replay.replay.image.ownership.hash.description, lastSeq: replay.replay.lastSeq,
      start: try reader.startSeq())
    StandardOutput.write(format == .json ? text.json : try text.table(reader.spaces().map(\.space)))
    if !report.agrees { throw CommandFailure.silent(ExitStatus.differences) }
  }
}

/// The formats of commands that report one thing.
enum ReportFormat: String, ExpressibleByArgument, CaseIterable {
  case table, json
}
