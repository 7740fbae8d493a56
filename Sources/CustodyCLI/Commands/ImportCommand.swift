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

      At the end the index is written that questions about pages are answered from (see `custody index`).
      """)

  @Argument(help: "The events file of the recording, or - for standard input.")
  var events: String
  @Option(help: "The snapshots file of the recording.")
  var snapshots: String?
  @OptionGroup var facts: FactOptions
  @OptionGroup var journal: JournalOption
  @Option(help: "The format of the recording; only 'pkvm-recording' so far.")
  var inputFormat = "pkvm-recording"
  @Option(help: ArgumentHelp("Commit after this many entries: fewer are seen sooner, more are faster.", valueName: "n"))
  var groupSize = RecordingImport.Options().groupSize
  @Option(help: ArgumentHelp("Seal with the key in this file, which is replaced at each seal.", valueName: "file"))
  var sealKey: String?
  @Flag(help: "Go on with an import that was interrupted.")
  var resume = false
  @Flag(help: "Record lines that cannot be read as lost and go on.")
  var skipBad = false
  @Flag(help: "Write no index; `custody index` does so later.")
  var noIndex = false
  @Flag(name: .shortAndLong, help: "Print no summary and no progress.")
  var quiet = false

  func validate() throws {
    guard inputFormat == "pkvm-recording" else {
      throw ValidationError("unknown input format '\(inputFormat)': only 'pkvm-recording' is supported so far")
    }
    guard (1...1_000_000).contains(groupSize) else {
      throw ValidationError("--group-size takes a number from 1 to 1000000")
    }
    if events == "-", snapshots == "-" { throw ValidationError("events and snapshots cannot both be standard input") }
  }

  func run() throws {
    let started = Stopwatch()
    let source = try ByteSource(path: events)
    let snapshotSource = try snapshots.map { try ByteSource(path: $0) }
    Interrupt.install(endsStandardInput: [events, snapshots].contains("-"))
    guard let session = try resume ? resumed(source, snapshotSource) : fresh(source, snapshotSource) else { return }
    let ending = try perform(session)
    if ending == .stopped { throw stopped(session.importing.importer.state.line, session.writer.durableSeq) }
    guard !quiet else { return }
    try ImportSummary(journal.openReader(), path: journal.path).print(
      seconds: started.seconds, durableSeq: session.writer.durableSeq)
  }

  private struct Session {
    var importing: RecordingImport
    var writer: JournalWriter
  }

  private var options: RecordingImport.Options {
    var options = RecordingImport.Options()
    options.skipsBadLines = skipBad
    options.groupSize = groupSize
    options.name = events
    return options
  }

  private func key() throws -> SealKeyFile? { try sealKey.map { try SealKeyFile(at: $0) } }

  private func fresh(_ source: ByteSource, _ snapshots: ByteSource?) throws -> Session {
    if access(journal.path, F_OK) == 0 {
      throw CommandFailure(
        "\(journal.path) exists already, and a journal takes one import",
        hint: "choose another path with -j, or --resume to go on with an interrupted import",
        status: ExitStatus.cannotOpen)
    }
    let importing = try RecordingImport(
      events: source, snapshots: snapshots, facts: facts.read(for: events), options: options)
    if Interrupt.isRequested {
      throw CommandFailure("stopped before anything was read", status: ExitStatus.interrupted)
    }
    // From its first moment on the journal says that an import is under way.
    let writer = try JournalWriter.create(
      at: journal.path, facts: importing.importer.facts, importState: importing.importer.state.encoded(), key: key())
    return Session(importing: importing, writer: writer)
  }

  // Nil if nothing is left to do.
  private func resumed(_ source: ByteSource, _ snapshots: ByteSource?) throws -> Session? {
    if try importState(journal.openReader()).isComplete { return try settle() }
    let writer = try JournalWriter.open(at: journal.path, key: key())
    do {
      return Session(importing: try goOn(source, snapshots), writer: writer)
    } catch {
      // Nothing was written: the journal is left as an orderly close leaves it.
      try? writer.close()
      throw error
    }
  }

  private func importState(_ reader: JournalReader) throws -> ImportState {
    guard let text = try reader.importState(), let state = ImportState(text) else {
      throw CommandFailure("\(journal.path) holds no import to go on with", status: ExitStatus.usage)
    }
    return state
  }

  // The last import may have ended between its last commit and its orderly close.
  private func settle() throws -> Session? {
    let hasLeftovers = ["-wal", "-journal"].contains { access(journal.path + $0, F_OK) == 0 }
    guard try hasLeftovers || !journal.openReader().isClean() else {
      throw CommandFailure(
        "\(journal.path) holds this recording completely", hint: "there is nothing to resume",
        status: ExitStatus.usage)
    }
    let writer = try JournalWriter.open(at: journal.path, key: key())
    try index(writer)
    try writer.close()
    if !quiet { StandardError.write("\(journal.path) held the recording already; it is closed in order now\n") }
    return nil
  }

  private func goOn(_ source: ByteSource, _ snapshots: ByteSource?) throws -> RecordingImport {
    let reader = try journal.openReader()
    let state = try importState(reader)
    guard state.hasSnapshots == (snapshots != nil) else {
      throw CommandFailure(
        "\(journal.path) was begun with\(state.hasSnapshots ? "" : "out") a snapshots file",
        hint: "resume with the same files", status: ExitStatus.usage)
    }
    // Before the first commit there is nothing to go on from.
    guard state.offset > 0 else {
      return try RecordingImport(events: source, snapshots: snapshots, facts: reader.facts(), options: options)
    }
    let image = try followed(reader, state)
    if Interrupt.isRequested { throw stopped(state.line, SequenceNumber(state.lastSeq)) }
    let sites = try reader.sites().sites.enumerated().map { (SiteID(rawValue: Int32($0 + 1)), $1) }
    return try RecordingImport(
      events: source, snapshots: snapshots, facts: reader.facts(), options: options, resuming: state,
      image: image, sites: sites)
  }

  // The machine as the importer left it.
  private func followed(_ reader: JournalReader, _ state: ImportState) throws -> MachineImage {
    var states = try JournalStates(reader, unwritten: state.unwrittenGuests)
    try states.run(through: SequenceNumber(state.lastSeq)) { follower in
      // Own snapshots are due at fixed entries; what changed since the last one is still to be written.
      if follower.lastSeq.rawValue % state.leafInterval == 0, follower.lastSeq.rawValue < state.lastSeq {
        _ = follower.takeDirtyLeaves()
      }
      return !Interrupt.isRequested
    }
    return states.follower.image
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
      if ending == .finished { try index(session.writer) }
      try session.writer.close()
      return ending
    } catch let error as InputError {
      try session.writer.close()
      let durable = session.writer.durableSeq.rawValue
      var failure = CommandFailure(error)
      failure.message += "\n  the \(durable) entries before it are in \(journal.path), which is marked incomplete"
      let isSkippable = [.malformed, .lineTooLong].contains(error.code)
      if failure.hint == nil, isSkippable { failure.hint = "--skip-bad records such lines as lost and goes on" }
      throw failure
    }
  }

  // Guests that an unfinished import had no row for are missing in an index from before: it is made anew.
  private func index(_ writer: JournalWriter) throws {
    if noIndex { return }
    if try IndexBuild.run(writer, isFresh: true, shouldStop: { Interrupt.isRequested }) != nil { return }
    try writer.close()
    throw CommandFailure(
      "stopped: the recording is in \(journal.path), its index is not", hint: "`custody index` builds it",
      status: ExitStatus.interrupted)
  }

  private func stopped(_ line: Int, _ last: SequenceNumber) -> CommandFailure {
    CommandFailure(
      "stopped after line \(line): \(last.rawValue) entries are in \(journal.path)",
      hint: "--resume goes on from there", status: ExitStatus.interrupted)
  }
}
