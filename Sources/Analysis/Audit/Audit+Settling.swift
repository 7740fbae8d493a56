// Why: inside a transition a page may be at two owners or at none, as its generation's order has it; so pages are
// judged when the transition that changed them is over and no other one has them in its hands.

import PageOwnership
import PageTables

extension Audit {
  // MARK: - what changed

  /// Takes note of what an entry changed, after the machine took it.
  mutating func noteChanges(_ changes: [Change], _ entry: Entry, _ subject: AuditedTransition?) {
    var touched: [PageRange] = []
    var isForgotten = false
    for change in changes {
      isForgotten = isForgotten || change.new == nil
      let reach = MachineImage.reach(of: change)
      switch change.table {
      case .guestStage2: touched += pages.noteGuest(change.space, reach, judge.replay.image)
      case .hypStage1 where MachineImage.isLinear(change.pages.first):
        pages.noteNotPrivate(reach)
        touched.append(reach)
      case .hypStage1: continue
      case .hostStage2, .vmemmap: touched.append(reach)
      }
      subject?.note(change)
    }
    if isForgotten { pages.noteKnowledge(judge.replay.image) }
    for range in touched {
      if let id = subject?.id { pages.noteWriter(id, range) }
      touch(range, entry, subject)
    }
  }

  /// What a call saw of pages that nobody knew.
  mutating func noteObservations(_ seen: [Observation], _ entry: Entry, _ subject: AuditedTransition?) {
    for observation in seen where !observation.isUnordered {
      if observation.frame != nil || observation.host != nil || observation.hyp != nil {
        let count = min(observation.pages.count, 512)
        touch(PageRange(first: observation.pages.first, count: count), entry, subject)
      }
      guard let space = observation.guestSpace, let page = observation.guestPage else { continue }
      for range in pages.noteGuest(space, PageRange(page), judge.replay.image) { touch(range, entry, subject) }
    }
  }

  private mutating func touch(_ range: PageRange, _ entry: Entry, _ subject: AuditedTransition?) {
    if subject != nil {
      subject?.touch(range, entry.seq)
    } else {
      settle(DirtyPages(pages: range, seq: entry.seq), entry)
    }
  }

  // MARK: - judging

  /// Judges pages, but for those that a transition has in its hands: then its end does.
  mutating func settle(_ dirty: DirtyPages, _ entry: Entry, by subject: AuditedTransition? = nil) {
    guard !open.isEmpty, open.all.contains(where: { $0.covers(dirty.pages) }) else {
      return judgePages(dirty, entry, subject)
    }
    var position = dirty.pages.first
    for (id, held) in held(in: dirty.pages) where held.end > position {
      if position < held.first { judgePages(DirtyPages(from: position, to: held.first, dirty.seq), entry, subject) }
      let start = max(position, held.first)
      open.touch(id, PageRange(first: start, count: held.end.rawValue - start.rawValue), dirty.seq)
      position = held.end
    }
    if position < dirty.pages.end {
      judgePages(DirtyPages(from: position, to: dirty.pages.end, dirty.seq), entry, subject)
    }
  }

  // The parts of a range that open transitions have in their hands, in order.
  private func held(in range: PageRange) -> [(id: ActionID, pages: PageRange)] {
    var held: [(id: ActionID, pages: PageRange)] = []
    for subject in open.all {
      for pages in subject.dirty.map(\.pages) + [subject.declared].compactMap({ $0 }) {
        let part = pages.intersection(range)
        if part.count > 0 { held.append((subject.id, part)) }
      }
    }
    return held.sorted { ($0.pages.first, $0.id) < ($1.pages.first, $1.id) }
  }

  private mutating func judgePages(_ dirty: DirtyPages, _ entry: Entry, _ subject: AuditedTransition?) {
    guard hasStates else { return }
    summary.settlements += 1
    pages.noteUnlent(dirty.pages, judge.replay.image)
    for range in memory(in: dirty.pages) {
      var judged: [(pages: PageRange, account: PageAccount)] = []
      pages.forEachRun(in: range, judge.replay.image) { judged.append(($0.pages, $0.account)) }
      for run in judged { judge(run.pages, run.account, dirty.seq, entry, subject) }
    }
  }

