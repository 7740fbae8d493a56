// Why: `custody bisect generation`: the first transition that another kernel would have decided otherwise, and why: the
// fix that is missing, or the one that changed what happens. Not here: the judging (Analysis, JournalConformance).

import Analysis
import ArgumentParser
import Journal
import PageOwnership
import PageTables
import TransitionRules

struct BisectGenerationCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generation",
    abstract: "Find the first transition that another kernel would have decided otherwise",
    discussion: """
      custody bisect generation linux-7.1
      custody bisect generation linux-6.18 --from mark=0x4001

      The checks of that generation, and those of the journal's own, are asked of the machine right before each \
      attempt: the first of which they decide otherwise, and of which the record agrees with the journal's own, is \
      the answer. Exact, nothing is assumed; attempts that hang on something that a journal does not tell (another \
      CPU that was quicker, what a memcache holds) are left out and counted. Steps that are only named or ordered \
      otherwise, and other words in tables, are `custody conform --generation`'s.

      Exit status: 0 if there is such a transition, 1 if there is none.
      """)

  @Argument(
    help: ArgumentHelp("Whose rules: \(Generation.allValueStrings.joined(separator: ", ")).", valueName: "generation"))
  var generation: Generation
  @OptionGroup var journal: JournalOption
  @Option(help: ArgumentHelp("Only transitions that begin from this moment on.", valueName: "moment"))
  var from: PointInTime?
  @Option(help: ArgumentHelp("Only transitions that begin up to this moment.", valueName: "moment"))
  var to: PointInTime?
  @Flag(help: "Cut nothing, however narrow the terminal is.")
  var full = false

  func run() throws { try run(on: .standard(isFull: full)) }

  /// Judges, and answers on a console.
  func run(on console: Console) throws {
    let reader = try journal.openReader()
    let first = try from.map { try PointInTime.moment($0, in: reader).first } ?? reader.firstSeq()
    let last = try PointInTime.moment(to, in: reader).seq
    guard first <= last else { throw BisectBounds.nothingBetween(first, last) }
    var search = try DecisionSearch(reader, generation)
    guard let parting = try search.run(from: first, through: last) else {
      let name = generation.rawValue
      try console.write("\(search.judged) transitions: \(name) would have decided none otherwise\n")
      if search.unjudged > 0 { try console.note("\(search.unjudged) more cannot be judged from a journal") }
      try console.flush()
      throw CommandFailure.silent(ExitStatus.differences)
    }
    try tell(parting, reader, console)
  }

  private func tell(_ parting: DecisionSearch.Parting, _ reader: JournalReader, _ console: Console) throws {
    let transition = parting.transition
    let name = "T\(transition.id.rawValue) \(transition.operation.rawValue)"
    try console.write("\(name) is the first that \(generation.rawValue) would have decided otherwise\n")
    let own = try reader.facts().generation.value?.rawValue ?? "the journal's own"
    for (rules, decided) in [(own, parting.own), (generation.rawValue, parting.other)] {
      try console.write("  \(rules.padded(to: 12))  \(decided.words)\n")
    }
    try console.write("\n")
    let context = try ShowContext(reader)
    if let story = try TransitionStory(context, transition.id) { try WhyText(WhyStory(story), console).write() }
    try console.flush()
  }
}

extension DecidedAttempt {
  /// `refuses with -EPERM: "target is unmapped" (__hyp_check_page_state_range), found …`.
  fileprivate var words: String {
    var words: String
    switch decision {
    case .completes: return "completes: all checks pass"
    case .refuses(let errno): words = "refuses with \(HexText.result(errno))"
    case .hasNothingToDo: words = "finds nothing to do"
    case .panics: words = "panics"
    case .isUnknownOperation: return "has no such operation"
    }
    if let condition { words += ": \"\(condition.rawValue)\"" }
    if let step { words += " (\(step))" }
    return words + (found.map { ", found \($0)" } ?? "")
  }
}

/// A search for the first attempt that two generations decide differently.
struct DecisionSearch {
  /// An attempt on which they part.
  struct Parting {
    var transition: Transition
    var own: DecidedAttempt, other: DecidedAttempt
  }

  private let reader: JournalReader
  private let own: DecisionJudge
  private let other: DecisionJudge
  /// Attempts that both decided, and that one of them could not.
  private(set) var judged = 0, unjudged = 0

  /// Throws a ``JournalError``, or a ``CommandFailure`` if the journal names no rules.
  init(_ reader: JournalReader, _ generation: Generation) throws {
    self.reader = reader
    var facts = try reader.facts()
    facts.inferAddressBits(from: try reader.snapshots())
    let spaces = try reader.spaces().map(\.space)
    own = DecisionJudge(RuleBook.of(facts.generation.value ?? generation), facts, spaces: spaces)
    other = DecisionJudge(RuleBook.of(generation), facts, spaces: spaces)
  }

  /// The first parting among attempts that begin from `first` on and not after `last`; nil if there is none.
  mutating func run(from first: SequenceNumber, through last: SequenceNumber) throws -> Parting? {
    var replay = try JournalReplay(reader).replay
    let source = try ReplaySource(reader)
    var found: Parting?
    let actions = try ActionLookup(reader)
    try reader.forEachEntry(through: last) { frame in
      let entry = frame.entry
      let site = try source.site(of: entry)
      if site.kind == .begin, entry.seq >= first, let id = entry.action, let (begun, end) = try actions.transition(id) {
        found = part(begun, end, replay.image)
      }
      replay.take(entry, site, changes: frame.changes, observations: frame.observations)
      if site.kind == .snapshot, let (snapshot, content) = try source.snapshot(at: entry.seq) {
        replay.take(snapshot, content)
      }
      return found == nil
    }
    return found
  }

  private mutating func part(_ transition: Transition, _ end: ActionEnd?, _ image: MachineImage) -> Parting? {
    guard let mine = own.decide(transition, on: image), let theirs = other.decide(transition, on: image),
      mine.decision.isRecorded(end, of: transition.operation) == true
    else {
      unjudged += 1
      return nil
    }
    judged += 1
    return mine.decision == theirs.decision ? nil : Parting(transition: transition, own: mine, other: theirs)
  }
}
