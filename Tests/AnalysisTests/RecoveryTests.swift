// Why: recovery in every generation, from every cut, both ways, interrupted anywhere, with several CPUs inside a
// transition at once: it ends where it must, with nothing broken, and a second time it has nothing to do.

import PageOwnership
import PageTables
import TestSupport
import Testing
import TransitionRules

@testable import Analysis

@Suite struct RecoveryTests {
  typealias Open = [(progress: TransitionProgress, phases: [RecordedPhase])]

  private func judged(_ begun: [(Transition, [RecordedPhase])], _ evidence: ProgressEvidence) -> Open {
    begun.map { (TransitionProgress($0.0, outcome: .open, phases: $0.1, by: evidence), $0.1) }
  }

  /// Plans on a machine, stops after `limit` entries, and plans again; gives the machine after that.
  private func recover(
    _ direction: RecoveryDirection, _ begun: [(Transition, [RecordedPhase])], _ driver: RecoveryDriver,
    stopAfter limit: Int
  ) -> (image: MachineImage, entries: Int) {
    let plan = RecoveryPlan(direction, judged(begun, driver.evidence), by: driver.evidence)
    #expect(plan.refusals.isEmpty && plan.violations.isEmpty, "\(plan.refusals) \(plan.violations.prefix(3))")
    var image = driver.image
    var left = begun
    for (index, step) in plan.steps.prefix(limit).enumerated() {
      for change in step.changes { image.apply(change) }
      let place = left.firstIndex { $0.0.id == step.transition } ?? 0
      if step.end != nil {
        left.remove(at: place)
      } else {
        let entry = Entry(seq: SequenceNumber(10_000 + Int64(index)), site: SiteID(rawValue: 2))
        left[place].1.append(RecordedPhase(entry: entry, site: step.site, changes: step.changes))
      }
    }
    guard limit < plan.steps.count else { return (image, plan.steps.count) }
    let evidence = driver.evidence(image)
    let again = RecoveryPlan(direction, judged(left, evidence), by: evidence)
    #expect(again.refusals.isEmpty && again.violations.isEmpty, "\(again.refusals) \(again.violations.prefix(3))")
    return (again.image, plan.steps.count)
  }

  @Test(arguments: Generation.allCases)
  func everyCutOfEveryOperationRecovers(_ generation: Generation) throws {
    for (operation, needed) in RecoveryDriver.operations(generation) {
      for count: UInt64 in [1, 3] {
        var driver = RecoveryDriver(generation)
        try driver.perform(needed, at: 0x40010, count: count)
        let before = driver.image.ownership.hash
        let (transition, phases) = try driver.begin(operation, at: 0x40010, count: count)
        var whole = driver
        whole.perform(phases)
        #expect(whole.image.ownership.hash != before, "\(operation)")
        for cut in RecoveryDriver.cuts(phases) {
          var stopped = driver
          stopped.perform(cut)
          let begun = [(transition, cut)]
          let name = "\(operation.rawValue) ×\(count) cut after \(cut.map(\.changes.count))"
          // Nothing was changed, or nothing that counts: then there is nothing to finish.
          let isUntouched = stopped.image.ownership.hash == before && judged(begun, stopped.evidence)[0].0.isUntouched
          for (direction, goal) in [(RecoveryDirection.back, before), (.forward, whole.image.ownership.hash)] {
            let goal = isUntouched ? before : goal
            let full = recover(direction, begun, stopped, stopAfter: .max)
            #expect(full.image.ownership.hash == goal, "\(name) \(direction)")
            for limit in 0..<full.entries {
              let resumed = recover(direction, begun, stopped, stopAfter: limit)
              #expect(resumed.image.ownership.hash == goal, "\(name) \(direction), stopped after \(limit)")
            }
          }
        }
      }
    }
  }

