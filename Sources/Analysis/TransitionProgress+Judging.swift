// Why: the state before a transition is the present one with its changes taken back; the generation's steps
// lead from there through every standing that the pages may be in. Where the pages stand now tells how far it came.
// Sans-I/O: the caller brings the entries and the machine.

package import PageOwnership
package import PageTables
import TransitionRules

/// What progress is judged by.
package struct ProgressEvidence: Sendable {
  /// The rules in force and the regions.
  package var facts: Facts
  /// The generation of ``facts``.
  package var generation: Generation
  /// The spaces of the journal.
  package var spaces: [Space]
  /// The machine as all entries leave it.
  package var replayed: MachineImage
  /// The machine as the last snapshot shows it, with what entries behind it did; nil without one.
  package var shown: MachineImage?
  /// The entry of that snapshot.
  package var shownSeq: SequenceNumber
  /// The last entry where lines are missing; 0 for none.
  package var lastGap: SequenceNumber

  /// Makes evidence.
  package init(
    facts: Facts, generation: Generation, spaces: [Space], replayed: MachineImage, shown: MachineImage?,
    shownSeq: SequenceNumber, lastGap: SequenceNumber
  ) {
    self.facts = facts
    self.generation = generation
    self.spaces = spaces
    self.replayed = replayed
    self.shown = shown
    self.shownSeq = shownSeq
    self.lastGap = lastGap
  }
}

extension TransitionProgress {
  /// Judges a transition by its entries, in order.
  package init(
    _ transition: Transition, outcome: TransitionOutcome, phases: [RecordedPhase], by evidence: ProgressEvidence
  ) {
    let judge = ProgressJudge(transition, phases, evidence)
    self.transition = transition
    self.outcome = outcome
    mayHaveEnded = outcome == .open && evidence.lastGap > transition.firstSeq
    lastPhase = phases.last { [.check, .apply, .torn, .recovery].contains($0.site.kind) }
    let isPhase = lastPhase.map { $0.site.kind == .check || $0.site.kind == .apply } ?? false
    lastPhaseNumber = isPhase ? phases.count { $0.site.kind == .check || $0.site.kind == .apply } : nil
    steps = judge.steps
    pages = judge.pages()
    pagesLeftOut = transition.pageCount - min(transition.pageCount, Self.pageLimit)
    doubt = .none
    switch lastPhase?.site.kind {
    case .torn: doubt = .torn
    case .apply where lastPhase?.changes.isEmpty == true: break
    case .apply: doubt = judge.isConfirmed(by: pages) ? .shownDone(evidence.shownSeq) : .lastApply
    default: break
    }
  }
}

/// Judges the pages of one transition.
struct ProgressJudge {
  let transition: Transition
  let phases: [RecordedPhase]
  let evidence: ProgressEvidence
  let steps: [ApplyRule]
  /// The transition's changes, in order.
  let changes: [Change]
  private let guest: GuestPage?
  private let encoding: TableEncoding

  init(_ transition: Transition, _ phases: [RecordedPhase], _ evidence: ProgressEvidence) {
    self.transition = transition
    self.phases = phases
    self.evidence = evidence
    steps = RuleBook.of(evidence.generation)[transition.operation]?.applies ?? []
    changes = phases.flatMap(\.changes)
    encoding = TableEncoding(evidence.generation)
    let ends = [transition.source, transition.target]
    guest = ends.first { $0.space.isGuest }.flatMap { end in
      end.address.map { GuestPage(end.space, PageFrame(containing: $0)) }
    }
  }

  /// Whether a snapshot behind the last entry agrees with the entries on all pages.
  func isConfirmed(by pages: [PageProgress]) -> Bool {
    guard let last = phases.last, evidence.shown != nil, evidence.shownSeq > last.entry.seq else { return false }
    return pages.allSatisfy { !$0.isShownBySnapshotOnly }
  }

  // MARK: - pages

  /// All pages, as runs.
  func pages() -> [PageProgress] {
    var runs: [PageProgress] = []
    for offset in 0..<min(max(transition.pageCount, 1), TransitionProgress.pageLimit) {
      let next = page(at: offset)
      if let last = runs.last, last.isContinued(by: next) {
        runs[runs.count - 1].pageCount += 1
      } else {
        runs.append(next)
      }
    }
    return runs
  }

