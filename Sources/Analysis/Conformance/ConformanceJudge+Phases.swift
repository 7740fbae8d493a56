// Why: one entry of a transition against the phase that the rules have there: which step, in which order, with
// which outcome. Not here: what an apply leaves behind (ApplyJudge), how a transition ends (+End).

import PageOwnership
import PageTables
import TransitionRules

extension ConformanceJudge {
  /// Judges what is to be judged before the entry's changes; gives what an apply needs from that moment.
  mutating func prepare(
    _ entry: Entry, _ site: Site, _ changes: [Change], _ judged: JudgedTransition
  ) -> PreparedApply? {
    guard judged.plan != nil, !judged.isBroken else { return nil }
    switch site.kind {
    case .check:
      report.phases += 1
      takeCheck(entry, site, judged)
      return nil
    case .apply, .torn:
      report.phases += 1
      return prepareApply(entry, site, changes, judged)
    case .whole:
      takeWhole(entry, site, judged.expected, judged)
      return nil
    default: return nil
    }
  }

  // MARK: - checks

  private mutating func takeCheck(_ entry: Entry, _ site: Site, _ judged: JudgedTransition) {
    let step = site.kernelStep ?? ""
    guard let plan = judged.plan, judged.expected == nil, judged.nextApply == 0 else {
      let rules = judged.expected.map(Self.text) ?? "all checks are done"
      return judged.differ(.order, entry, step: step, recorded: "a check", rules: rules)
    }
    judged.subject.followGuestLeaf(in: replay.image)
    let candidates = plan.checks.indices.dropFirst(judged.nextCheck)
    guard
      let index = candidates.first(where: {
        plan.checks[$0].step == step && judged.isDue(plan.checks[$0], replay.image) != false
      })
    else {
      let isRepeated = plan.checks.prefix(judged.nextCheck).lastIndex { $0.step == step && $0.mayRepeat }
      if let isRepeated { return compare(isRepeated, entry, site, judged) }
      let next = candidates.first { !plan.checks[$0].isSilent }.map { plan.checks[$0].step } ?? "an apply"
      return judged.differ(.order, entry, step: step, recorded: "a check", rules: next)
    }
    settleChecks(before: index, entry, judged)
    judged.nextCheck = index + 1
    if judged.expected == nil { compare(index, entry, site, judged) }
  }

  /// Goes past phases without an entry: those that nobody sees are judged, others are missing.
  mutating func settleChecks(before end: Int, _ entry: Entry, _ judged: JudgedTransition) {
    guard let plan = judged.plan else { return }
    while judged.nextCheck < end, judged.expected == nil {
      let phase = plan.checks[judged.nextCheck]
      defer { judged.nextCheck += 1 }
      guard judged.isDue(phase, replay.image) == true else { continue }
      let verdict = conditions.judge(phase.rows, of: judged.subject, in: replay.image)
      if !phase.isSilent {
        let rules = verdict.outcomes.first?.text ?? "passes"
        judged.differ(.missing, entry, step: phase.step, recorded: "no check", rules: rules)
      } else if let outcome = verdict.certain, outcome != .passed {
        judged.expected = expectation(after: outcome, judged)
      } else if let blindness = verdict.blindness {
        judged.blindness.insert(blindness)
      }
    }
  }

  private mutating func compare(_ index: Int, _ entry: Entry, _ site: Site, _ judged: JudgedTransition) {
    guard let phase = judged.plan?.checks[index] else { return }
    let verdict = conditions.judge(phase.rows, of: judged.subject, in: replay.image)
    let recorded = Self.recordedResult(entry, phase)
    if Self.contradictsItself(entry, recorded) {
      let outcome = entry.outcome.flatMap { CheckOutcome(rawValue: $0) }?.name ?? "no outcome"
      judged.differ(
        .check, entry, step: phase.step, recorded: "\(outcome), returned \(Self.name(recorded))",
        rules: verdict.outcomes.first?.text ?? "passes")
    }
    let isQuiet = judged.transition.operation.hasNoResult
    guard let outcome = verdict.outcomes.first(where: { $0.matches(recorded, isQuiet: isQuiet) }) else {
      let finding = verdict.finding
      let objection = Objection(
        space: finding?.space, page: finding?.page, recorded: Self.text(recorded),
        rules: Self.text(verdict))
      miss(index, judged.disagreement(.check, entry, step: phase.step, at: objection), recorded, judged)
      // From here on the record is followed.
      if let recorded, recorded != 0 { judged.expected = .result(isQuiet ? nil : recorded) }
      if recorded == nil { judged.expected = .result(nil) }
      return
    }
    if let blindness = verdict.blindness, verdict.outcomes.count > 1 { judged.blindness.insert(blindness) }
    judged.expected = expectation(after: outcome, judged)
  }