  @Test(arguments: Generation.allCases)
  func fourCPUsInsideATransitionEach(_ generation: Generation) throws {
    var random = SeededRandom(seed: SeededRandom.seed(4))
    let operations = RecoveryDriver.operations(generation)
    for _ in 0..<20 {
      var driver = RecoveryDriver(generation)
      let chosen = (0..<4).map { _ in random.pick(operations) }
      for (cpu, (_, needed)) in chosen.enumerated() { try driver.perform(needed, at: 0x40010 + UInt64(cpu) * 16) }
      let before = driver.image.ownership.hash
      var begun: [(Transition, [RecordedPhase])] = []
      for (cpu, (operation, _)) in chosen.enumerated() {
        let (transition, phases) = try driver.begin(operation, at: 0x40010 + UInt64(cpu) * 16, cpu: Int32(cpu))
        begun.append((transition, random.pick(RecoveryDriver.cuts(phases))))
      }
      for (_, phases) in begun { driver.perform(phases) }
      let back = recover(.back, begun, driver, stopAfter: .max)
      #expect(back.image.ownership.hash == before, "seed \(random.seed): \(chosen.map(\.0))")
      let forward = recover(.forward, begun, driver, stopAfter: .max)
      let limit = random.below(back.entries)
      #expect(recover(.back, begun, driver, stopAfter: limit).image.ownership.hash == before)
      let stopped = recover(.forward, begun, driver, stopAfter: random.below(forward.entries))
      #expect(stopped.image.ownership.hash == forward.image.ownership.hash, "seed \(random.seed)")
    }
  }

  @Test func conditionsFollowTheOrderOfTheGeneration() throws {
    func conditions(_ generation: Generation, _ operation: Operation) throws -> [PageCondition] {
      let needed = RecoveryDriver.operations(generation).first { $0.0 == operation }?.1 ?? []
      var driver = RecoveryDriver(generation)
      try driver.perform(needed, at: 0x40010)
      let (transition, phases) = try driver.begin(operation, at: 0x40010)
      return (0...phases.count).map { count in
        var stopped = driver
        stopped.perform(Array(phases[..<count]))
        return judged([(transition, Array(phases[..<count]))], stopped.evidence)[0].progress.pages[0].condition
      }
    }
    for generation in [Generation.linux6_2, .linux6_4] {
      #expect(try conditions(generation, .hostDonateHyp) == [.untouched, .disowned, .complete])
      #expect(try conditions(generation, .hypDonateHost) == [.untouched, .disowned, .complete])
    }
    for generation in [Generation.linux6_1, .linux6_2, .linux6_4] {
      #expect(try conditions(generation, .hostShareHyp) == [.untouched, .lent, .complete])
      #expect(try conditions(generation, .hostUnshareHyp) == [.untouched, .unlent, .complete])
    }
    #expect(try conditions(.linux6_14, .hostDonateHyp) == [.untouched, .atBoth, .complete])
    for generation in [Generation.linux6_16, .linux6_18, .linux7_1] {
      #expect(try conditions(generation, .hostDonateHyp) == [.untouched, .atBoth, .atBoth, .complete])
      #expect(try conditions(generation, .hypDonateHost) == [.untouched, .disowned, .disowned, .complete])
      #expect(try conditions(generation, .hostShareHyp) == [.untouched, .borrowed, .complete])
      #expect(try conditions(generation, .hostUnshareHyp) == [.untouched, .unborrowed, .complete])
    }
    #expect(try conditions(.linux7_1, .hostDonateGuest) == [.untouched, .disowned, .complete])
    #expect(try conditions(.linux7_1, .hostForceReclaim) == [.untouched, .disowned, .complete])
    #expect(try conditions(.linux7_1, .guestShareHost) == [.untouched, .lent, .complete])
  }

