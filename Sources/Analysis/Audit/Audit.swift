// Why: one pass over a journal that holds every entry against rules which trust neither the recorder nor the rules
// engine: invariants of each page when no transition is inside it, the order of phases at each entry, balances
// when calls are over. Costs what changed. Sans-I/O: the caller feeds entries in order, with the transition or
// activation that begins there. Not here: the rules (Rules/), reading and printing.

package import PageOwnership
package import PageTables
package import TransitionRules

/// An audit of one journal.
package struct Audit: ~Copyable {
  /// What was looked at.
  package internal(set) var summary = AuditSummary()
  /// The replay, and the judge of conformance around it; it judges only if asked.
  private(set) var judge: ConformanceJudge
  private var findings: [AuditFinding] = []
  private let enabled: Set<String>
  private let isConforming: Bool

  private(set) var facts: Facts
  /// The regions that are memory.
  private(set) var memory: [PageRange]
  let generation: Generation
  private(set) var conditions: ConditionJudge
  let plans: [Operation: OperationPlan]
  let rules: [Operation: OperationRules]
  var pages: PageLedger
  var open = OpenTransitions()
  var calls: [ActionID: AuditedCall] = [:]
  var balance = GuestLedger()
  /// Transitions whose end was lost: what comes of them later is not out of order.
  var abandoned: Set<ActionID> = []
  /// Whether a snapshot or a whole boot has shown the tables.
  var hasStates = false
  /// The entries with which guests are born or die, the next one last.
  var moments: [SequenceNumber]
  /// Guests whose beginning is not in the journal.
  private(set) var unseenBirths: Set<SpaceID>
  private var taken = (disagreements: 0, racy: Int64(0), differences: 0, replayRacy: Int64(0))

  /// Begins an audit by some rules (ids; nil: all) of the journal that `replay` replays.
  ///
  /// - Parameters:
  ///   - lives: the guests of the journal, with when they lived.
  ///   - isShown: where `replay` begins behind an anchor, whether a snapshot had shown the tables before it.
  package init(
    _ book: RuleBook, _ facts: Facts, lives: [GuestLives.Life], replay: Replay, rules ids: Set<String>? = nil,
    isShown: Bool = false
  ) {
    let spaces = lives.map(\.space)
    generation = book.generation
    enabled = Set(AuditRule.all.filter { $0.holds(for: book.generation) }.map(\.id)).intersection(
      ids ?? Set(AuditRule.all.map(\.id)))
    isConforming = enabled.contains(AuditRule.conformance.id)
    self.facts = facts
    memory = facts.memory
    conditions = ConditionJudge(book.generation, facts, spaces: Space.fixed + spaces)
    judge = ConformanceJudge(book, facts, spaces: spaces, replay: replay)
    judge.isJudging = isConforming
    var plans: [Operation: OperationPlan] = [:]
    var rules: [Operation: OperationRules] = [:]
    for operation in book.operations {
      rules[operation] = book[operation]
      plans[operation] = book[operation].map { OperationPlan($0, hasDebug: facts.el2Debug.value == true) }
    }
    self.plans = plans
    self.rules = rules
    pages = PageLedger(spaces: spaces)
    unseenBirths = Set(lives.filter { $0.born.rawValue == 0 }.map(\.space.id))
    let start = replay.lastSeq
    moments = lives.flatMap { [$0.born] + [$0.died].compactMap { $0 } }.sorted { $0 > $1 }
    if start.rawValue > 0 { beginBehindAnchor(start) }
    judgeHandles(lives, after: start)
    if isShown {
      noteEverythingShown()
    } else {
      let first = SequenceNumber(start.rawValue + 1)
      summary.stretches.append(UnknownStretch(first: first, last: nil, why: UnknownStretch.start))
    }
  }

  // What came and went before, and what no table tells, is not known.
  private mutating func beginBehindAnchor(_ start: SequenceNumber) {
    moments.removeAll { $0 <= start }
    balance.forget()
    _ = pages.noteLives(image)
    for space in image.livingGuests { _ = pages.noteGuest(space, PageLedger.everything, image) }
  }

  /// Takes over a call that began before the anchor and returns behind it.
  package mutating func resume(_ activation: Activation) {
    calls[activation.id] = AuditedCall(
      function: activation.kernelFunction, kind: activation.kind, parent: activation.parent, cpu: activation.cpu,
      firstSeq: activation.firstSeq, register: activation.registers.first)
  }

  /// Takes over facts and guests that a writer added since the last entry taken.
  package mutating func extend(_ facts: Facts, lives: [GuestLives.Life]) {
    let spaces = lives.map(\.space)
    let deaths = lives.compactMap { life in life.died.map { (life.space.id, $0) } }
    self.facts = facts
    memory = facts.memory
    conditions = ConditionJudge(generation, facts, spaces: Space.fixed + spaces)
    judge.extend(facts, spaces: spaces, births: lives.map { ($0.space, $0.born) }, deaths: deaths)
    pages.spaces = spaces
    let last = lastSeq
    unseenBirths = Set(lives.filter { $0.born.rawValue == 0 }.map(\.space.id))
    moments = lives.flatMap { [$0.born] + [$0.died].compactMap { $0 } }.filter { $0 > last }.sorted { $0 > $1 }
    judgeHandles(lives, after: last)
  }

  /// The machine as the entries so far leave it.
  var image: MachineImage {
    _read { yield judge.replay.image }
  }

  /// The last entry taken.
  package var lastSeq: SequenceNumber { judge.replay.lastSeq }

  /// The findings since the last call, in order.
  package mutating func takeFindings() -> [AuditFinding] {
    defer { findings.removeAll(keepingCapacity: true) }
    return findings
  }

  // MARK: - the pass

  /// Takes the next entry; `transition` or `activation`: the one that it begins.
  package mutating func take(
    _ entry: Entry, _ site: Site, changes: [Change], observations: [Observation], transition: Transition? = nil,
    activation: Activation? = nil
  ) {
    summary.entries += 1
    if site.kind == .lost { noteGap(entry) }
    if let activation { begin(activation, entry) }
    if site.kind == .begin { begin(entry, site, transition) }
    // Taken out: its own pages are not held against it.
    let subject = entry.action.flatMap { open.take($0) }
    if subject == nil { judgeStray(entry, site) }
    judgePhase(entry, site, changes, subject)
    if !changes.isEmpty { judgeWrites(entry, site, changes, subject) }
    judge.take(
      entry, site, changes: changes, observations: observations, transition: isConforming ? transition : nil,
      activation: isConforming ? activation : nil)
    if !changes.isEmpty { noteChanges(changes, entry, subject) }
    if !hasStates || !pages.areGuestsKnown { noteObservations(observations, entry, subject) }
    if let subject {
      if site.kind == .end || site.kind == .recovery && entry.outcome != nil {
        end(subject, entry, site)
      } else {
        open.put(subject)
      }
    }
    if site.kind == .activationEnd { end(entry) }
    noteLives(entry)
    collectAgreement(entry)
  }

  /// Takes the content of the snapshot whose entry came last.
  package mutating func take(_ snapshot: Snapshot, _ content: SnapshotImage) {
    let before = judge.replay.report
    judge.take(snapshot, content)
    let after = judge.replay.report
    let entry = Entry(seq: lastSeq, site: SiteID(rawValue: 0))
    if !hasStates || before.pagesUnknown != after.pagesUnknown || before.pagesDiffering != after.pagesDiffering {
      noteEverything(content, entry)
    }
    collectAgreement(entry)
  }

  /// Ends the audit: what never ended is counted, not judged.
  package mutating func finish() {
    judge.finish()
    let entry = Entry(seq: lastSeq, site: SiteID(rawValue: 0))
    collectAgreement(entry)
    for (id, call) in calls.sorted(by: { $0.key < $1.key }) {
      if let passed = call.passedBy { judgeLost(call, id, passed) }
    }
    for subject in open.all {
      summary.open[subject.id] = subject.dirty.reduce(0) { $0 &+ $1.pages.count }
    }
    for index in summary.stretches.indices where summary.stretches[index].last == nil {
      summary.stretches[index].last = lastSeq
    }
    let last = lastSeq
    summary.stretches.removeAll { $0.first > $0.last ?? last }
  }

  // MARK: - findings

  func isJudged(_ rule: AuditRule) -> Bool { enabled.contains(rule.id) }

  mutating func report(_ finding: AuditFinding) {
    if finding.isRacy {
      summary.racy[finding.rule, default: 0] += 1
    } else {
      summary.counts[finding.rule, default: 0] += 1
    }
    findings.append(finding)
  }

  /// Reports what a rule finds of a transition at one of its entries, once for each rule.
  mutating func report(
    _ rule: AuditRule, _ entry: Entry, _ site: Site, _ subject: AuditedTransition, at place: AuditPlace? = nil,
    expected: String, found: String
  ) {
    guard isJudged(rule), !subject.isBroken, subject.told.insert(rule.id).inserted else { return }
    var finding = AuditFinding(rule, at: entry, expected: expected, found: found)
    finding.transition = subject.id
    finding.operation = subject.operation
    finding.step = site.kernelStep
    finding.space = place?.space ?? entry.space
    finding.pages = place?.pages ?? entry.page.map { PageRange(first: $0, count: entry.pageCount ?? 1) }
    if let page = finding.pages?.first, finding.space?.isGuest != true {
      finding.earlier = pages.writers(of: page, before: subject.id)
    }
    finding.isRacy = place?.isRacy ?? false
    report(finding)
  }

  // What the judge of conformance and the replay found since the last entry.
  private mutating func collectAgreement(_ entry: Entry) {
    if judge.report.disagreements.count > taken.disagreements { collectDisagreements() }
    guard
      judge.replay.report.differences.count > taken.differences || judge.replay.report.racy > taken.replayRacy
    else { return }
    let replayed = judge.replay.report
    if isJudged(.divergence) {
      for found in replayed.differences[taken.differences...] { self.report(Self.finding(found, entry)) }
      summary.racy[AuditRule.divergence.id, default: 0] += replayed.racy - taken.replayRacy
    }
    taken.differences = replayed.differences.count
    taken.replayRacy = replayed.racy
  }

  private mutating func collectDisagreements() {
    let found = judge.report.disagreements
    for disagreement in found[taken.disagreements...] where isJudged(.conformance) {
      report(Self.finding(disagreement))
    }
    taken.disagreements = found.count
  }
}

extension Facts {
  fileprivate var memory: [PageRange] {
    (regions.value ?? []).filter { $0.kind == .memory }.map(\.pages)
  }
}

/// The pages that a finding is about.
struct AuditPlace {
  var space: SpaceID
  var pages: PageRange
  var isRacy = false

  init(_ space: SpaceID, _ pages: PageRange, isRacy: Bool = false) {
    self.space = space
    self.pages = pages
    self.isRacy = isRacy
  }
}
