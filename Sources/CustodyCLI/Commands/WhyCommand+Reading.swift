// Why: everything that `why` tells, found once for all formats: a replay that an inquiry follows, and the causes
// that it names. Not here: words.

import Analysis
import Journal
import PageOwnership

/// An explained transition.
struct WhyStory {
  /// The transition as `show` tells it.
  let story: TransitionStory
  /// What was found out.
  let inquiry: WhyInquiry
  /// Finds what happened at an entry.
  let causes: CauseFinder
  /// What the rules say where no phase is recorded that decided.
  let unrecorded: UnrecordedCause?

  /// Replays the journal as far as the transition goes.
  init(_ story: TransitionStory) throws {
    self.story = story
    let reader = story.context.reader
    let lives = try reader.spaces()
    var facts = story.context.facts
    facts.inferAddressBits(from: try reader.snapshots())
    var replay = try JournalReplay(reader)
    guard let generation = facts.generation.value else { throw CommandFailure.silent(ExitStatus.corrupt) }
    let judge = ConditionJudge(generation, facts, spaces: lives.map(\.space))
    let last = try story.end?.lastSeq ?? reader.headSeq()
    var inquiry = WhyInquiry(
      story.transition, through: last,
      entries: story.entries.map { ($0.entry, $0.site, $0.phase) }, judge: judge, spaces: lives.map(\.space))
    let causes = CauseFinder(story.context)
    if let anchor = story.context.anchor {
      let entry = Entry(seq: anchor.seq, site: SiteID(rawValue: 0))
      inquiry.note(entry, .snapshot, changes: [], observations: [], replay.replay.image)
    }
    try replay.follow(through: last) { frame, site, replay in
      inquiry.note(
        frame.entry, site.kind, changes: frame.changes, observations: frame.observations, replay.image)
      return true
    }
    self.inquiry = inquiry
    self.causes = causes
    let guest = story.transition.guestEnd?.space
    let isProtected = lives.first { $0.space.id == guest }?.space.isProtected
    let isUnexplained = story.outcome == .refused && story.end?.failedSeq == nil
    unrecorded = isUnexplained ? inquiry.unrecordedCause(isProtected: isProtected) : nil
  }

  /// The check that decided, or that failed though the transition completed; nil if none did.
  var decided: CheckReview? {
    guard let seq = story.end?.failedSeq else { return inquiry.failedCheck }
    return inquiry.checks.first { $0.entry.seq == seq }
  }

  /// The apply that decided; nil if none did.
  var failedApply: ToldEntry? {
    let failed = story.entries.filter { $0.site.kind == .apply && ($0.entry.result ?? 0) < 0 }
    guard let seq = story.end?.failedSeq else { return failed.last }
    return failed.last { $0.entry.seq == seq }
  }

  /// What was found where it was decided.
  var finding: Finding? {
    guard let decided, decided.judgement?.verdict == .fails else { return nil }
    return decided.judgement?.finding
  }

  /// What made the page so, then what was before it: one step an entry or transition, newest first.
  func past(limit: Int) throws -> (steps: [PastStep], isMore: Bool) {
    guard let decided, let finding else { return ([], false) }
    let (found, events) = inquiry.past(of: finding, before: decided.entry.seq)
    guard let seq = found ?? story.context.anchor?.seq, let cause = try causes.cause(at: seq) else {
      return ([], false)
    }
    var steps = [PastStep(cause: cause, events: [])]
    for event in events where event.tells {
      guard let next = try causes.cause(at: event.seq) else { continue }
      let current = steps[steps.count - 1].cause
      let isSame = next.transition.map { $0.id == current.transition?.id } ?? (next.seq == current.seq)
      if isSame {
        steps[steps.count - 1].events.insert(event, at: 0)
      } else if steps.count < limit {
        steps.append(PastStep(cause: next, events: [event]))
      } else {
        return (steps, true)
      }
    }
    return (steps, false)
  }

  /// What the transition's own entries changed.
  var ownEvents: [PageEvent] {
    let own = Set(story.entries.map(\.entry.seq))
    return inquiry.events.filter { own.contains($0.seq) }
  }
}

/// One step back in a page's life.
struct PastStep {
  /// What happened.
  var cause: Cause
  /// What it changed of the page, in order.
  var events: [PageEvent]
}
