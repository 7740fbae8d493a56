// Why: a recording tells how each transition went on, so it can be cut after any apply, and after any word of
// an apply: going forward must lead to what the kernel's own code did, going back to what was before. The oracle
// is the recording; nothing here knows what an operation does.

import Analysis
import Capture
import PageOwnership
import PageTables
import TestSupport
import Testing

@Suite struct RecoveryOfRecordingsTests {
  @Test(arguments: Recordings.all.map(\.name))
  func cutAnywhereItRecovers(_ name: String) throws {
    let files = try #require(Recordings.all.first { $0.name == name })
    var run = try CutRun(Pipeline.importing(RecordingText(files)), seed: 1)
    try run.perform()
    #expect(run.problems.isEmpty, "seed \(run.seed): \(run.problems.prefix(5))")
    // A recording that is there to exercise transitions must have exercised this.
    if name.contains("nvhe") || name.contains("scenarios") { #expect(run.cuts > 100, "\(run.cuts)") }
  }
}

/// Goes through a recording and recovers at random cuts.
struct CutRun {
  /// What a cut promised for the end of its transition.
  private struct Promise {
    var cut: String
    var pages: [PageProgress]
    var standings: [PageStanding]
  }

  private let imported: Imported
  private let sites: [SiteID: Site]
  private let spaces: [Space]
  private let ends: [ActionID: ActionEnd]
  private let transitions: [ActionID: Transition]
  private let touched: [ActionID: Int]
  private var random: SeededRandom
  private var replay: Replay
  private var phases: [ActionID: [RecordedPhase]] = [:]
  private var before: [ActionID: MachineImage] = [:]
  private var promises: [ActionID: [Promise]] = [:]
  let seed: UInt64
  private(set) var cuts = 0
  private(set) var problems: [String] = []

  /// How many cuts of each operation are tried.
  private static let limit = 60

  init(_ imported: Imported, seed: UInt64) throws {
    self.imported = imported
    self.seed = seed
    sites = imported.sites
    spaces = imported.rows.spaces.map(\.0) + Space.fixed
    ends = Dictionary(imported.rows.transitionEnds.map { ($0.id, $0) }) { $1 }
    transitions = Dictionary(imported.rows.transitions.map { ($0.id, $0) }) { $1 }
    random = SeededRandom(seed: seed)
    replay = try Pipeline.emptyReplay(imported)
    var counts: [Operation: Int] = [:]
    for transition in imported.rows.transitions { counts[transition.operation, default: 0] += 1 }
    touched = transitions.mapValues { max(1, (counts[$0.operation] ?? 1) / Self.limit) }
  }

  mutating func perform() throws {
    var changes = imported.rows.changes[...]
    var observations = imported.rows.observations[...]
    var snapshots = imported.rows.snapshots[...]
    var ranges = imported.rows.snapshotRanges[...]
    for entry in imported.rows.entries {
      let mine = Array(changes.prefix { $0.seq == entry.seq })
      let seen = Array(observations.prefix { $0.seq == entry.seq })
      changes = changes.dropFirst(mine.count)
      observations = observations.dropFirst(seen.count)
      guard let site = sites[entry.site] else { continue }
      let phase = RecordedPhase(entry: entry, site: site, changes: mine)
      try cutInside(phase)
      replay.take(entry, site, changes: mine, observations: seen)
      if let snapshot = snapshots.first, snapshot.seq == entry.seq {
        snapshots = snapshots.dropFirst()
        let own = ranges.prefix { $0.snapshot == snapshot.id }
        ranges = ranges.dropFirst(own.count)
        var content = SnapshotImage(guests: snapshot.guests)
        for range in own { content.add(range) }
        replay.take(snapshot, content)
      }
      note(phase)
    }
  }

  // Only what the kernel finished tells how it goes on.
  private func isChosen(_ id: ActionID) -> Bool {
    guard let end = ends[id], end.outcome == .completed, end.result == 0, let step = touched[id] else { return false }
    return Int(id.rawValue) % step == 0
  }

  private mutating func cutInside(_ phase: RecordedPhase) throws {
    guard let id = phase.entry.action, phase.site.kind == .apply, isChosen(id) else { return }
    if before[id] == nil { before[id] = replay.image }
    for count in 1..<max(phase.changes.count, 1) {
      var torn = phase
      torn.site = Site(.torn)
      torn.changes = Array(phase.changes.prefix(count))
      try recover(id, torn, "torn after \(count) changes")
      try recover(id, locked(torn), "locked after \(count) changes")
    }
  }

