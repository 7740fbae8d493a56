// Why: the searches that need no user's command: a predicate of moments is asked as often as it takes, by halving or
// one entry after the other. Not here: the halving (Analysis), what is asked (the commands), the words (BisectText).

import Analysis
import ArgumentParser
import Journal
import PageOwnership

/// Where a search begins and ends, and how it goes.
struct SearchOptions: ParsableArguments {
  @OptionGroup var journal: JournalOption
  @Option(
    help: ArgumentHelp(
      "A moment at which it does not hold yet; before the first entry if left out.", valueName: "moment"))
  var good: PointInTime?
  @Option(help: ArgumentHelp("A later moment at which it holds; the last entry if left out.", valueName: "moment"))
  var bad: PointInTime?
  @Flag(help: "Ask after each entry: exact, whatever holds now and then; takes a replay of everything.")
  var first = false
  @Flag(help: "Cut nothing, however narrow the terminal is.")
  var full = false

  /// What holding again and again means for an answer, for each help text.
  static let assumption = """
    Entries are halved: what is assumed is that what holds goes on holding. Both ends are asked first, and when the \
    answer is there, 8 entries on each side of it are asked for evidence against the assumption; if there is any, it \
    is told instead of an answer. --first assumes nothing. Where something that matters is unknown, the entry is \
    skipped.

    Exit status: 0 if the entry was found, 1 if there is none.
    """
}

/// A search over the moments of one journal.
struct MomentSearch {
  let reader: JournalReader
  let console: Console
  let good: SequenceNumber
  let bad: SequenceNumber

  private static let probes = 8

  init(_ options: SearchOptions, _ console: Console) throws {
    reader = try options.journal.openReader()
    self.console = console
    good =
      try options.good.map { try PointInTime.moment($0, in: options.journal.openReader()).seq } ?? reader.startSeq()
    bad = try PointInTime.moment(options.bad, in: reader).seq
    guard good < bad else { throw BisectBounds.nothingBetween(good, bad) }
  }

  /// Halves; `judge` tells of a moment whether it is bad there. Returns the answer after telling it.
  func halve(_ what: String, _ judge: (SequenceNumber) throws -> BisectVerdict) throws {
    guard try holdsAtEnd(what, judge), var search = BisectSearch(good: good, bad: bad, probes: Self.probes) else {
      throw CommandFailure.silent(ExitStatus.differences)
    }
    while true {
      switch search.nextStep() {
      case .test(let seq), .probe(let seq): search.record(seq, try judge(seq))
      case .done(let result):
        try console.write("\(search.verdictCount + 2) moments were asked: \(what)\n")
        _ = try BisectText(reader, console).tell((.done(result), ""))
        return
      }
    }
  }

  private func holdsAtEnd(_ what: String, _ judge: (SequenceNumber) throws -> BisectVerdict) throws -> Bool {
    let ends = try (judge(good), judge(bad))
    switch ends {
    case (.good, .bad): return true
    case (.bad, _):
      try console.write("it holds at entry \(good.rawValue) already: \(what)\n")
      try console.note("--good names a moment at which it does not, --first finds the first entry of all")
    case (_, .good):
      try console.write("it does not hold at entry \(bad.rawValue): \(what)\n")
      try console.note("--bad names a moment at which it does, --first finds the first entry of all")
    default: try console.write("at entry \((ends.0 == .skip ? good : bad).rawValue) it is not known: \(what)\n")
    }
    try console.flush()
    return false
  }

  /// Tells the answer of a search that asked after each entry; nil: it never holds.
  func tell(first found: SequenceNumber?, _ what: String) throws {
    guard let found else {
      try console.write("it holds after no entry from \(good.rawValue + 1) to \(bad.rawValue): \(what)\n")
      try console.flush()
      throw CommandFailure.silent(ExitStatus.differences)
    }
    try console.write("entry \(found.rawValue) is the first of all after which it holds: \(what)\n")
    try BisectText(reader, console).show(found)
    try console.flush()
  }
}