  /// The standings that each page goes through, from before the first step to after the last.
  func paths() -> [PagePath] {
    (0..<min(max(transition.pageCount, 1), TransitionProgress.pageLimit)).map { offset in
      let (page, guestPage) = place(at: offset)
      let before = standingBefore(PageStanding(evidence.replayed, page, guest: guestPage), page, guestPage)
      return PagePath(page: page, guestPage: guestPage, standings: standings(from: before, guestPage))
    }
  }

  private func place(at offset: UInt64) -> (PageFrame?, GuestPage?) {
    let guestPage = guest.map { GuestPage($0.space, $0.page.advanced(by: offset)) }
    return (physicalPage(at: offset, guestPage), guestPage)
  }

  private func page(at offset: UInt64) -> PageProgress {
    let (page, guestPage) = place(at: offset)
    let replayed = PageStanding(evidence.replayed, page, guest: guestPage)
    var present = replayed
    var isOnlyShown = false
    // A snapshot behind the last entry is the better witness of a step whose line is missing.
    if let shown = evidence.shown, let last = phases.last, evidence.shownSeq > last.entry.seq {
      present = PageStanding(shown, page, guest: guestPage)
      present.fill(from: replayed)
      isOnlyShown =
        !replayed.fields(differingFrom: present).allSatisfy(replayed.isUnknown)
        || replayed.isLocked != present.isLocked
    }
    let before = standingBefore(replayed, page, guestPage)
    let path = standings(from: before, guestPage)
    let done = steps.indices.map { progress(of: $0, path, present) }
    let isChanged = isOnlyShown || isTouched(page, guestPage)
    return PageProgress(
      page: page, guestPage: guestPage, pageCount: 1,
      condition: condition(present, path, done, isTouched: isChanged), standing: present, steps: done,
      isShownBySnapshotOnly: isOnlyShown)
  }

  /// The physical page: by the host's end, else by what the guest's table said before, or says now.
  private func physicalPage(at offset: UInt64, _ guestPage: GuestPage?) -> PageFrame? {
    let ends = [transition.source, transition.target]
    if let address = ends.first(where: { $0.space == .host })?.address {
      return PageFrame(containing: address).advanced(by: offset)
    }
    guard let guestPage else { return nil }
    for change in changes where reaches(change, .guestStage2, guestPage.page) {
      for (raw, level) in [(change.old, change.oldLevel), (change.new, change.newLevel)] {
        guard let raw else { continue }
        let leaf = leaf(raw, level, change, at: guestPage.page)
        if let page = MachineImage.physicalPage(leaf, at: guestPage.page) { return page }
      }
    }
    return evidence.replayed.physicalPage(of: guestPage)
  }

  private func reaches(_ change: Change, _ table: TableKind, _ page: PageFrame) -> Bool {
    change.table == table && MachineImage.reach(of: change).contains(page)
  }

  // Following leaves of a run map following pages.
  private func leaf(_ raw: UInt64, _ level: Int8, _ change: Change, at page: PageFrame) -> LeafWord {
    let size = MachineImage.pagesPerLeaf(level)
    let offset = (page.rawValue &- change.pages.first.rawValue) & ~(size - 1)
    return LeafWord(level: level, raw: Descriptor(raw).advanced(byPages: offset).rawValue)
  }

  private func isTouched(_ page: PageFrame?, _ guestPage: GuestPage?) -> Bool {
    changes.contains { touches($0, page, guestPage) }
  }

  private func touches(_ change: Change, _ page: PageFrame?, _ guestPage: GuestPage?) -> Bool {
    if change.table == .guestStage2 {
      guard let guestPage, change.space == guestPage.space else { return false }
      return MachineImage.reach(of: change).contains(guestPage.page)
    }
    guard let page else { return false }
    return change.table == .vmemmap ? change.pages.contains(page) : MachineImage.reach(of: change).contains(page)
  }

  // MARK: - standings

  /// How the page stood before the transition.
  private func standingBefore(_ present: PageStanding, _ page: PageFrame?, _ guestPage: GuestPage?) -> PageStanding {
    var before = present
    for change in changes.reversed() where touches(change, page, guestPage) {
      before.takeBack(change, encoding, isMemory: page.flatMap(evidence.facts.isMemory))
    }
    return before
  }

