// Why: rows in the mix of a real recording with many guests on two CPUs (a hypercall, its transition with
// checks, applies and changes), the same in every run. Not here: what the rows mean.

import PageOwnership

/// Makes batches, one after the other.
struct RowGenerator {
  private var seq: Int64 = 0
  private var action: Int64 = 0
  private var state: UInt64 = 0x1234_5678_9abc_def0
  private var isFirst = true

  /// A batch of about `entryCount` entries.
  mutating func batch(entryCount: Int) -> EntryBatch {
    var batch = isFirst ? firstSites : EntryBatch()
    isFirst = false
    while batch.entries.count < entryCount { addHypercall(to: &batch) }
    return batch
  }

  /// Only the sites of the first batch.
  var firstSites: EntryBatch {
    var batch = EntryBatch()
    batch.sites = Self.sites.enumerated().map { (SiteID(rawValue: Int32($0 + 1)), $1) }
    return batch
  }

  private static let sites: [Site] = {
    var activation = Site(.activation)
    activation.kernelFunction = "__pkvm_host_donate_guest"
    var transition = activation
    transition.operation = .hostDonateGuest
    let kinds: [EntryKind] = [.activation, .begin, .check, .check, .check, .apply, .apply, .end, .activationEnd]
    return kinds.map { kind in
      var site = kind == .activation || kind == .activationEnd ? activation : transition
      site.kind = kind
      return site
    }
  }()

  private mutating func next(below bound: UInt64) -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (state >> 33) % bound
  }

  private mutating func addHypercall(to batch: inout EntryBatch) {
    let activation = ActionID(action + 1)
    let transition = ActionID(action + 2)
    action += 2
    let page = PageFrame(0x42000 + next(below: 0x3000))
    let cpu = Int32(next(below: 2))
    let guest = SpaceID(rawValue: 3 + Int32(next(below: 100)))
    let first = seq + 1
    addAction(to: &batch, activation, transition, page, guest, cpu, first)
    for site in 1...9 as ClosedRange<Int32> {
      seq += 1
      var entry = Entry(seq: SequenceNumber(seq), site: SiteID(rawValue: site))
      entry.action = site == 1 || site == 9 ? activation : transition
      entry.cpu = cpu
      entry.sourceIndex = seq - 1
      if site <= 2 { entry.time = 12_330_100_000 + seq * 1000 }
      if (3...7).contains(site) { describe(&entry, site, page, guest) }
      if site >= 8 { entry.result = 0 }
      if site == 8 { entry.outcome = TransitionOutcome.completed.rawValue }
      batch.entries.append(entry)
    }
    addChanges(to: &batch, page, guest, first)
  }

  private func describe(_ entry: inout Entry, _ site: Int32, _ page: PageFrame, _ guest: SpaceID) {
    entry.space = site == 4 || site == 7 ? guest : .host
    entry.page = page
    entry.pageCount = 1
    entry.result = 0
    if site <= 5 {
      entry.outcome = CheckOutcome.passed.rawValue
      entry.found = site == 4 ? .noPage : .owned
    }
  }

  private func addAction(
    to batch: inout EntryBatch, _ activation: ActionID, _ transition: ActionID, _ page: PageFrame, _ guest: SpaceID,
    _ cpu: Int32, _ first: Int64
  ) {
    batch.activations.append(
      Activation(
        id: activation, parent: nil, kind: .hypercall, kernelFunction: "__pkvm_host_donate_guest", cpu: cpu,
        firstSeq: SequenceNumber(first),
        registers: [page.rawValue, 0x4000a, 0, 0x80000, 0xffff_0000_0548_6578, 0], arguments: ""))
    batch.transitions.append(
      Transition(
        id: transition, activation: activation, operation: .hostDonateGuest,
        source: Endpoint(.host, page.address), target: Endpoint(guest, 0x4000_a000), pageCount: 1, cpu: cpu,
        firstSeq: SequenceNumber(first + 1),
        arguments: "pfn=0x42cdb gfn=0x4000a vcpu=0xd0e5c5684000 handle=0x1001 protected=true"))
    batch.activationEnds.append(
      ActionEnd(id: activation, lastSeq: SequenceNumber(first + 8), outcome: nil, result: 0, failedSeq: nil))
    batch.transitionEnds.append(
      ActionEnd(id: transition, lastSeq: SequenceNumber(first + 7), outcome: .completed, result: 0, failedSeq: nil))
    var seen = Observation(seq: SequenceNumber(first + 1), ordinal: 0, pages: PageRange(page))
    seen.frame = 0
    seen.host = LeafWord(level: 3, raw: page.address | 0x7ff)
    seen.hyp = LeafWord(level: 2, raw: 0)
    seen.guestSpace = guest
    seen.guestPage = PageFrame(0x4000a)
    seen.guest = LeafWord(level: 3, raw: 0)
    batch.observations.append(seen)
  }

  private func addChanges(to batch: inout EntryBatch, _ page: PageFrame, _ guest: SpaceID, _ first: Int64) {
    func add(_ offset: Int64, _ ordinal: Int32, _ space: SpaceID, _ table: TableKind, _ old: UInt64, _ new: UInt64) {
      let isGuest = table == .guestStage2
      batch.changes.append(
        Change(
          seq: SequenceNumber(first + offset), ordinal: ordinal, space: space, table: table,
          pages: PageRange(isGuest ? PageFrame(0x4000a) : page), oldLevel: 3, newLevel: 3, old: old, new: new,
          oldState: isGuest ? .noPage : .owned, newState: isGuest ? .owned : .noPage, owner: isGuest ? nil : guest,
          isInferred: false))
    }
    add(5, 0, .host, .vmemmap, 0, 0x3_0000_0000)
    add(5, 1, .host, .hostStage2, page.address | 0x7ff, 0x2000_4000_a100_1004)
    add(6, 0, guest, .guestStage2, 0, page.address | 0x7ff)
  }
}
