// Why: a recorded check beside what the journal's own replay says of its condition, right before the check and
// before the whole attempt: what it found, whether both agree, and whether another CPU came in between.

package import PageOwnership

/// A condition that a step leaves out, and what it would have found.
package struct SkippedCondition: Hashable, Sendable {
  /// The condition.
  package var condition: Condition
  /// Why it is left out, as the journal says.
  package var reason: String
  /// What it would have found.
  package var judgement: Judgement
}

/// A check of a transition, judged.
package struct CheckReview: Hashable, Sendable {
  /// How the record and the judgement relate.
  package enum Agreement: Hashable, Sendable {
    /// Both say the same.
    case agrees
    /// Nothing was performed, so there is nothing to agree with.
    case notPerformed
    /// The journal does not hold what decides.
    case cannotTell(Blindness)
    /// They disagree; but the record agrees with another moment of the transition: another CPU came in between.
    case racy
    /// They disagree.
    case differs
  }

  /// The entry of the check.
  package var entry: Entry
  /// Its words.
  package var site: Site
  /// Which phase of the transition it is, from 1.
  package var phase: Int
  /// What holds right before the entry; nil for a step without a condition.
  package var judgement: Judgement?
  /// What held right before the transition began, then after each change that others made inside it.
  package var elsewhere: [Judgement] = []
  /// The conditions that the step leaves out.
  package var skipped: [SkippedCondition]

  /// What the record says became of it.
  package var outcome: CheckOutcome { entry.outcome.flatMap { CheckOutcome(rawValue: $0) } ?? .unknown }

  /// How the record and the judgement relate.
  package var agreement: Agreement {
    guard outcome == .passed || outcome == .failed else { return .notPerformed }
    guard let judgement else { return .cannotTell(.unrecognised) }
    if case .unknown(let why) = judgement.verdict { return .cannotTell(why) }
    if matches(judgement) { return .agrees }
    return elsewhere.contains(where: matches) ? .racy : .differs
  }

  /// Whether the kernel gave another errno than this generation's rules have for what was found.
  package var hasOtherErrno: Bool {
    guard outcome == .failed, let judgement, judgement.verdict == .fails, let expected = judgement.result,
      let result = entry.result
    else { return false }
    return expected != result
  }

  private func matches(_ judgement: Judgement) -> Bool {
    judgement.verdict == (outcome == .passed ? .holds : .fails)
  }
}

extension CheckReview {
  /// A check with what `judge` says of its conditions; ``elsewhere`` stays empty.
  package init(
    _ entry: Entry, _ site: Site, phase: Int, of transition: Transition, judge: (ConditionQuestion) -> Judgement
  ) {
    self.entry = entry
    self.site = site
    self.phase = phase
    skipped = Self.skippedConditions(site).map { condition, reason in
      SkippedCondition(
        condition: condition, reason: reason, judgement: judge(ConditionQuestion(condition, of: transition)))
    }
    guard let condition = site.condition else { return }
    var judged = judge(ConditionQuestion(condition, expected: site.expected, of: transition))
    // No journal says how wide a guest's addresses are; the errno does.
    if outcome == .failed, entry.result == Refusal.range, condition.readsGuest(transition.operation),
      let place = transition.guestPage
    {
      judged = Judgement(verdict: .fails, finding: .beyondGuest(place), result: Refusal.range)
    }
    judgement = judged
  }

  // `target is unmapped: only checked with EL2 debugging`
  private static func skippedConditions(_ site: Site) -> [(Condition, String)] {
    site.skipped.split(separator: ";").compactMap { part in
      let halves = part.split(separator: ":", maxSplits: 1).map { String($0.drop { $0 == " " }) }
      guard halves.count == 2, let condition = Condition(rawValue: halves[0]) else { return nil }
      return (condition, halves[1])
    }
  }
}
