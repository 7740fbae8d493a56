// Why: `custody index`: builds or continues the index, so that questions about pages need no replay.

import ArgumentParser
import Journal
import PageOwnership

struct IndexCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "index",
    abstract: "Build or continue the index of who holds which page",
    discussion: """
      Writes ownership_change, ownership_count and ownership_span by a replay, up to the last entry. `import` does so \
      at its end; after that this command continues where the index ends. Everything in it is derived: --rebuild \
      makes it anew, which also mends what `verify` found wrong in it. Until the last row is durable the journal says \
      that it has no index, and questions are answered by a replay.
      """)

  @OptionGroup var journal: JournalOption
  @Flag(help: "Throw the index away and build it anew.")
  var rebuild = false
  @Flag(name: .shortAndLong, help: "Print nothing.")
  var quiet = false

  func run() throws {
    let started = Stopwatch()
    Interrupt.install(endsStandardInput: false)
    let writer = try JournalWriter.open(at: journal.path)
    let build: IndexBuild?
    do {
      build = try IndexBuild.run(writer, isFresh: rebuild, shouldStop: { Interrupt.isRequested })
      try writer.close()
    } catch {
      try? writer.close()
      throw error
    }
    guard let build else {
      throw CommandFailure(
        "stopped: \(journal.path) has no index now", hint: "`custody index` builds it", status: ExitStatus.interrupted)
    }
    if !quiet { StandardOutput.write(summary(build, writer.durableSeq, started.seconds)) }
  }

  private func summary(_ build: IndexBuild, _ last: SequenceNumber, _ seconds: Double) -> String {
    if build.start >= last { return "\(journal.path): the index is valid to entry \(last.rawValue) already\n" }
    let from = build.start.rawValue > 0 ? "from entry \(build.start.rawValue) " : ""
    return "\(journal.path): indexed \(from)to entry \(last.rawValue), \(build.rowCount) rows in "
      + "\(HexText.seconds(Int64(seconds * 1e9), decimals: 1)) s\n"
  }
}
