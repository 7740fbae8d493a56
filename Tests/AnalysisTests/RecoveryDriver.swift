// Why: recordings know three kernels; here machines of every generation are driven through their operations, so
// that each may be cut wherever memory changes. The applies come from the rules' own order. Not here: expectations.

import PageOwnership
import PageTables
import TransitionRules

@testable import Analysis

/// A machine of one generation whose transitions can be left half done.
struct RecoveryDriver {
  let generation: Generation
  private(set) var image: MachineImage
  let facts: Facts
  let guest = Space(
    id: .firstGuest, kind: .guest, handle: VMHandle(rawValue: 0x1000), incarnation: 1, isProtected: true)
  private var lastID: Int64 = 0

  static let memory = PageRange(first: PageFrame(0x40000), count: 0x1000)

  init(_ generation: Generation) {
    self.generation = generation
    var facts = Facts()
    facts.generation = Known(generation, .recorded)
    facts.regions = Known([Region(pages: Self.memory, kind: .memory)], .recorded)
    self.facts = facts
    image = MachineImage(generation: generation, regions: [Region(pages: Self.memory, kind: .memory)])
    var content = SnapshotImage(guests: [guest.id])
    content.add(
      SnapshotRange(
        snapshot: 1, ordinal: 0, space: .host, table: .vmemmap, pages: Self.memory, level: 3,
        raw: TableEncoding(generation).frame(0, .host, .owned).flatMap(Self.hypAbsent(generation)) ?? 0))
    image = MachineImage(
      generation: generation, regions: [Region(pages: Self.memory, kind: .memory)], showing: content, guests: [guest])
  }

  private static func hypAbsent(_ generation: Generation) -> (UInt64) -> UInt64? {
    { TableEncoding(generation).frame($0, .hyp, .noPage) }
  }

  /// What recovery is judged by.
  var evidence: ProgressEvidence { evidence(image) }

  func evidence(_ image: MachineImage) -> ProgressEvidence {
    ProgressEvidence(
      facts: facts, generation: generation, spaces: Space.fixed + [guest], replayed: image, shown: nil,
      shownSeq: SequenceNumber(0), lastGap: SequenceNumber(0))
  }

  /// The operations that move ownership in this generation, each with those that must come before.
  static func operations(_ generation: Generation) -> [(Operation, [Operation])] {
    let all: [(Operation, [Operation])] = [
      (.hostShareHyp, []), (.hostUnshareHyp, [.hostShareHyp]), (.hostDonateHyp, []),
      (.hypDonateHost, [.hostDonateHyp]), (.pin, [.hostShareHyp]), (.unpin, [.hostShareHyp, .pin]),
      (.hostShareFFA, []), (.hostUnshareFFA, [.hostShareFFA]), (.hostShareGuest, []),
      (.hostUnshareGuest, [.hostShareGuest]), (.hostDonateGuest, []), (.guestShareHost, [.hostDonateGuest]),
      (.guestUnshareHost, [.hostDonateGuest, .guestShareHost]), (.hostForceReclaim, [.hostDonateGuest]),
      (.hostReclaimGuest, [.hostDonateGuest]),
    ]
    return all.filter { RuleBook.of(generation)[$0.0] != nil }
  }

  /// Begins an operation on pages: the transition and its applies, none of them done yet.
  mutating func begin(
    _ operation: Operation, at page: UInt64, count: UInt64 = 1, cpu: Int32 = 0
  ) throws -> (Transition, [RecordedPhase]) {
    lastID += 1
    func end(_ kind: SpaceKind) -> Endpoint {
      switch kind {
      case .host: Endpoint(.host, page << 12)
      case .hyp: Endpoint(.hyp, page << 12)
      case .ffa: Endpoint(.ffa, nil)
      case .guest: Endpoint(guest.id, (page + 0x40000) << 12)
      }
    }
    let transition = Transition(
      id: ActionID(lastID), activation: nil, operation: operation, source: end(operation.endpoints.source),
      target: end(operation.endpoints.target), pageCount: count, cpu: cpu, firstSeq: SequenceNumber(lastID * 100),
      arguments: "")
    let progress = TransitionProgress(transition, outcome: .open, phases: [], by: evidence)
    var after = image
    let steps = try ForwardRecovery(progress, [], evidence).steps(&after)
    let phases = steps.enumerated().map { index, step in
      var site = step.site
      site.kind = .apply
      var entry = Entry(seq: SequenceNumber(lastID * 100 + Int64(index) + 1), site: SiteID(rawValue: 1))
      entry.action = transition.id
      return RecordedPhase(entry: entry, site: site, changes: step.changes)
    }
    return (transition, phases)
  }

  /// Performs applies.
  mutating func perform(_ phases: [RecordedPhase]) {
    for change in phases.flatMap(\.changes) { image.apply(change) }
  }

  /// Performs whole operations.
  mutating func perform(_ operations: [Operation], at page: UInt64, count: UInt64 = 1) throws {
    for operation in operations { perform(try begin(operation, at: page, count: count).1) }
  }

  /// Every way to stop in the middle: after whole applies, and after single changes of the next.
  static func cuts(_ phases: [RecordedPhase]) -> [[RecordedPhase]] {
    var cuts: [[RecordedPhase]] = [[]]
    for (index, phase) in phases.enumerated() {
      for count in 1..<max(1, singles(phase).changes.count) {
        var torn = singles(phase)
        torn.site = Site(.torn)
        torn.changes = Array(torn.changes.prefix(count))
        cuts.append(Array(phases[..<index]) + [torn])
      }
      cuts.append(Array(phases[...index]))
    }
    return cuts
  }

  // Runs page by page: a store writes one word.
  private static func singles(_ phase: RecordedPhase) -> RecordedPhase {
    var phase = phase
    phase.changes = phase.changes.flatMap { change -> [Change] in
      guard change.oldLevel == 3, change.newLevel == 3 else { return [change] }
      return (0..<change.pages.count).map { offset in
        var single = change
        single.pages = PageRange(change.pages.first.advanced(by: offset))
        guard change.table != .vmemmap else { return single }
        single.old = change.old.map { Descriptor($0).advanced(byPages: offset).rawValue }
        single.new = change.new.map { Descriptor($0).advanced(byPages: offset).rawValue }
        return single
      }
    }
    return phase
  }
}
