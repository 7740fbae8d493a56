// Why: `custody replay`: does the journal, replayed, give what was observed?

import Analysis
import ArgumentParser
import Journal
import PageOwnership
import PageTables

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Rebuild the machine from changes alone and compare it with everything observed",
    discussion: """
      Compares every observed snapshot, every state that a call recorded, and the old value of every change with \
      what the changes before it give. Names the first difference. The access flag that hardware sets by itself is \
      not a difference. Exit status 1 if anything differs.
      """)

  @OptionGroup var journal: JournalOption
  @Option(help: ArgumentHelp("Stop right after this entry.", valueName: "seq"))
  var to: Int64?
  @Option(help: "table or json.")
  var format = ReportFormat.table

  func run() throws {
    let reader = try journal.openReader()
    let head = try reader.headSeq()
    if let to, to < 0 || to > head.rawValue {
      throw CommandFailure(
        "there is no entry \(to): the journal ends at \(head.rawValue)", status: ExitStatus.usage)
    }
    var replay = try JournalReplay(reader)
    try replay.run(through: to.map { SequenceNumber($0) } ?? head)
    let report = replay.finish()
    let text = ReplayText(report, hash: replay.replay.image.ownership.hash.description, lastSeq: replay.replay.lastSeq)
    StandardOutput.write(format == .json ? text.json : try text.table(reader.spaces().map(\.space)))
    if !report.agrees { throw CommandFailure.silent(ExitStatus.differences) }
  }
}

/// The formats of commands that report one thing.
enum ReportFormat: String, ExpressibleByArgument, CaseIterable {
  case table, json
}
