// Why: `custody import`: a recording becomes a journal. Not here: what lines mean (Capture), how rows
// are stored (Journal).

import Analysis
import ArgumentParser
import Capture
import Glibc
import Journal
import PageOwnership
import PageTables

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Bring a recording in",
    discussion: """
      Reads the events of a recording (plain, .gz, or - for standard input) and writes a new journal: one pass, \
      constant memory, one sync for each group of entries. What is known of the machine comes from the recording's \
      .summary.json (or --facts), from the options below, or is inferred where the recording proves it.

      A line that cannot be read ends the import with status 3; everything before it stays in the journal, which is \
      marked incomplete. --skip-bad goes on and records each such line as lost: from there on, pages are UNKNOWN \
      until something shows them again. After a crash or Ctrl-C, --resume continues with the same recording.
      """)

  @Argument(help: "The events file of the recording, or - for standard input.")
  var events: String
  @Option(help: "The snapshots file of the recording.")
  var snapshots: String?
  @OptionGroup var facts: FactOptions
  @OptionGroup var journal: JournalOption
  @Option(help: "The format of the recording; only 'pkvm-recording' so far.")
  var inputFormat = "pkvm-recording"
  @Flag(help: "Go on with an import that was interrupted.")
  var resume = false
  @Flag(help: "Record lines that cannot be read as lost and go on.")
  var skipBad = false
  @Flag(name: .shortAndLong, help: "Print no summary and no progress.")
  var quiet = false

  func validate() throws {
    guard inputFormat == "pkvm-recording" else {
      throw ValidationError("unknown input format '\(inputFormat)': only 'pkvm-recording' is supported so far")
    }
    if events == "-", snapshots == "-" { throw ValidationError("events and snapshots cannot both be standard input") }
  }

  func run() throws {
    let started = Stopwatch()
    let source = try ByteSource(path: events)
    let snapshotSource = try snapshots.map { try ByteSource(path: $0) }
    let session = try resume ? resumed(source, snapshotSource) : fresh(source, snapshotSource)
    Interrupt.install()
    let ending = try perform(session)
    if ending == .stopped { throw stopped(session) }
    guard !quiet else { return }
    try ImportSummary(journal.openReader(), path: journal.path).print(seconds: started.seconds)
  }

  private struct Session {
    var importing: RecordingImport
    var writer: JournalWriter
  }

  private var options: RecordingImport.Options {
    var options = RecordingImport.Options()
    options.skipsBadLines = skipBad
    options.name = events
    return options
  }

  private func fresh(_ source: ByteSource, _ snapshots: ByteSource?) throws -> Session {
    if access(journal.path, F_OK) == 0 {
      throw CommandFailure(
        "\(journal.path) exists already, and a journal takes one import",
        hint: "choose another path with -j, or --resume to go on with an interrupted import",
        status: ExitStatus.cannotOpen)
    }
    let importing = try RecordingImport(
      events: source, snapshots: snapshots, facts: facts.read(for: events), options: options)
    let writer = try JournalWriter.create(at: journal.path, facts: importing.importer.facts)
    return Session(importing: importing, writer: writer)
  }

  private func resumed(_ source: ByteSource, _ snapshots: ByteSource?) throws -> Session {
    let writer = try JournalWriter.open(at: journal.path)
    let reader = try journal.openReader()
    guard let text = try reader.importState(), let state = ImportState(text) else {
      throw CommandFailure("\(journal.path) holds no import to go on with", status: ExitStatus.usage)
    }
    guard !state.isComplete else {
      throw CommandFailure(
        "\(journal.path) holds this recording completely", hint: "there is nothing to resume",
        status: ExitStatus.usage)
    }
    var replay = try JournalReplay(reader, unwritten: state.unwrittenGuests)
    try replay.run(through: SequenceNumber(state.lastSeq)) { replay in
      // Own snapshots are due at fixed entries; what changed since the last one is still to be written.
      if replay.lastSeq.rawValue % state.leafInterval == 0, replay.lastSeq.rawValue < state.lastSeq {
        _ = replay.takeDirtyLeaves()
      }
      return true
    }
    let importing = try RecordingImport(
      events: source, snapshots: snapshots, facts: reader.facts(), options: options, resuming: state,
      image: replay.replay.image, sites: reader.sites().sites.enumerated().map { (SiteID(rawValue: Int32($0 + 1)), $1) }
    )
    return Session(importing: importing, writer: writer)
  }

  private func perform(_ session: Session) throws -> ImportEnding {
    let progress = ProgressLine(isShown: !quiet)
    defer { progress.clear() }
    do {
      let ending = try session.importing.run(shouldStop: { Interrupt.isRequested }) { batch, state in
        try session.writer.append(batch)
        try session.writer.commit(importState: state.encoded(), isComplete: state.isComplete)
        progress.show(session.importing.progress)
      }
      try session.writer.close()
      return ending
    } catch let error as InputError {
      try session.writer.close()
      let durable = session.writer.durableSeq.rawValue
      var failure = CommandFailure(error)
      failure.message += "\n  the \(durable) entries before it are in \(journal.path), which is marked incomplete"
      if failure.hint == nil { failure.hint = "--skip-bad records such lines as lost and goes on" }
      throw failure
    }
  }

  private func stopped(_ session: Session) -> CommandFailure {
    let state = session.importing.importer.state
    return CommandFailure(
      "stopped after line \(state.line): \(session.writer.durableSeq.rawValue) entries are in \(journal.path)",
      hint: "--resume goes on from there", status: ExitStatus.interrupted)
  }
}
