// Why: holding each entry against the replayed machine: what a call saw before anything happened, and what
// each change found. Not here: what to make of a word that another CPU may explain (Replay+Races).

import PageOwnership
import PageTables

extension Replay {
  /// Compares what an entry saw, and learns from it what was not known.
  mutating func compare(_ observation: Observation, _ entry: Entry) {
    if let frame = observation.frame { compareFrames(observation, frame, entry) }
    let page = observation.pages.first
    if let leaf = observation.host { compare(.hostStage2, .host, page, leaf, entry) }
    if let leaf = observation.hyp, MachineImage.isLinear(page) { compare(.hypStage1, .hyp, page, leaf, entry) }
    if let leaf = observation.guest, let space = observation.guestSpace, let page = observation.guestPage {
      compare(.guestStage2, space, page, leaf, entry)
    }
    learn(from: observation)
  }

  private mutating func compareFrames(_ observation: Observation, _ frame: UInt64, _ entry: Entry) {
    let word = LeafWord(level: 3, raw: frame)
    guard !observation.isUnordered else { return compareUnordered(observation, word, entry) }
    for offset in 0..<min(observation.pages.count, 512) {
      let page = observation.pages.first.advanced(by: offset)
      for half in [SpaceID.host, .hyp] { compare(.vmemmap, half, page, word, entry) }
    }
  }

  // Of these pages only the number is known, not which of the transition's range they are.
  private mutating func compareUnordered(_ observation: Observation, _ word: LeafWord, _ entry: Entry) {
    report.statesCompared += 1
    var agreeing: UInt64 = 0
    for offset in 0..<min(entry.pageCount ?? 0, 512) {
      let page = observation.pages.first.advanced(by: offset)
      switch image.compare(.vmemmap, nil, at: page, seen: word) {
      case .equal, .accessFlagOnly, .unknown: agreeing += 1
      case .different: break
      }
    }
    guard agreeing < observation.pages.count else { return }
    guard others(than: entry).isEmpty else {
      report.racy += 1
      return
    }
    note(
      ReplayDifference(
        kind: .state, seq: entry.seq, transition: entry.action, table: .vmemmap, space: .host,
        pages: observation.pages, replayed: "\(agreeing) pages with this word",
        seen: "\(observation.pages.count) pages with 0x\(String(word.raw, radix: 16))"))
  }

  private mutating func compare(
    _ table: TableKind, _ space: SpaceID, _ page: PageFrame, _ seen: LeafWord, _ entry: Entry
  ) {
    report.statesCompared += 1
    guard case .different(let replayed, let shown) = image.compare(table, space, at: page, seen: seen) else { return }
    let difference = ReplayDifference(
      kind: .state, seq: entry.seq, transition: entry.action, table: table, space: space, pages: PageRange(page),
      replayed: replayed, seen: shown)
    postpone(difference, seen, others(than: entry))
  }

  /// The transitions that other CPUs are inside.
  private func others(than entry: Entry) -> Set<ActionID> {
    guard openTransitions.count > 1 else { return [] }
    return Set(openTransitions.filter { $0.key != entry.action && $0.value.cpu != entry.cpu }.keys)
  }

  /// Compares old values: those before the whole entry, for its changes may lie under one block.
  mutating func compareOld(_ changes: [Change], _ entry: Entry) {
    for change in changes {
      guard let old = change.old else { continue }
      report.changesCompared += 1
      for offset in 0..<min(change.table == .vmemmap ? change.pages.count : 1, 512) {
        compareOld(change, LeafWord(level: change.oldLevel, raw: old), change.pages.first.advanced(by: offset), entry)
      }
    }
  }

  private mutating func compareOld(_ change: Change, _ old: LeafWord, _ page: PageFrame, _ entry: Entry) {
    guard case .different(let replayed, let shown) = image.compare(change.table, change.space, at: page, seen: old)
    else { return }
    let begin = entry.action.flatMap { openTransitions[$0]?.firstSeq } ?? entry.seq
    guard !recent.explains(change, at: page, by: entry.action, since: begin) else {
      report.racy += 1
      return
    }
    note(
      ReplayDifference(
        kind: .old, seq: entry.seq, transition: entry.action, table: change.table, space: change.space,
        pages: PageRange(page), replayed: replayed, seen: shown))
  }
}
