// Why: `custody prune`: the oldest entries go, and the journal goes on to answer for the rest. Not here: how it is
// done (PruneRun), how it is told (+Text).

import ArgumentParser
import Journal
import PageOwnership

struct PruneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune",
    abstract: "Drop the oldest entries of a journal, and make its file smaller",
    discussion: """
      custody prune --keep-entries 1000000    the last million entries stay
      custody prune --keep-age 7d             what was recorded in the last seven days stays
      custody prune --max-bytes 2G            as much stays as fits
      custody prune --before mark=0x4001      what came before that moment goes
      custody prune --keep-age 7d --dry-run   says what would go, and changes nothing

      Whole sealed ranges of 1,024 entries are dropped from the start, never more than the option allows. A cut never \
      divides a transition: if the seal lies inside one, less is dropped. In the place of what is gone stands an \
      anchor: the entry, the head of the chain there and the whole state of the machine. verify, replay and every \
      --at work from there on; an earlier moment is refused with status 2. Names of earlier moments go, and so does a \
      saved audit.

      The journal must have no other writer. What is dropped is held against its seals first. It goes in one \
      transaction; then the file is written anew, without the room that was left. A crash between the two leaves a \
      journal, and the next prune shrinks it. Status 5 if the file does not get as small as --max-bytes says.
      """)

  @OptionGroup var journal: JournalOption
  @Option(help: ArgumentHelp("Keep at least the last N entries.", valueName: "N"))
  var keepEntries: Int64?
  @Option(help: ArgumentHelp("Keep what was recorded in the last 90s, 30m, 12h or 7d.", valueName: "duration"))
  var keepAge: DurationArgument?
  @Option(help: ArgumentHelp("Keep what fits into 500000, 64K, 100M or 2G bytes.", valueName: "size"))
  var maxBytes: SizeArgument?
  @Option(help: ArgumentHelp("Keep this moment and everything behind it.", valueName: "moment"))
  var before: PointInTime?
  @Flag(help: "Say what would go, and change nothing.")
  var dryRun = false
  @Option(help: ArgumentHelp("The key that the journal is sealed with.", valueName: "file"))
  var sealKey: String?
  @Flag(name: .shortAndLong, help: "Print nothing.")
  var quiet = false
  @Option(help: "table or json.")
  var format = ReportFormat.table

  func validate() throws {
    let given = [keepEntries != nil, keepAge != nil, maxBytes != nil, before != nil].filter(\.self).count
    guard given == 1 else {
      throw ValidationError("one of --keep-entries, --keep-age, --max-bytes and --before says how much is to stay")
    }
    if let keepEntries, keepEntries < 0 { throw ValidationError("--keep-entries takes a number from 0 on") }
  }

  func run() throws {
    Interrupt.install(endsStandardInput: false)
    let limit = try limit(journal.openReader())
    if dryRun { return try plan(limit) }
    let key = try sealKey.map { try SealKeyFile(at: $0) }
    let result = try PruneRun(path: journal.path, limit: limit, key: key).perform()
    if !quiet { write(PruneText(path: journal.path, plan: result.plan, time: result.time, isDone: true)) }
    try checkSize(result.plan)
  }

  private func plan(_ limit: PruneLimit) throws {
    let reader = try journal.openReader()
    let plan = try PruneRun.plan(reader, limit)
    let time = try plan.cut.flatMap { try reader.time(upTo: $0) }
    if !quiet { write(PruneText(path: journal.path, plan: plan, time: time, isDone: false)) }
  }

  private func limit(_ reader: JournalReader) throws -> PruneLimit {
    if let keepEntries { return .entries(keepEntries) }
    if let keepAge { return .age(keepAge.nanoseconds) }
    if let maxBytes { return .bytes(maxBytes.bytes) }
    return .from(try PointInTime.moment(before, in: reader).first)
  }

  private func write(_ text: PruneText) { StandardOutput.write(format == .json ? text.json : text.table) }

  private func checkSize(_ plan: PrunePlan) throws {
    guard let most = maxBytes?.bytes, plan.byteCountAfter > most else { return }
    throw CommandFailure(
      "\(journal.path) still takes \(plan.byteCountAfter) bytes, more than \(most)",
      hint: "nothing more can go: the last entries and the state at the anchor stay", status: ExitStatus.limit)
  }
}
