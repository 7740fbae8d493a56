// Why: why a transition ended as it did: every check against the state right before its own entry, what made
// the page what it was, and who came in between. Sans-I/O: the caller replays and hands on each entry.
// Not here: whether one condition holds (ConditionJudge), words (CustodyCLI).

package import PageOwnership
package import PageTables

/// Another transition that changed the pages while this one was open.
package struct Interference: Hashable, Sendable {
  /// The entry that changed something.
  package var seq: SequenceNumber
  /// The transition it belongs to; nil for none.
  package var action: ActionID?
  /// On which CPU.
  package var cpu: Int32?
}

/// A decision that no phase of the journal records, found by the rules.
package enum UnrecordedCause: Hashable, Sendable {
  /// The mappings of a protected guest are not the host's to change.
  case protectedGuest(SpaceID)
  /// The arguments ask for permissions that nobody may give.
  case permissions(UInt64, allowed: UInt64)
  /// The page is no memory.
  case notMemory(PageFrame)
}

/// Finds out why a transition ended as it did.
package struct WhyInquiry: Sendable {
  /// The transition.
  package let transition: Transition
  /// The entry through which a replay must go.
  package let lastSeq: SequenceNumber
  /// The checks, in order; without judgement until the replay has come so far.
  package private(set) var checks: [CheckReview] = []
  /// What happened to the transition's pages, from the first entry on.
  package private(set) var events: [PageEvent] = []
  /// Who else changed the pages while the transition was open.
  package private(set) var interferences: [Interference] = []
  /// What all spaces say of the physical pages after the last entry; of the first ``pageLimit``.
  package private(set) var views: [PageView] = []
  /// What the guest says of its pages after the last entry; of the first ``pageLimit``.
  package private(set) var guestViews: [GuestView] = []
  /// Physical pages that the hypervisor's own table maps after the last entry.
  package private(set) var mappedByHyp: Set<PageFrame> = []

  private let judge: ConditionJudge
  private let due: [SequenceNumber: (Entry, Site, Int)]
  private var elsewhere: [SequenceNumber: [Judgement]] = [:]
  private let pages: PageRange
  private let guestPages: (space: SpaceID, pages: PageRange)?
  private var watch: PageWatch
  private var leafWriters: [PageFrame: SequenceNumber] = [:]

  /// More pages of one transition are not followed.
  package static let pageLimit: UInt64 = 512

  /// Begins an inquiry; `entries` are the transition's own, with their phases counted from 1.
  package init(
    _ transition: Transition, through lastSeq: SequenceNumber, entries: [(entry: Entry, site: Site, phase: Int?)],
    judge: ConditionJudge, spaces: [Space]
  ) {
    self.transition = transition
    self.lastSeq = lastSeq
    self.judge = judge
    var due: [SequenceNumber: (Entry, Site, Int)] = [:]
    for told in entries where told.site.kind == .check {
      if let phase = told.phase { due[told.entry.seq] = (told.entry, told.site, phase) }
    }
    self.due = due
    let count = min(max(1, transition.pageCount), Self.pageLimit)
    pages = transition.firstFrame.map { PageRange(first: $0, count: count) } ?? PageRange(first: PageFrame(0), count: 0)
    guestPages = transition.guestPage.map { ($0.space, PageRange(first: $0.page, count: count)) }
    watch = PageWatch(
      ranges: pages.count > 0 ? [pages] : [], guestRanges: guestPages.map { [$0] } ?? [], spaces: spaces)
  }

  /// Takes note of an entry that the replayed machine has taken; in order, from the first to ``lastSeq``.
  package mutating func note(
    _ entry: Entry, _ kind: EntryKind, changes: [Change], observations: [Observation], _ image: MachineImage
  ) {
    var found: [PageEvent] = []
    watch.note(entry, kind, changes: changes, observations: observations, image) { event in
      // A guest's page is followed from both ends.
      if case .guest = event.aspect, found.contains(where: { $0.aspect == event.aspect }) { return }
      found.append(event)
    }
    events += found
    let touched = noteWriters(changes, entry.seq)
    if entry.seq > transition.firstSeq, entry.seq <= lastSeq, entry.action != transition.id,
      touched || !found.isEmpty && !changes.isEmpty
    {
      interferences.append(Interference(seq: entry.seq, action: entry.action, cpu: entry.cpu))
      judgeElsewhere(image)
    }
    let next = SequenceNumber(entry.seq.rawValue + 1)
    if next == transition.firstSeq { judgeElsewhere(image) }
    if let check = due[next] { checks.append(review(check, image)) }
    if entry.seq == lastSeq { conclude(image) }
  }

  private mutating func judgeElsewhere(_ image: MachineImage) {
    for (seq, check) in due {
      if let judgement = review(check, image).judgement { elsewhere[seq, default: []].append(judgement) }
    }
  }

  private func review(_ check: (Entry, Site, Int), _ image: MachineImage) -> CheckReview {
    CheckReview(check.0, check.1, phase: check.2, of: transition) { judge.judge($0, in: image) }
  }

  // Leaves come and go without a change of state: who wrote the host's last.
  private mutating func noteWriters(_ changes: [Change], _ seq: SequenceNumber) -> Bool {
    var touched = false
    for change in changes where change.table == .hostStage2 {
      for page in pages.intersection(MachineImage.reach(of: change)).frames {
        leafWriters[page] = seq
        touched = true
      }
    }
    return touched
  }

  private mutating func conclude(_ image: MachineImage) {
    for index in checks.indices { checks[index].elsewhere = elsewhere[checks[index].entry.seq] ?? [] }
    views = pages.frames.compactMap { watch.view(of: $0) }
    guestViews =
      guestPages.map { space, pages in
        pages.frames.map { page in
          GuestView(place: GuestPage(space, page), holding: image.ownership.holding(space, page))
        }
      } ?? []
    mappedByHyp = Set(
      pages.frames.filter { image.leaf(.hypStage1, .hyp, at: $0).map { Descriptor($0.raw).isValid } ?? false })
  }
}

