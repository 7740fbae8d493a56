// Why: holds every recorded transition against the rules of a generation, phase by phase: what each check must
// have found right before its own entry, what each apply must have left behind to the bit, and what must be
// returned. Sans-I/O: the caller feeds entries in order, with the transition or activation that begins there.
// Not here: what a generation's rules are (TransitionRules), and whether changes are consistent (Replay).

package import PageOwnership
package import PageTables
package import TransitionRules

/// Judges a journal by the rules of a generation.
package struct ConformanceJudge: ~Copyable {
  /// The replay that gives the machine before and after each entry.
  package private(set) var replay: Replay
  /// What was found so far.
  package internal(set) var report = ConformanceReport()
  /// Whether transitions are judged at all; where they are not, the replay goes on.
  package var isJudging = true

  /// Whether no transition is on its way.
  package var hasNothingOpen: Bool { open.isEmpty }

  let book: RuleBook
  private(set) var conditions: ConditionJudge
  var applies: ApplyJudge
  var open: [ActionID: JudgedTransition] = [:]
  var calls: [ActionID: OpenCall] = [:]
  private var plans: [Operation: OperationPlan] = [:]
  private let hasDebug: Bool

  /// Begins a judgement by `book` of the journal that `replay` replays and that `facts` and `spaces` are of.
  package init(_ book: RuleBook, _ facts: Facts, spaces: [Space], replay: Replay) {
    self.book = book
    self.replay = replay
    conditions = ConditionJudge(book.generation, facts, spaces: spaces)
    applies = ApplyJudge(book, spaces: spaces)
    hasDebug = facts.el2Debug.value == true
    for operation in book.operations {
      plans[operation] = book[operation].map { OperationPlan($0, hasDebug: hasDebug) }
    }
  }

  /// Takes over facts and guests that a writer added since.
  package mutating func extend(
    _ facts: Facts, spaces: [Space], births: [(Space, SequenceNumber)], deaths: [(SpaceID, SequenceNumber)]
  ) {
    conditions = ConditionJudge(book.generation, facts, spaces: spaces)
    let shapes = applies.shapes
    applies = ApplyJudge(book, spaces: spaces)
    applies.shapes = shapes
    replay.extend(births: births, deaths: deaths)
  }

  /// Takes the next entry; `transition` or `activation`: the one that it begins.
  package mutating func take(
    _ entry: Entry, _ site: Site, changes: [Change], observations: [Observation], transition: Transition? = nil,
    activation: Activation? = nil
  ) {
    // Who judges nothing pays for the replay alone.
    if !isJudging, activation == nil, open.isEmpty, calls.isEmpty {
      return replay.take(entry, site, changes: changes, observations: observations)
    }
    if isJudging, let transition, site.kind == .begin { begin(transition) }
    if let activation { begin(activation) }
    if site.kind == .lost { breakOpen() }
    rememberOutcomes(changes, by: entry.action)
    let judged = entry.action.flatMap { open[$0] }
    let prepared = judged.flatMap { prepare(entry, site, changes, $0) }
    let oldDiffering = replay.report.changesDiffering
    replay.take(entry, site, changes: changes, observations: observations)
    if let judged {
      if replay.report.changesDiffering > oldDiffering { noteOld(entry, site, judged) }
      judged.note(observations, replay.image.encoding)
      conclude(entry, site, changes, prepared, judged)
      if site.kind == .end {
        open[judged.transition.id] = nil
        count(judged)
      }
    }
    if !changes.isEmpty { retryPending() }
    if site.kind == .activationEnd { end(entry) }
  }

  /// Takes the content of the snapshot whose entry came last.
  package mutating func take(_ snapshot: Snapshot, _ content: SnapshotImage) { replay.take(snapshot, content) }

  /// Ends the judgement: transitions that never ended are judged as far as they came.
  package mutating func finish() {
    replay.finish()
    for judged in open.values.sorted(by: { $0.transition.id < $1.transition.id }) { count(judged) }
    open.removeAll()
    report.disagreements.sort { ($0.seq, $0.transition) < ($1.seq, $1.transition) }
  }

  // MARK: - beginning

  private mutating func begin(_ transition: Transition) {
    let judged = JudgedTransition(transition, plans[transition.operation])
    // A CPU is inside one transition, or inside one around it.
    if open.values.contains(where: { $0.transition.cpu != transition.cpu }) {
      judged.isOverlapped = true
      for other in open.values { other.isOverlapped = true }
    }
    judged.subject.memcacheSuffices = memcacheSuffices(transition)
    open[transition.id] = judged
  }

  // What happened in a hole, nobody knows.
  private mutating func breakOpen() {
    for judged in open.values { judged.isBroken = true }
    calls.removeAll()
  }

  // MARK: - other CPUs

  // What checks still to come would have said before another CPU's changes.
  private mutating func rememberOutcomes(_ changes: [Change], by action: ActionID?) {
    guard open.count > 1, !changes.isEmpty else { return }
    for (id, judged) in open where id != action && judged.isOverlapped {
      guard let plan = judged.plan, judged.expected == nil else { continue }
      for index in judged.nextCheck..<max(judged.nextCheck, plan.checks.count) {
        let verdict = conditions.judge(plan.checks[index].rows, of: judged.subject, in: replay.image)
        judged.past[index, default: []].formUnion(verdict.outcomes)
      }
    }
  }

  // A disagreement that is gone at a later moment was a race.
  private mutating func retryPending() {
    for judged in open.values where !judged.pending.isEmpty {
      guard let plan = judged.plan else { continue }
      for pending in judged.pending {
        let verdict = conditions.judge(plan.checks[pending.phase].rows, of: judged.subject, in: replay.image)
        guard verdict.outcomes.contains(where: { $0.recorded == pending.recorded }) else { continue }
        judged.pending.removeAll { $0.phase == pending.phase }
        judged.racy.append(pending.disagreement)
      }
    }
  }

  private func noteOld(_ entry: Entry, _ site: Site, _ judged: JudgedTransition) {
    guard let difference = replay.report.differences.last(where: { $0.kind == .old && $0.seq == entry.seq }) else {
      return
    }
    judged.disagreements.append(
      Disagreement(
        kind: .old, seq: entry.seq, transition: entry.action ?? ActionID(0), operation: site.operation ?? .bootFixup,
        step: site.kernelStep, space: difference.space, page: difference.pages.first, recorded: difference.seen,
        rules: difference.replayed))
  }

  // MARK: - counting

  private mutating func count(_ judged: JudgedTransition) {
    judged.disagreements += judged.pending.map(\.disagreement)
    report.counts[judged.transition.operation, default: ConformanceCounts()][keyPath: judged.verdict] += 1
    if judged.isBroken { judged.blindness.insert(.unseen) }
    for reason in judged.blindness { report.blindness[reason, default: 0] += 1 }
    noteResult(of: judged)
    let room = ConformanceReport.limit - report.disagreements.count
    report.disagreements += judged.disagreements.prefix(max(0, room))
  }
}
