// Why: which apply is due, for which pages, and what it must have left behind.

import PageOwnership
import PageTables
import TransitionRules

extension ConformanceJudge {
  /// Finds the apply that an entry is of, and takes down what was there before it.
  mutating func prepareApply(
    _ entry: Entry, _ site: Site, _ changes: [Change], _ judged: JudgedTransition
  ) -> PreparedApply? {
    let isTorn = site.kind == .torn
    if site.effect == .encode { return nil }
    guard let plan = judged.plan else { return nil }
    if judged.expected == nil { settleChecks(before: plan.checks.count, entry, judged) }
    if let expected = judged.expected {
      judged.differ(.order, entry, step: site.kernelStep, recorded: "an apply", rules: Self.text(expected))
      return nil
    }
    if judged.foundGuest == nil { judged.foundGuest = judged.guestState(replay.image) }
    // A torn apply has no line: it is the one that is due.
    guard let place = place(of: isTorn ? nil : site.kernelStep, plan, judged, entry) else { return nil }
    let pages = pages(of: place, plan, changes, judged)
    if plan.isPageByPage { findMissing(before: place, pages, plan, entry, judged) }
    advance(judged, past: place, plan, pages)
    if let loop = judged.loop { return loop }
    let isLoop = plan.isLoop(from: place.apply) && pages?.count ?? 1 > 1
    let rules = isLoop ? plan.applies[place.apply...].flatMap(\.rules) : plan.applies[place.apply].rules
    var apply = PreparedApply(
      rules, judged.subject, pages: pages,
      handle: judged.transition.guestPage.flatMap { applies.handles[$0.space] }, replay.image)
    if isLoop {
      apply.isLoop = true
      judged.loop = apply
    }
    if judged.transition.operation == .hostFault {
      apply.faultVerdict = applies.judgeFault(changes, { conditions.kind(at: $0) }, replay.image)
    }
    return apply
  }

  /// A phase of the plan; of an operation that goes page by page, of one page.
  struct ApplyPlace {
    var page: UInt64
    var apply: Int
  }

  /// The next phase that is performed for certain; nil if there is none.
  func dueApply(_ plan: OperationPlan, _ judged: JudgedTransition) -> ApplyPlace? {
    var place: ApplyPlace? = ApplyPlace(page: judged.pageIndex, apply: judged.nextApply)
    while let here = place.flatMap({ normalised($0, plan, judged) }) {
      if isDue(plan.applies[here.apply], here, judged) == true { return here }
      place = ApplyPlace(page: here.page, apply: here.apply + 1)
    }
    return nil
  }

  // The next phase with the step, or the next that is due; those before it that are due are missing.
  private mutating func place(
    of step: String?, _ plan: OperationPlan, _ judged: JudgedTransition, _ entry: Entry
  ) -> ApplyPlace? {
    var missing: [String] = []
    var place: ApplyPlace? = ApplyPlace(page: judged.pageIndex, apply: judged.nextApply)
    while let here = place.flatMap({ normalised($0, plan, judged) }) {
      let phase = plan.applies[here.apply]
      let due = isDue(phase, here, judged)
      if step.map({ $0 == phase.step && due != false }) ?? (due == true) {
        for step in missing { judged.differ(.missing, entry, step: step, recorded: "no apply", rules: "an apply") }
        return here
      }
      if due == true { missing.append(phase.step) }
      place = ApplyPlace(page: here.page, apply: here.apply + 1)
    }
    judged.differ(.order, entry, step: step, recorded: "an apply", rules: missing.first ?? "the transition ends")
    return nil
  }

  // Behind the last phase of one page comes the first of the next.
  private func normalised(_ place: ApplyPlace, _ plan: OperationPlan, _ judged: JudgedTransition) -> ApplyPlace? {
    if place.apply < plan.applies.count { return place }
    guard plan.isPageByPage, place.page + 1 < judged.subject.frames?.count ?? 0, !plan.applies.isEmpty else {
      return nil
    }
    return ApplyPlace(page: place.page + 1, apply: 0)
  }

  private func advance(
    _ judged: JudgedTransition, past place: ApplyPlace, _ plan: OperationPlan, _ pages: PageRange?
  ) {
    judged.nextApply = place.apply + 1
    judged.pageIndex = place.page + (plan.isPageByPage ? (pages?.count ?? 1) - 1 : 0)
  }