  /// How the page stands before the first step and after each.
  private func standings(from before: PageStanding, _ guestPage: GuestPage?) -> [PageStanding] {
    var path = [before]
    for step in steps {
      path.append(
        path[path.count - 1].after(step, evidence.generation, newOwner: newOwner(guestPage)))
    }
    return path
  }

  /// Whom the host's table names where the host gives the page away.
  private func newOwner(_ guestPage: GuestPage?) -> OwnerAnnotation {
    guard let guestPage else { return .hyp }
    guard let handle = evidence.spaces.first(where: { $0.id == guestPage.space })?.handle else { return .unknown }
    return .guest(handle: handle, gfn: guestPage.page)
  }

  private func progress(of index: Int, _ path: [PageStanding], _ present: PageStanding) -> StepProgress {
    let fields = path[index + 1].fields(differingFrom: path[index]).filter { !path[index + 1].isUnknown($0) }
    guard !fields.isEmpty else { return .done }
    guard fields.allSatisfy({ !present.isUnknown($0) }) else { return .unknown }
    // What a later step wrote over counts as done.
    let done = fields.filter { field in path[(index + 1)...].contains { present.agrees(with: $0, in: field) } }
    if done.count == fields.count { return .done }
    let isBroken = present.isLocked && (fields.contains(.hostOwner) || fields.contains(.guestState))
    return done.isEmpty && !isBroken ? .pending : .partly
  }

  private func condition(
    _ present: PageStanding, _ path: [PageStanding], _ steps: [StepProgress], isTouched: Bool
  ) -> PageCondition {
    if present.isLocked { return .locked }
    if !isTouched { return .untouched }
    if steps.isEmpty { return .partly }
    if steps.allSatisfy({ $0 == .done }) { return .complete }
    if steps.contains(.unknown) { return .unknown }
    if steps.allSatisfy({ $0 == .pending || $0 == .done }), present.fields(differingFrom: path[0]).isEmpty {
      return .untouched
    }
    return transition.operation.isLending ? lending(present) : giving(present)
  }

  private func state(of kind: SpaceKind, _ standing: PageStanding) -> PageState {
    switch kind {
    case .host: standing.host.state
    case .hyp: standing.hyp
    case .guest: standing.guest ?? .unknown
    case .ffa: .unknown
    }
  }

  private func giving(_ present: PageStanding) -> PageCondition {
    let ends = transition.operation.endpoints
    switch (state(of: ends.source, present).isOwning, state(of: ends.target, present).isOwning) {
    case (true, true): return .atBoth
    case (false, false): return .disowned
    default: return .partly
    }
  }

  private func lending(_ present: PageStanding) -> PageCondition {
    let ends = transition.operation.endpoints
    let isLent = state(of: ends.source, present) == .sharedOwned
    let isBorrowed = state(of: ends.target, present) == .sharedBorrowed
    switch (isLent, isBorrowed, transition.operation.endsLending) {
    case (true, false, false): return .lent
    case (false, true, false): return .borrowed
    case (false, true, true): return .unlent
    case (true, false, true): return .unborrowed
    default: return .partly
    }
  }
}

extension Operation {
  /// Whether it lends pages or ends that.
  fileprivate var isLending: Bool {
    switch self {
    case .hostShareHyp, .hostShareFFA, .hostShareGuest, .guestShareHost: true
    default: endsLending
    }
  }

  fileprivate var endsLending: Bool {
    switch self {
    case .hostUnshareHyp, .hostUnshareFFA, .hostUnshareGuest, .guestUnshareHost: true
    default: false
    }
  }
}

extension PageProgress {
  /// Whether a page goes on where this run ends, and stands like it.
  fileprivate func isContinued(by next: PageProgress) -> Bool {
    var expected = self
    expected.page = page?.advanced(by: pageCount)
    expected.guestPage = guestPage.map { GuestPage($0.space, $0.page.advanced(by: pageCount)) }
    if case .guest(let handle, let gfn) = standing.host.annotation {
      expected.standing.host.annotation = .guest(handle: handle, gfn: gfn.advanced(by: pageCount))
    }
    expected.pageCount = 1
    return expected == next
  }
}