  // It may be a race, if another CPU was in between.
  private func miss(
    _ index: Int, _ disagreement: Disagreement, _ recorded: Int64?, _ judged: JudgedTransition
  ) {
    guard judged.isOverlapped else { return judged.disagreements.append(disagreement) }
    if judged.past[index]?.contains(where: { $0.recorded == recorded }) == true {
      judged.racy.append(disagreement)
    } else {
      judged.pending.append(PendingCheck(phase: index, recorded: recorded, disagreement: disagreement))
    }
  }

  // What a check shows that verifies nothing in this build is no result.
  private static func recordedResult(_ entry: Entry, _ phase: PlannedCheck) -> Int64? {
    let isLeftOut = entry.outcome == CheckOutcome.skipped.rawValue || entry.outcome == CheckOutcome.unknown.rawValue
    return isLeftOut && phase.rows.isEmpty ? entry.result ?? 0 : entry.result
  }

  private static func contradictsItself(_ entry: Entry, _ result: Int64?) -> Bool {
    guard let result else { return entry.outcome == CheckOutcome.passed.rawValue }
    return entry.outcome == (result == 0 ? CheckOutcome.failed : .passed).rawValue
  }

  private func expectation(after outcome: PhaseOutcome, _ judged: JudgedTransition) -> ExpectedEnd? {
    switch outcome {
    case .passed: nil
    // Up to 7.0 a fault on somebody else's page is a bug of the hypervisor's.
    case .refused(Errno.notPermitted)
    where judged.transition.operation == .hostFault && book.traits.foreignFaultIsFatal:
      .fatal
    case .refused(let errno): .result(judged.transition.operation.hasNoResult ? nil : errno)
    case .finished: .result(0)
    case .fatal: .fatal
    }
  }

  // The group of checks, or of applies, returned what its phases give.
  private mutating func takeWhole(
    _ entry: Entry, _ site: Site, _ expected: ExpectedEnd?, _ judged: JudgedTransition
  ) {
    guard let result = entry.result else { return }
    let wanted: Int64
    if case .result(let errno)? = expected { wanted = errno ?? 0 } else { wanted = 0 }
    guard result != wanted else { return }
    judged.differ(
      .result, entry, step: site.kernelStep, recorded: Self.text(result), rules: Self.text(.result(wanted)))
  }

  // MARK: - words

  static func text(_ result: Int64?) -> String {
    guard let result else { return "no result" }
    return result == 0 ? "passed" : "failed \(name(result))"
  }

  static func name(_ result: Int64?) -> String {
    guard let result else { return "nothing" }
    return Errno.name(result) ?? "\(result)"
  }

  static func text(_ end: ExpectedEnd) -> String {
    switch end {
    case .result(let result): "returns \(name(result))"
    case .fatal: "panics"
    }
  }

  private static func text(_ verdict: PhaseVerdict) -> String {
    var text = verdict.outcomes.map(\.text).joined(separator: " or ")
    if let condition = verdict.condition { text += " (\"\(condition.rawValue)\")" }
    return text + (verdict.finding.map { ": \($0.text)" } ?? "")
  }
}

extension PhaseOutcome {
  /// Whether a record shows this outcome; `isQuiet`: the transition gives nothing back, so a failure has no errno.
  func matches(_ result: Int64?, isQuiet: Bool) -> Bool {
    if self == .fatal { return false }
    if let result { return result == recorded }
    return isQuiet && self != .passed
  }
}
