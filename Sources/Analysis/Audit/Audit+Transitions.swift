// Why: where transitions and calls begin and end, and which rules look at each of their entries.
// Not here: the rules themselves (Rules/), pages (Audit+Settling).

import PageOwnership
import PageTables
import TransitionRules

extension Audit {
  // MARK: - transitions

  /// A transition begins.
  mutating func begin(_ entry: Entry, _ site: Site, _ transition: Transition?) {
    guard let id = entry.action else { return }
    summary.transitions += 1
    if let before = open.take(id) { abandon(before, entry) }
    if !open.isEmpty { abandonAll(on: entry.cpu, entry) }
    if open.all.count >= OpenTransitions.limit, let oldest = open.take(open.all[0].id) { abandon(oldest, entry) }
    notePassed(transition, entry)
    let subject = AuditedTransition(entry, site, transition)
    if subject.declared == nil || site.operation?.endpoints.source == .guest || site.operation == .hostUnshareGuest,
      let place = transition?.guestPage, let page = image.physicalPage(of: place)
    {
      subject.declared = PageRange(first: page, count: transition?.pageCount ?? 1)
    }
    for other in open.all where other.cpu != entry.cpu {
      subject.isOverlapped = true
      other.isOverlapped = true
    }
    open.put(subject)
  }

  // A transition that serves another call than the one that its CPU is in.
  private mutating func notePassed(_ transition: Transition?, _ entry: Entry) {
    for (id, call) in calls where call.endsByItself && call.cpu == entry.cpu && call.passedBy == nil {
      var serving = transition?.activation
      // Deeper than this no call is nested; a damaged journal may name a call as its own parent.
      for _ in 0..<8 where serving != nil && serving != id { serving = serving.flatMap { calls[$0]?.parent } }
      if serving != id { calls[id]?.passedBy = entry }
    }
  }

  // A CPU that begins a new call is inside no transition any more: the end of the last one was lost.
  private mutating func abandonAll(on cpu: Int32?, _ entry: Entry) {
    guard let cpu else { return }
    while let lost = open.all.first(where: { $0.cpu == cpu })?.id, let subject = open.take(lost) {
      judgeLost(subject, entry)
      abandon(subject, entry)
    }
  }

  private mutating func abandon(_ subject: AuditedTransition, _ entry: Entry) {
    abandoned.insert(subject.id)
    balance.forget()
    for dirty in subject.dirty { settle(dirty, entry, by: subject) }
  }

  /// Judges an entry of a transition before the machine takes its changes.
  mutating func judgePhase(_ entry: Entry, _ site: Site, _ changes: [Change], _ subject: AuditedTransition?) {
    guard let judged = subject else { return }
    switch site.kind {
    case .check: judgeCheck(entry, site, judged)
    case .apply, .torn: judgeApply(entry, site, changes, judged)
    default: break
    }
    judgeChanges(under: entry, site, changes, judged)
  }

  private mutating func judgeCheck(_ entry: Entry, _ site: Site, _ subject: AuditedTransition) {
    judgeErrno(entry, site, subject)
    switch entry.outcome.flatMap({ CheckOutcome(rawValue: $0) }) {
    case .passed: subject.hasPassedCheck = true
    case .failed where !isSwallowed(entry, site):
      if subject.failure == nil {
        subject.failure = FailedCheck(seq: entry.seq, step: site.kernelStep, result: entry.result)
      }
    default: break
    }
  }

  /// Whether the table says that an operation goes on, or ends well, after a failure of this check.
  private func isSwallowed(_ entry: Entry, _ site: Site) -> Bool {
    guard let operation = site.operation, let rows = rules[operation]?.checks(step: site.kernelStep ?? "") else {
      return true
    }
    if rows.isEmpty { return true }
    return rows.contains { row in
      guard row.errno == entry.result || entry.result == nil else { return false }
      switch row.failure {
      case .finish, .leavePhase, .warnAndGoOn: return true
      case .refuse, .warnAndRefuse: return false
      }
    }
  }

  private mutating func judgeApply(
    _ entry: Entry, _ site: Site, _ changes: [Change], _ subject: AuditedTransition
  ) {
    noteMade(site, subject)
    judgeAfterFailure(entry, site, subject)
    if subject.guestState == nil, let place = subject.transition?.guestPage {
      subject.guestState = image.ownership.holding(place.space, place.page).state
    }
    guard let effect = site.effect else { return }
    if effect == .scrub { subject.hasScrubbed = true }
    judgeScrub(entry, site, subject)
    judgePoison(entry, site, changes, subject)
    guard effect.movesPages, entry.result.map({ $0 >= 0 }) ?? true else { return }
    if !subject.hasMoved { judgeFirstMove(entry, site, changes, subject) }
    subject.hasMoved = true
  }