  // A step that is made again without another one in between is recorded once, with the changes of all its pages.
  private func pages(
    of place: ApplyPlace, _ plan: OperationPlan, _ changes: [Change], _ judged: JudgedTransition
  ) -> PageRange? {
    guard let frames = judged.subject.frames else { return nil }
    guard plan.isPageByPage, frames.count > 0 else { return frames }
    let first = frames.first.advanced(by: place.page)
    let end = changes.filter { !$0.isNothing }.map { min($0.pages.end, frames.end) }.max() ?? first
    return PageRange(first: first, count: end > first ? end.rawValue - first.rawValue : 1)
  }

  // Of the pages behind the first, what comes before the step must not have been due.
  private func findMissing(
    before place: ApplyPlace, _ pages: PageRange?, _ plan: OperationPlan, _ entry: Entry,
    _ judged: JudgedTransition
  ) {
    for page in (place.page..<place.page + (pages?.count ?? 1)).dropFirst() {
      for index in 0..<place.apply {
        differIfDue(plan.applies[index], ApplyPlace(page: page, apply: index), entry, judged)
      }
    }
  }

  // Of the pages before the last, what comes behind the step must not be due now.
  private func findMissing(
    behind place: ApplyPlace, _ plan: OperationPlan, _ entry: Entry, _ pages: UInt64, _ judged: JudgedTransition
  ) {
    for page in (place.page - (pages - 1)..<place.page) {
      for index in place.apply..<plan.applies.count {
        differIfDue(plan.applies[index], ApplyPlace(page: page, apply: index), entry, judged)
      }
    }
  }

  private func differIfDue(
    _ phase: PlannedApply, _ place: ApplyPlace, _ entry: Entry, _ judged: JudgedTransition
  ) {
    guard isDue(phase, place, judged) == true else { return }
    judged.differ(.missing, entry, step: phase.step, recorded: "no apply", rules: "an apply")
  }

  /// Whether a phase is performed, as far as can be told: if one of its rules is.
  func isDue(_ phase: PlannedApply, _ place: ApplyPlace, _ judged: JudgedTransition) -> Bool? {
    var result: Bool? = false
    for rule in phase.rules {
      let due = isDue(rule, place, judged)
      if due == true { return true }
      if due == nil { result = nil }
    }
    return result
  }

  private func isDue(_ rule: ApplyRule, _ place: ApplyPlace, _ judged: JudgedTransition) -> Bool? {
    guard let frames = judged.subject.frames else { return rule.occasion == .always ? true : nil }
    let ownership = replay.image.ownership
    switch rule.occasion {
    case .always: return true
    case .ifGuest(let state): return judged.foundGuest == .unknown ? nil : judged.foundGuest == state
    case .ifReferencedOnce: return ownership.pins(frames.first.advanced(by: place.page)).map { $0 == 1 }
    case .ifHostOwns: return any(of: frames.frames.map { ownership.holding(.host, $0).state.isOwned })
    case .ifNoGuestBorrows: return any(of: frames.frames.map { ownership.shareCount($0).map { $0 == 0 } })
    }
  }

  private func any(of answers: [Bool?]) -> Bool? {
    if answers.contains(true) { return true }
    return answers.contains(nil) ? nil : false
  }

  // MARK: - afterwards

  /// Judges an apply whose changes the machine has taken.
  mutating func concludeApply(
    _ entry: Entry, _ site: Site, _ changes: [Change], _ apply: PreparedApply?, _ judged: JudgedTransition
  ) {
    judged.hasChanges = judged.hasChanges || !changes.isEmpty
    guard let apply else {
      if site.effect == .encode, let change = changes.first { objectToWrite(change, entry, site, judged) }
      return
    }
    judged.lastApplyResult = entry.result
    if let verdict = apply.faultVerdict { return accept(verdict, entry, site, judged) }
    if let rule = apply.rules.first, rule.store.changesAttributes {
      return concludeAttributes(rule, entry, site, changes, apply, judged)
    }
    if let result = entry.result, result < 0 { return concludeFailure(apply, result, entry, site, changes, judged) }
    if let result = entry.result, result > 0 {
      judged.differ(.apply, entry, step: site.kernelStep, recorded: "returned \(result)", rules: "returns 0")
    }
    if let plan = judged.plan, plan.isPageByPage, let count = apply.frames?.count, count > 1 {
      let here = ApplyPlace(page: judged.pageIndex, apply: judged.nextApply)
      findMissing(behind: here, plan, entry, count, judged)
    }
    let isDone = !apply.isLoop || judged.nextApply == judged.plan?.applies.count
    if isDone { judged.loop = nil }
    let verdict = applies.judge(apply, changes, replay.image, isTorn: site.kind == .torn, isDone: isDone)
    accept(verdict, entry, site, judged)
  }

