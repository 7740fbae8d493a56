// Why: the composition of a journal and the judge of conformance: entries in, with the transition or the call
// that begins there, and the content of each snapshot when its entry comes.

import Analysis
import Journal
import PageOwnership
import PageTables
import TransitionRules

/// Judges a journal by the rules of a generation.
struct JournalConformance: ~Copyable {
  private let source: ReplaySource
  private var judge: ConformanceJudge

  /// Prepares a judgement; without `generation` by the journal's own rules.
  ///
  /// Throws a ``JournalError``, or a ``CommandFailure`` if the journal names no rules.
  init(_ reader: JournalReader, generation: Generation? = nil) throws {
    let source = try ReplaySource(reader)
    let replay = try JournalReplay(reader).replay
    let spaces = try reader.spaces().map(\.space)
    var facts = try reader.facts()
    facts.inferAddressBits(from: try reader.snapshots())
    self.source = source
    judge = ConformanceJudge(
      RuleBook.of(generation ?? replay.image.generation), facts, spaces: spaces, replay: replay)
  }

  /// Judges the transitions that begin from `first` on and not after `last`.
  mutating func run(from first: SequenceNumber, through last: SequenceNumber) throws -> ConformanceReport {
    let source = source
    let actions = try ActionLookup(source.reader)
    try source.reader.forEachEntry(through: try source.reader.headSeq()) { frame in
      let entry = frame.entry
      let site = try source.site(of: entry)
      judge.isJudging = entry.seq >= first && entry.seq <= last
      if entry.seq > last, judge.hasNothingOpen { return false }
      // Faults of the host, and calls of guests, begin with one entry that is both.
      let isBegin = site.kind == .begin && judge.isJudging
      judge.take(
        entry, site, changes: frame.changes, observations: frame.observations,
        transition: try entry.action.flatMap { isBegin ? try actions.transition($0)?.0 : nil },
        activation: try entry.action.flatMap { site.kind == .activation ? try actions.activation($0)?.0 : nil })
      if site.kind == .snapshot, let (snapshot, content) = try source.snapshot(at: entry.seq) {
        judge.take(snapshot, content)
      }
      return true
    }
    judge.finish()
    return judge.report
  }
}
