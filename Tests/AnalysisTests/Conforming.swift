// Why: tests judge recordings in memory, as `custody conform` judges journals; and tamper with the rows of one
// to see whether the judge notices. Not here: expectations.

import Analysis
import PageOwnership
import PageTables
import TestSupport
import TransitionRules

/// Judges what was imported.
enum Conforming {
  /// By the rules of a book; without one by those of the recording's generation.
  static func report(_ imported: Imported, _ book: RuleBook? = nil) throws -> ConformanceReport {
    guard let generation = imported.facts.generation.value else { throw PipelineError(message: "no generation") }
    var facts = imported.facts
    facts.inferAddressBits(from: imported.rows.snapshots)
    var judge = ConformanceJudge(
      book ?? RuleBook.of(generation), facts, spaces: imported.rows.spaces.map(\.0),
      replay: try Pipeline.emptyReplay(imported))
    feed(imported, to: &judge)
    judge.finish()
    return judge.report
  }

  private static func feed(_ imported: Imported, to judge: inout ConformanceJudge) {
    let rows = imported.rows
    let sites = imported.sites
    let transitions = Dictionary(rows.transitions.map { ($0.firstSeq, $0) }, uniquingKeysWith: { first, _ in first })
    let activations = Dictionary(rows.activations.map { ($0.firstSeq, $0) }, uniquingKeysWith: { first, _ in first })
    let changes = Dictionary(grouping: rows.changes, by: \.seq)
    let observations = Dictionary(grouping: rows.observations, by: \.seq)
    let snapshots = Dictionary(rows.snapshots.map { ($0.seq, $0) }, uniquingKeysWith: { first, _ in first })
    let ranges = Dictionary(grouping: rows.snapshotRanges, by: \.snapshot)
    for entry in rows.entries {
      guard let site = sites[entry.site] else { continue }
      judge.take(
        entry, site, changes: changes[entry.seq] ?? [], observations: observations[entry.seq] ?? [],
        transition: site.kind == .begin ? transitions[entry.seq] : nil,
        activation: site.kind == .activation ? activations[entry.seq] : nil)
      guard let snapshot = snapshots[entry.seq] else { continue }
      var content = SnapshotImage(guests: snapshot.guests)
      for range in ranges[snapshot.id] ?? [] { content.add(range) }
      judge.take(snapshot, content)
    }
  }
}

extension Imported {
  /// The place of the phase or end with which the transition of an entry goes on; nil behind the last.
  func nextPlace(after place: Int) -> Int? {
    let id = rows.entries[place].action
    let sites = sites
    return rows.entries.indices.dropFirst(place + 1).first {
      rows.entries[$0].action == id && sites[rows.entries[$0].site]?.kind != .store
    }
  }

  /// The places of entries of a kind that have a transition which ended.
  func places(_ kind: EntryKind) -> [Int] {
    let sites = sites
    let ended = Set(rows.transitionEnds.map(\.id))
    return rows.entries.indices.filter { index in
      guard let action = rows.entries[index].action, ended.contains(action) else { return false }
      return sites[rows.entries[index].site]?.kind == kind
    }
  }

  /// The kernel's step of an entry.
  func step(_ place: Int) -> String { sites[rows.entries[place].site]?.kernelStep ?? "" }
}