  /// Judges a loop whose last step was not due for any page.
  mutating func concludeLoop(_ entry: Entry, _ site: Site, _ judged: JudgedTransition) {
    guard let loop = judged.loop else { return }
    judged.loop = nil
    accept(applies.judge(loop, [], replay.image), entry, site, judged)
  }

  private mutating func accept(
    _ verdict: ApplyVerdict, _ entry: Entry, _ site: Site, _ judged: JudgedTransition
  ) {
    report.words += verdict.words
    if let blindness = verdict.blindness { judged.blindness.insert(blindness) }
    if let objection = verdict.objection {
      judged.disagreements.append(judged.disagreement(.apply, entry, step: site.kernelStep, at: objection))
    }
  }

  private func objectToWrite(_ change: Change, _ entry: Entry, _ site: Site, _ judged: JudgedTransition) {
    let objection = Objection(
      space: change.space, page: change.pages.first, recorded: "\(change.table.name) written", rules: "not written")
    judged.disagreements.append(judged.disagreement(.apply, entry, step: site.kernelStep, at: objection))
  }

  // A store that fails for want of memory: nobody records the pools.
  private func concludeFailure(
    _ apply: PreparedApply, _ result: Int64, _ entry: Entry, _ site: Site, _ changes: [Change],
    _ judged: JudgedTransition
  ) {
    judged.expected = apply.rules.contains { $0.failure == .returnErrno } ? .result(result) : .fatal
    if result == Errno.badAddress, changes.isEmpty, missesHypMapping(apply) { return }
    judged.blindness.insert(.memcache)
    if let change = changes.first { objectToWrite(change, entry, site, judged) }
    if result != Errno.noMemory {
      judged.differ(
        .apply, entry, step: site.kernelStep, recorded: "returned \(Self.name(result))", rules: "returns 0 or ENOMEM")
    }
  }

  /// Whether an apply is to unmap pages of the hypervisor of which one is not mapped: less than all is an errno.
  func missesHypMapping(_ apply: PreparedApply) -> Bool {
    guard apply.rules.contains(where: { $0.store == .hypUnmapping }) else { return false }
    return apply.frames?.frames.contains {
      replay.image.leaf(.hypStage1, .hyp, at: $0).map { !Descriptor($0.raw).isValid } ?? false
    } ?? false
  }

  private mutating func concludeAttributes(
    _ rule: ApplyRule, _ entry: Entry, _ site: Site, _ changes: [Change], _ apply: PreparedApply,
    _ judged: JudgedTransition
  ) {
    let (results, blindness) = attributeResults(rule, apply, judged)
    if let blindness { judged.blindness.insert(blindness) }
    if !results.contains(entry.result) {
      let rules = results.map { $0.map { "returns \(Self.name($0))" } ?? "panics" }.joined(separator: " or ")
      judged.differ(
        .apply, entry, step: site.kernelStep, recorded: "returned \(Self.name(entry.result))", rules: rules)
    }
    if let result = entry.result, result < 0 { judged.expected = .result(result) }
    var verdict = ApplyVerdict()
    if let change = changes.first(where: {
      $0.new == nil || !$0.isNothing && apply.reach($0, encoding: applies.leaves.encoding) == nil
    }) {
      if change.new != nil { return objectToWrite(change, entry, site, judged) }
      verdict.blindness = .unseen
    }
    applies.judgeAttributes(rule, judged.subject, apply, result: entry.result, replay.image, &verdict)
    accept(verdict, entry, site, judged)
  }

  func attributeResults(
    _ rule: ApplyRule, _ apply: PreparedApply, _ judged: JudgedTransition
  ) -> (results: [Int64?], blindness: Blindness?) {
    let inside = CheckRule(.insideTable, .target, .guest, errno: Errno.outOfRange, step: "")
    let verdict = conditions.judge(inside, of: judged.subject, in: replay.image).verdict
    var (results, blindness) = applies.attributeResults(
      rule, judged.subject, apply, isInside: verdict != .fails, traits: book.traits)
    if case .unknown(let why) = verdict {
      results += applies.attributeResults(rule, judged.subject, apply, isInside: false, traits: book.traits).results
      blindness = why
    }
    return (results, blindness)
  }
}

extension Change {
  /// A zero that was read at another level: a table came or went beside it.
  var isNothing: Bool { old == 0 && new == 0 }
}

extension PageState {
  /// Whether it is OWNED; nil if unknown.
  fileprivate var isOwned: Bool? { self == .unknown ? nil : self == .owned }
}