  @Test func whatAnotherTransitionChangedSinceIsNotTakenBack() throws {
    var driver = RecoveryDriver(.linux7_1)
    let (transition, phases) = try driver.begin(.hostDonateHyp, at: 0x40010)
    driver.perform(Array(phases[..<1]))
    // Nobody may, but a journal can say so: the page is lent by another call meanwhile.
    let other = try driver.begin(.hostShareHyp, at: 0x40010).1
    driver.perform([try #require(other.first)])
    let open = judged([(transition, Array(phases[..<1]))], driver.evidence)
    let plan = RecoveryPlan(.back, open, by: driver.evidence)
    #expect(plan.steps.isEmpty && plan.refusals.first?.reason.contains("changed since") == true)
  }

  @Test func whatMayHaveEndedIsLeftAlone() throws {
    var driver = RecoveryDriver(.linux6_4)
    let (transition, phases) = try driver.begin(.hostDonateHyp, at: 0x40010)
    driver.perform(Array(phases[..<1]))
    var evidence = driver.evidence
    evidence.lastGap = SequenceNumber(transition.firstSeq.rawValue + 50)
    let open = judged([(transition, Array(phases[..<1]))], evidence)
    #expect(open[0].progress.mayHaveEnded)
    for direction in [RecoveryDirection.back, .forward] {
      #expect(RecoveryPlan(direction, open, by: evidence).refusals.count == 1)
    }
  }

  @Test func failedCheckIsARefusalAndPanicsAreLeftAlone() throws {
    var driver = RecoveryDriver(.linux7_1)
    let (transition, _) = try driver.begin(.hostDonateHyp, at: 0x40010)
    var entry = Entry(seq: SequenceNumber(150), site: SiteID(rawValue: 1))
    entry.outcome = CheckOutcome.failed.rawValue
    entry.result = -1
    let phases = [RecordedPhase(entry: entry, site: Site(.check), changes: [])]
    let plan = RecoveryPlan(.forward, judged([(transition, phases)], driver.evidence), by: driver.evidence)
    #expect(plan.steps.map(\.end?.outcome) == [.refused])
    #expect(plan.steps.first?.end?.result == -1 && plan.steps.first?.end?.failedSeq == SequenceNumber(150))
    let fatal = TransitionProgress(transition, outcome: .fatal, phases: phases, by: driver.evidence)
    #expect(RecoveryPlan(.back, [(fatal, phases)], by: driver.evidence).steps.isEmpty)
  }

  @Test(arguments: Generation.allCases)
  func pagesThatAPanicLeftHalfDoneAreNamed(_ generation: Generation) throws {
    for (operation, needed) in RecoveryDriver.operations(generation) {
      var driver = RecoveryDriver(generation)
      try driver.perform(needed, at: 0x40010)
      let (transition, phases) = try driver.begin(operation, at: 0x40010)
      guard phases.count > 1, operation != .pin, operation != .unpin else { continue }
      driver.perform(Array(phases[..<1]))
      let cut = Array(phases[..<1])
      let fatal = TransitionProgress(transition, outcome: .fatal, phases: cut, by: driver.evidence)
      let plan = RecoveryPlan(.back, [(fatal, cut)], by: driver.evidence)
      #expect(plan.steps.isEmpty && plan.violations.first?.page == PageFrame(0x40010), "\(operation)")
    }
  }

  @Test func snapshotShowsWhatNoEntrySays() throws {
    var driver = RecoveryDriver(.linux6_4)
    let (transition, phases) = try driver.begin(.hostDonateHyp, at: 0x40010, count: 2)
    var shown = driver
    shown.perform(Array(phases[..<1]))
    var evidence = driver.evidence
    evidence.shown = shown.image
    evidence.shownSeq = SequenceNumber(9_000)
    let begin = RecordedPhase(
      entry: Entry(seq: transition.firstSeq, site: SiteID(rawValue: 1)), site: Site(.begin), changes: [])
    let progress = TransitionProgress(transition, outcome: .open, phases: [begin], by: evidence)
    #expect(progress.pages.map(\.condition) == [.disowned] && progress.pages[0].pageCount == 2)
    #expect(progress.pages[0].isShownBySnapshotOnly)
    let plan = RecoveryPlan(.back, [(progress, [begin])], by: evidence)
    #expect(plan.steps.isEmpty && plan.refusals.count == 1)
  }
}
