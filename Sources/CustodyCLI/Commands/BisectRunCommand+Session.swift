// Why: the commands around `custody bisect run`, named and meant as git's: a person judges, or changes their mind.

import Analysis
import ArgumentParser
import Journal
import PageOwnership

/// Bounds of a search.
enum BisectBounds {
  /// There is nothing to search.
  static func nothingBetween(_ good: SequenceNumber, _ bad: SequenceNumber) -> CommandFailure {
    CommandFailure(
      "nothing lies between entry \(good.rawValue), good, and entry \(bad.rawValue), bad",
      hint: "the good moment comes before the bad one", status: ExitStatus.usage)
  }
}

struct BisectStartCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start",
    abstract: "Begin a search, and name the first moment to judge",
    discussion: """
      The bounds are believed. Without them: good before the first entry, bad at the last. An earlier search in this \
      journal is given up.
      """)

  @OptionGroup var journal: JournalOption
  @Option(help: ArgumentHelp("A moment that is still good: 123, T5446, mark=0x4001 …", valueName: "moment"))
  var good: PointInTime?
  @Option(help: ArgumentHelp("A later moment that is bad.", valueName: "moment"))
  var bad: PointInTime?
  @Option(help: ArgumentHelp("Entries to judge on each side of the answer (run: 8).", valueName: "n"))
  var probes: Int?
  @Option(
    help: ArgumentHelp("Answers may be wrong: end when one entry is believed in so much, as 0.95.", valueName: "share"))
  var confidence: Double?
  @Option(help: ArgumentHelp("How often a good moment is called bad.", valueName: "share"))
  var falseBad = 0.1
  @Option(help: ArgumentHelp("How often a bad moment is called good.", valueName: "share"))
  var falseGood = 0.1

  func validate() throws {
    if let probes, !(0...1000).contains(probes) { throw ValidationError("--probes takes 0 to 1000") }
    if let confidence, !(confidence > 0.5 && confidence < 1) {
      throw ValidationError("--confidence takes a share above 0.5 and below 1")
    }
    for share in [falseBad, falseGood] where !(share > 0 && share < 0.5) {
      throw ValidationError("--false-bad and --false-good take shares above 0 and below 0.5")
    }
  }

  func run() throws { try run(on: .standard(isFull: false)) }

  /// Begins, and tells on a console.
  func run(on console: Console) throws {
    let reader = try journal.openReader()
    let head = try reader.headSeq()
    let low = try good.map { try PointInTime.moment($0, in: reader).seq } ?? reader.startSeq()
    let high = try PointInTime.moment(bad, in: reader).seq
    guard low < high else { throw BisectBounds.nothingBetween(low, high) }
    var state = BisectState(head: head, good: low, bad: high)
    state.probes = probes
    state.doubt = confidence.map {
      BisectState.Doubt(confidence: $0, falseBad: falseBad, falseGood: falseGood)
    }
    try BisectFile(reader).write(state)
    _ = try BisectText(reader, console).tell(state.next(probes: 0))
  }
}

/// Records verdicts of one kind.
private func record(
  _ verdict: BisectVerdict, _ moments: [PointInTime], _ journal: JournalOption, on console: Console
) throws {
  let reader = try journal.openReader()
  let file = BisectFile(reader)
  var state = try file.readBegun()
  var seqs = try moments.map { try PointInTime.moment($0, in: reader).seq }
  if seqs.isEmpty, case .test(let seq) = state.next(probes: 0).next { seqs = [seq] }
  guard seqs.allSatisfy({ $0 <= state.head }) else {
    throw CommandFailure(
      "the search began when the journal had \(state.head.rawValue) entries", hint: "begin anew for later ones",
      status: ExitStatus.usage)
  }
  state.decisions += seqs.map { BisectState.Decision(verdict: verdict, seq: $0) }
  try file.write(state)
  _ = try BisectText(reader, console).tell(state.next(probes: 0))
}

struct BisectGoodCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "good", abstract: "Say that a moment is good, and name the next one to judge")
  @OptionGroup var journal: JournalOption
  @Argument(help: "Which moments; the one that was named last if left out.")
  var moments: [PointInTime] = []

  func run() throws { try record(.good, moments, journal, on: .standard(isFull: false)) }
}

struct BisectBadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bad", abstract: "Say that a moment is bad, and name the next one to judge")
  @OptionGroup var journal: JournalOption
  @Argument(help: "Which moments; the one that was named last if left out.")
  var moments: [PointInTime] = []

  func run() throws { try record(.bad, moments, journal, on: .standard(isFull: false)) }
}

struct BisectSkipCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "skip", abstract: "Say that a moment cannot be judged, and name another one")
  @OptionGroup var journal: JournalOption
  @Argument(help: "Which moments; the one that was named last if left out.")
  var moments: [PointInTime] = []

  func run() throws { try record(.skip, moments, journal, on: .standard(isFull: false)) }
}

struct BisectLogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Print what was decided so far; `replay` reads it")
  @OptionGroup var journal: JournalOption

  func run() throws { StandardOutput.write(try BisectFile(journal.openReader()).readBegun().text) }
}

struct BisectReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Take over the decisions of a log, edited or from elsewhere")
  @OptionGroup var journal: JournalOption
  @Argument(help: "A file with what `custody bisect log` printed.")
  var log: String

  func run() throws {
    let reader = try journal.openReader()
    let file = BisectFile(reader)
    guard let state = try file.read(log) else {
      throw CommandFailure("\(log) is not there", status: ExitStatus.cannotOpen)
    }
    try file.write(state)
    _ = try BisectText(reader, .standard(isFull: false)).tell(state.next(probes: 0))
  }
}

struct BisectResetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reset", abstract: "Give the search up, and forget what was decided")
  @OptionGroup var journal: JournalOption

  func run() throws { try WholeFile.remove(BisectFile(journal.openReader()).path) }
}
