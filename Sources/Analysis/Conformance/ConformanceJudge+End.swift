// Why: how a transition ends: what is missing, what it must return, and what it must have become; the boot walk,
// which has no phases, as a whole.

import PageOwnership
import PageTables
import TransitionRules

extension ConformanceJudge {
  /// Judges an entry of a transition after the machine took its changes.
  mutating func conclude(
    _ entry: Entry, _ site: Site, _ changes: [Change], _ apply: PreparedApply?, _ judged: JudgedTransition
  ) {
    if site.kind == .end { judged.endResult = .some(entry.result) }
    switch site.kind {
    case .apply where judged.isJudgeable, .torn where judged.isJudgeable:
      concludeApply(entry, site, changes, apply, judged)
    case .whole where !changes.isEmpty: judged.hasChanges = true
    case .end where judged.transition.operation == .bootFixup: concludeBoot(entry, changes, judged)
    case .end where judged.plan == nil:
      let rules = "\(book.generation.rawValue) has no such operation"
      judged.differ(.order, entry, recorded: judged.transition.operation.rawValue, rules: rules)
    case .end where !judged.isBroken:
      concludeLoop(entry, site, judged)
      concludeEnd(entry, judged)
    default: return
    }
  }

  private mutating func concludeEnd(_ entry: Entry, _ judged: JudgedTransition) {
    let outcome = entry.outcome.flatMap { TransitionOutcome(rawValue: $0) }
    if judged.expected == nil { settle(entry, isFatal: outcome == .fatal, judged) }
    let expected = judged.expected ?? .result(usualResult(judged))
    // Its end was lost: what it returned, nobody knows.
    if outcome == .open {
      judged.blindness.insert(.unseen)
      return
    }
    guard case .result(let wanted) = expected, outcome != .fatal else {
      if (outcome == .fatal) != (expected == .fatal) {
        let recorded = outcome == .fatal ? "the hypervisor panicked" : "returned \(Self.name(entry.result))"
        judged.differ(.outcome, entry, recorded: recorded, rules: Self.text(expected))
      }
      return
    }
    if entry.result != wanted {
      judged.differ(
        .result, entry, recorded: "returned \(Self.name(entry.result))", rules: "returns \(Self.name(wanted))")
    }
    let became = Self.outcome(wanted, hasChanges: judged.hasChanges)
    if outcome != became {
      judged.differ(.outcome, entry, recorded: outcome?.name ?? "no outcome", rules: became.name)
    }
  }

  private static func outcome(_ result: Int64?, hasChanges: Bool) -> TransitionOutcome {
    guard let result else { return hasChanges ? .completed : .noEffect }
    return result < 0 && !hasChanges ? .refused : .completed
  }

  private func usualResult(_ judged: JudgedTransition) -> Int64? {
    if judged.transition.operation.hasNoResult { return nil }
    return judged.transition.operation == .guestTestClearYoung ? judged.lastApplyResult ?? 0 : 0
  }

  // What was to come when the transition ended.
  private mutating func settle(_ entry: Entry, isFatal: Bool, _ judged: JudgedTransition) {
    guard let plan = judged.plan else { return }
    if isFatal, panicsInCheck(plan, judged) { return judged.expected = .fatal }
    settleChecks(before: plan.checks.count, entry, judged)
    guard judged.expected == nil else { return }
    if judged.foundGuest == nil { judged.foundGuest = judged.guestState(replay.image) }
    while let place = dueApply(plan, judged) {
      if isFatal, panics(plan.applies[place.apply], place, judged) { return judged.expected = .fatal }
      judged.differ(
        .missing, entry, step: plan.applies[place.apply].step, recorded: "no apply", rules: "an apply")
      judged.pageIndex = place.page
      judged.nextApply = place.apply + 1
    }
  }

  // Whether the next check of those that are recorded ends in a warning.
  private func panicsInCheck(_ plan: OperationPlan, _ judged: JudgedTransition) -> Bool {
    for phase in plan.checks.dropFirst(judged.nextCheck) where judged.isDue(phase, replay.image) != false {
      let verdict = conditions.judge(phase.rows, of: judged.subject, in: replay.image)
      if verdict.outcomes.contains(.fatal) { return true }
      if !phase.isSilent { return false }
    }
    return false
  }

  // Whether performing an apply is more than the hypervisor can bear.
  private func panics(_ phase: PlannedApply, _ place: ApplyPlace, _ judged: JudgedTransition) -> Bool {
    let apply = PreparedApply(phase.rules, judged.subject, pages: judged.subject.frames, handle: nil, replay.image)
    return phase.rules.contains { rule in
      switch rule.store {
      case .guestAge: return attributeResults(rule, apply, judged).results.contains(nil)
      case .references(let step):
        guard Int(place.page) < apply.pins.count, let pins = apply.pins[Int(place.page)] else { return false }
        return step < 0 ? pins == 0 : pins == UInt32(UInt16.max)
      case .hypUnmapping: return missesHypMapping(apply)
      default: return false
      }
    }
  }

  // MARK: - the boot walk

  private mutating func concludeBoot(_ entry: Entry, _ changes: [Change], _ judged: JudgedTransition) {
    guard let raw = judged.transition.argument("old") else {
      judged.blindness.insert(.noPage)
      return
    }
    let level = judged.transition.argument("level").map { Int8(clamping: $0) } ?? 3
    let leaf = LeafWord(level: level, raw: raw)
    let page = PageFrame(Descriptor(raw).outputAddress(level: 3) >> 12)
    let isMemory = conditions.regions.isEmpty ? nil : conditions.kind(at: page) != nil
    guard let wanted = applies.bootResult(leaf, isMemory: isMemory) else {
      judged.blindness.insert(.regions)
      return
    }
    if entry.result != wanted {
      judged.differ(
        .result, entry, recorded: "returned \(Self.name(entry.result))", rules: "returns \(Self.name(wanted))")
    }
    let verdict = wanted == 0 ? applies.judgeBoot(leaf, changes, replay.image) : ApplyVerdict()
    report.words += verdict.words
    if let blindness = verdict.blindness { judged.blindness.insert(blindness) }
    if let objection = verdict.objection {
      judged.disagreements.append(judged.disagreement(.apply, entry, step: nil, at: objection))
    }
  }
}