  private func noteMade(_ site: Site, _ subject: AuditedTransition) {
    guard let operation = site.operation, let step = site.kernelStep, let plan = plans[operation] else { return }
    for (index, phase) in plan.applies.enumerated() where phase.step == step { subject.made |= 1 << UInt64(index & 63) }
  }

  // What must have been so for the first thing that is done.
  private mutating func judgeFirstMove(
    _ entry: Entry, _ site: Site, _ changes: [Change], _ subject: AuditedTransition
  ) {
    judgeUnchecked(entry, site, subject)
    guard let transition = subject.transition, let operation = subject.operation, operation != .bootFixup else {
      return
    }
    judgeArguments(transition, entry, site, subject)
    guard operation != .hostFault else { return }
    judgeMemory(transition, entry, site, subject)
    judgeKind(transition, entry, site, subject)
    judgeDying(transition, entry, site, subject)
    guard hasStates else { return }
    judgeSource(transition, entry, site, subject)
    judgePins(transition, entry, site, changes, subject)
    judgeSkipped(transition, entry, site, subject)
  }

  /// A transition ended.
  mutating func end(_ subject: AuditedTransition, _ entry: Entry, _ site: Site) {
    let outcome = entry.outcome.flatMap { TransitionOutcome(rawValue: $0) }
    judgeErrno(entry, site, subject)
    judgeResult(outcome, entry, site, subject)
    judgeRefusal(outcome, entry, site, subject)
    judgeFatal(outcome, entry, site, subject)
    judgeWhole(outcome, entry, site, subject)
    if outcome == .open { balance.forget() }
    // What a panic left half done is nobody's any more.
    if outcome == .fatal {
      balance.forget()
      // Nor do the calls around it return, which no entry was lost for.
      if let cpu = subject.cpu ?? entry.cpu { calls = calls.filter { $0.value.cpu != cpu } }
      summary.open[subject.id] = subject.dirty.reduce(0) { $0 &+ $1.pages.count }
      return
    }
    if outcome == .completed, entry.result ?? 0 >= 0, let transition = subject.transition {
      noteCompleted(transition, subject)
      judgePoisoned(entry, site, subject)
    }
    for dirty in subject.dirty { settle(dirty, entry, by: subject) }
  }

  private mutating func noteCompleted(_ transition: Transition, _ subject: AuditedTransition) {
    let operation = transition.operation
    let isSecure = operation == .hostShareFFA || operation == .hostUnshareFFA
    if isSecure, subject.hasChanged, let frames = subject.declared {
      let isLent = operation == .hostShareFFA
      pages.noteSecure(frames, isLent: isLent)
      noteSecureShare(frames, isLent: isLent, in: transition.activation)
    }
    guard operation.isBalanced, subject.hasChanged else { return }
    let guest = transition.guestPage?.space
    balance.note(operation, transition.pageCount, guest: guest, inCall: transition.activation != nil)
  }

  // MARK: - calls

  /// A call begins.
  mutating func begin(_ activation: Activation, _ entry: Entry) {
    switch activation.kind {
    case .hypercall, .hostAbort:
      abandonAll(on: entry.cpu, entry)
      abandonCalls(on: entry.cpu, entry)
    case .guestCall: abandonAll(on: entry.cpu, entry)
    case .boot, .function: break
    }
    // Only a damaged journal is inside so many.
    if calls.count >= OpenTransitions.limit {
      calls.removeAll()
      balance.forget()
    }
    calls[activation.id] = AuditedCall(
      function: activation.kernelFunction, kind: activation.kind, parent: activation.parent, cpu: entry.cpu,
      firstSeq: entry.seq, register: activation.registers.first)
  }

  private mutating func abandonCalls(on cpu: Int32?, _ entry: Entry) {
    guard let cpu else { return }
    while let (id, call) = calls.first(where: { $0.value.cpu == cpu && $0.value.endsByItself }) {
      calls[id] = nil
      judgeLost(call, id, entry)
      balance.forget()
    }
  }

  /// A call returned.
  mutating func end(_ entry: Entry) {
    guard let id = entry.action, let call = calls.removeValue(forKey: id) else { return }
    judgeSecureShares(call, entry)
    noteDying(call, entry)
    judgeQuiet(entry)
  }
}

extension Effect {
  /// Whether it is a part of a page changing hands.
  var movesPages: Bool {
    switch self {
    case .disown, .own, .lend, .endLend, .borrow, .endBorrow, .pin, .unpin, .poison, .addShare, .dropShare, .map,
      .unmap:
      true
    case .scrub, .changeAttributes, .query, .encode, .fixOwnership, .unrecognised: false
    }
  }
}

extension Operation {
  /// Whether what it gives must come back.
  fileprivate var isBalanced: Bool {
    switch self {
    case .hostDonateHyp, .hypDonateHost, .pin, .unpin, .hostDonateGuest, .hostReclaimGuest, .hostForceReclaim: true
    default: false
    }
  }
}
