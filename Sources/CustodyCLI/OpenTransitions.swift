// Why: `log --open` and `recover` ask the same: which transitions have no end, and how far did each come with its
// pages? Read once, from the journal and one replay. Not here: the judging (Analysis) and the words.

import Analysis
import Journal
import PageOwnership
import PageTables

/// The transitions of a journal that are open or ended in a panic, with everything they are judged by.
struct OpenTransitions {
  /// The rules, the machine and the last snapshot; nil if no transition is open.
  private(set) var evidence: ProgressEvidence?
  /// Each with its entries, by number.
  private(set) var all: [(progress: TransitionProgress, phases: [RecordedPhase])] = []

  /// Reads them; `filter` narrows which.
  init(_ context: ShowContext, _ filter: LogFilter = LogFilter()) throws {
    let reader = context.reader
    let head = try reader.headSeq()
    let found = try Self.find(reader, filter)
    guard !found.isEmpty else { return }
    guard let generation = context.facts.generation.value else {
      throw CommandFailure(
        "\(reader.path): the journal does not name its generation, so nothing says what is left to do",
        hint: "import again with --generation", status: ExitStatus.corrupt)
    }
    var replay = try JournalReplay(reader)
    let shownSeq = replay.keepLastSnapshot(through: head)
    try replay.run(through: head)
    let evidence = ProgressEvidence(
      facts: context.facts, generation: generation, spaces: try reader.spaces().map(\.space),
      replayed: replay.replay.image, shown: replay.shown, shownSeq: shownSeq ?? SequenceNumber(0),
      lastGap: try reader.gaps().last?.seq ?? SequenceNumber(0))
    self.evidence = evidence
    for (transition, outcome) in found {
      let phases = try Self.phases(of: transition, context, through: head)
      all.append((TransitionProgress(transition, outcome: outcome, phases: phases, by: evidence), phases))
    }
  }

  private static func find(_ reader: JournalReader, _ filter: LogFilter) throws -> [(Transition, TransitionOutcome)] {
    var filter = filter
    filter.outcomes = [.open, .fatal]
    var found: [(Transition, TransitionOutcome)] = []
    try TransitionLog(reader).forEach(filter) { line in
      guard found.count < limit else {
        throw CommandFailure(
          "\(reader.path): more than \(limit) transitions have no end", hint: "`custody log --outcome open` lists them",
          status: ExitStatus.limit)
      }
      found.append((line.transition, line.outcome))
    }
    return found
  }

  /// A machine has as many as CPUs; only gaps can leave more.
  private static let limit = 4096

  private static func phases(
    of transition: Transition, _ context: ShowContext, through head: SequenceNumber
  ) throws -> [RecordedPhase] {
    var phases: [RecordedPhase] = []
    try context.reader.forEachEntry(from: transition.firstSeq, through: head, of: transition.id) { frame in
      guard let site = context.sites[frame.entry.site] else { return true }
      phases.append(RecordedPhase(entry: frame.entry, site: site, changes: frame.changes))
      return true
    }
    return phases
  }
}