  // The last leaf that was written is still on its way: break before make. Of a block only the first store locks.
  private func locked(_ phase: RecordedPhase) -> RecordedPhase {
    var phase = phase
    guard
      let index = phase.changes.lastIndex(where: { $0.table == .hostStage2 && $0.old ?? 0 != 0 }),
      phase.changes[index].oldLevel == 3 || phase.changes.firstIndex(where: { $0.table == .hostStage2 }) == index
    else { return phase }
    let generation = imported.facts.generation.value ?? .linux7_1
    let word: UInt64 = generation == .linux7_1 ? 1 << 60 : 1 << 10
    guard TableEncoding(generation).annotation(word) == .locked else { return phase }
    phase.changes[index].new = word
    phase.changes[index].newLevel = phase.changes[index].oldLevel
    return phase
  }

  private mutating func note(_ phase: RecordedPhase) {
    guard let id = phase.entry.action, transitions[id] != nil else { return }
    phases[id, default: []].append(phase)
    if phase.site.kind == .apply, isChosen(id) { try? recover(id, nil, "after entry \(phase.entry.seq.rawValue)") }
    if ends[id]?.lastSeq == phase.entry.seq { settle(id) }
  }

  /// Recovers both ways with the machine as it stands, `torn` on top.
  private mutating func recover(_ id: ActionID, _ torn: RecordedPhase?, _ cut: String) throws {
    guard let transition = transitions[id], let generation = imported.facts.generation.value else { return }
    var image = replay.image
    for change in torn?.changes ?? [] { image.apply(change) }
    let evidence = ProgressEvidence(
      facts: imported.facts, generation: generation, spaces: spaces, replayed: image, shown: nil,
      shownSeq: SequenceNumber(0), lastGap: SequenceNumber(0))
    let own = (phases[id] ?? []) + (torn.map { [$0] } ?? [])
    let progress = TransitionProgress(transition, outcome: .open, phases: own, by: evidence)
    let name = "T\(id.rawValue) \(transition.operation.rawValue) \(cut)"
    cuts += 1
    for direction in [RecoveryDirection.forward, .back] {
      let plan = RecoveryPlan(direction, [(progress, own)], by: evidence)
      for refusal in plan.refusals { problems.append("\(name) \(direction): \(refusal.reason)") }
      for violation in plan.violations { problems.append("\(name) \(direction): \(violation.message)") }
      checkOldWords(plan, image, name)
      guard plan.refusals.isEmpty else { continue }
      let standings = progress.pages.map { PageStanding(plan.image, $0.page, guest: $0.guestPage) }
      // What changed nothing ends without effect, though the kernel went on.
      if direction == .forward, progress.isUntouched { continue }
      if direction == .forward {
        promises[id, default: []].append(Promise(cut: name, pages: progress.pages, standings: standings))
      } else if let before = before[id] {
        compare(name + " back", progress.pages, standings, before)
      }
    }
  }

  /// A replay compares old words with the machine before the whole entry.
  private mutating func checkOldWords(_ plan: RecoveryPlan, _ start: MachineImage, _ name: String) {
    var image = start
    for step in plan.steps {
      for change in step.changes {
        let seen = LeafWord(level: change.oldLevel, raw: change.old ?? 0)
        let verdict = image.compare(change.table, change.space, at: change.pages.first, seen: seen)
        if case .different(let replayed, let found) = verdict {
          problems.append("\(name): \(step.note): found \(found), there is \(replayed)")
        }
      }
      for change in step.changes { image.apply(change) }
    }
  }

  private mutating func settle(_ id: ActionID) {
    for promise in promises[id] ?? [] {
      compare(promise.cut + " forward", promise.pages, promise.standings, replay.image)
    }
    promises[id] = nil
    before[id] = nil
    phases[id] = nil
  }

  private mutating func compare(
    _ name: String, _ pages: [PageProgress], _ standings: [PageStanding], _ image: MachineImage
  ) {
    for (page, standing) in zip(pages, standings) {
      let expected = PageStanding(image, page.page, guest: page.guestPage)
      guard standing != expected else { continue }
      problems.append("\(name): \(standing) instead of \(expected)")
    }
  }
}