  private mutating func judge(
    _ run: PageRange, _ account: PageAccount, _ phase: SequenceNumber, _ entry: Entry, _ subject: AuditedTransition?
  ) {
    summary.pages &+= run.count
    if account.isPartlyUnknown { summary.pagesUnknown &+= run.count }
    let now = account.broken
    // Most pages were whole and are whole.
    if now.isEmpty, run.count == 1, pages.broken.get(run.first) == 0 { return }
    var fresh: [(PageRange, InvariantSet)] = []
    pages.broken.set(run, UInt64(now.rawValue)) { old, piece in
      let new = now.subtracting(InvariantSet(rawValue: UInt16(truncatingIfNeeded: old)))
      if !new.isEmpty { fresh.append((piece, new)) }
    }
    for (piece, set) in fresh {
      for invariant in set.invariants { report(invariant, piece, account, phase, entry, subject) }
    }
  }

  private mutating func report(
    _ invariant: OwnershipInvariant, _ pages: PageRange, _ account: PageAccount, _ phase: SequenceNumber,
    _ entry: Entry, _ subject: AuditedTransition?
  ) {
    guard let rule = AuditRule.named(invariant.id), isJudged(rule) else { return }
    var finding = AuditFinding(rule, at: entry, expected: invariant.title, found: account.words)
    finding.phaseSeq = phase == entry.seq ? nil : phase
    finding.transition = subject?.id ?? entry.action
    finding.operation = subject?.operation
    finding.space = .host
    finding.pages = pages
    finding.earlier = self.pages.writers(of: pages.first, before: subject?.id)
    report(finding)
  }

  /// The parts of a range that are memory; all of it where no region is known.
  func memory(in range: PageRange) -> [PageRange] {
    if memory.isEmpty, conditions.regions.isEmpty { return [range] }
    if range.count == 1 { return memory.contains { $0.contains(range.first) } ? [range] : [] }
    return memory.map { $0.intersection(range) }.filter { $0.count > 0 }
  }

  // MARK: - everything at once

  /// A snapshot showed what was not known: all pages are judged anew.
  mutating func noteEverything(_ content: SnapshotImage, _ entry: Entry) {
    _ = pages.noteLives(judge.replay.image)
    for space in image.livingGuests { _ = pages.noteGuest(space, PageLedger.everything, judge.replay.image) }
    pages.noteUnlent(PageLedger.everything, judge.replay.image)
    if !hasStates { pages.notePrivates(judge.replay.image) }
    let isFirst = !hasStates
    hasStates = true
    for index in summary.stretches.indices where summary.stretches[index].last == nil {
      summary.stretches[index].last = SequenceNumber(entry.seq.rawValue - 1)
    }
    settle(DirtyPages(pages: PageLedger.everything, seq: entry.seq), entry)
    if isFirst { judgePrivateMappings(content.privateLeaves, entry) }
  }

  /// A snapshot before the anchor has shown everything: what is broken there was told then.
  mutating func noteEverythingShown() {
    hasStates = true
    pages.noteUnlent(PageLedger.everything, image)
    pages.notePrivates(image)
    for range in memory(in: PageLedger.everything) {
      var broken: [(pages: PageRange, set: InvariantSet)] = []
      pages.forEachRun(in: range, image) { broken.append(($0.pages, $0.account.broken)) }
      for run in broken { pages.broken.set(run.pages, UInt64(run.set.rawValue)) { _, _ in } }
    }
  }

  /// Lines are missing: nothing is certain of what was inside them.
  mutating func noteGap(_ entry: Entry) {
    for subject in open.all { subject.isBroken = true }
    calls.removeAll()
    pages.forget()
    balance.forget()
    summary.stretches.append(UnknownStretch(first: entry.seq, last: nil, why: UnknownStretch.gap))
  }

  /// Guests were born or died with an entry.
  mutating func noteLives(_ entry: Entry) {
    guard let next = moments.last, next <= entry.seq else { return }
    while let moment = moments.last, moment <= entry.seq { moments.removeLast() }
    let (dead, touched) = pages.noteLives(judge.replay.image)
    for (space, frames) in dead.sorted(by: { $0.key < $1.key }) { judgeDeath(of: space, frames, entry) }
    for range in touched { settle(DirtyPages(pages: range, seq: entry.seq), entry) }
  }
}

extension DirtyPages {
  fileprivate init(from first: PageFrame, to end: PageFrame, _ seq: SequenceNumber) {
    self.init(pages: PageRange(first: first, count: end.rawValue - first.rawValue), seq: seq)
  }
}