// MARK: - what decided, and what was before it

extension WhyInquiry {
  /// The check that failed last; nil if none did.
  package var failedCheck: CheckReview? { checks.last { $0.outcome == .failed } }

  /// What the rules say where no phase of a refusal is recorded.
  package func unrecordedCause(isProtected: Bool?) -> UnrecordedCause? {
    let changesMapping: [Operation] = [
      .guestRelaxPerms, .guestWriteProtect, .guestTestClearYoung, .guestMakeYoung,
    ]
    if changesMapping.contains(transition.operation), isProtected == true, let place = transition.guestPage {
      return .protectedGuest(place.space)
    }
    if transition.operation == .hostForceReclaim, let page = transition.firstFrame,
      judge.memory(transition).verdict == .fails
    {
      return .notMemory(page)
    }
    let judged = judge.permissions(transition)
    guard judged.verdict == .fails, case .permissions(let bits, let allowed)? = judged.finding else { return nil }
    return .permissions(bits, allowed: allowed)
  }

  /// The entry that made the page what a check found, and all earlier changes of the page, newest first; nothing if
  /// the finding is about no page, or nobody ever changed it.
  package func past(of finding: Finding, before seq: SequenceNumber) -> (madeSo: SequenceNumber?, events: [PageEvent]) {
    switch finding {
    case .holding(let space, let page, _):
      return past(seq) {
        $0.aspect == (space.isGuest ? .guest(GuestPage(space, page)) : .holding(space))
      } page: {
        space.isGuest || $0.page == page
      }
    case .deadGuest(let page, _):
      return past(seq) {
        $0.aspect == .holding(.host)
      } page: {
        $0.page == page
      }
    case .pins(let page, _):
      return past(seq) {
        $0.aspect == .pins
      } page: {
        $0.page == page
      }
    case .shareCount(let page, _):
      return past(seq) {
        $0.aspect == .shareCount
      } page: {
        $0.page == page
      }
    case .guestLeaf(let place, _, _):
      return past(seq) {
        $0.aspect == .guest(place)
      } page: { _ in
        true
      }
    case .hostLeaf(let page, let leaf, _):
      let events = past(seq) {
        $0.aspect == .holding(.host)
      } page: {
        $0.page == page
      }
      return leaf.raw & 1 == 1 ? (leafWriters[page], []) : events
    case .region, .regionBorder, .frames, .size, .permissions, .beyondGuest: return (nil, [])
    }
  }

  private func past(
    _ seq: SequenceNumber, _ isAspect: (PageEvent) -> Bool, page isPage: (PageEvent) -> Bool
  ) -> (madeSo: SequenceNumber?, events: [PageEvent]) {
    let earlier = events.filter { $0.seq < seq && isPage($0) }
    guard let last = earlier.last(where: isAspect) else { return (nil, []) }
    return (last.seq, earlier.filter { $0.seq <= last.seq }.reversed())
  }
}
