// Why: what a journal of a run says must give the machine that the run left: the snapshot and the changes
// alone, replayed, against the machine itself, at random in every generation, with blocks, devices and guests.

import PageOwnership
import PageTables
import TestSupport
import Testing

@testable import TransitionRules

struct JournalingTests {
  @Test(arguments: Generation.allCases, [false, true])
  func changesGiveTheMachine(_ generation: Generation, _ debug: Bool) {
    var run = RandomRun(generation, debug: debug, seed: SeededRandom.seed(11))
    for step in 0..<800 {
      guard let problem = run.step() else { continue }
      Issue.record("step \(step), seed \(run.random.seed): \(problem)")
      return
    }
    #expect(run.problem() == nil, "seed \(run.random.seed)")
    #expect(run.changeCount > 100)
  }

  @Test(arguments: Generation.allCases)
  func aRestoredMachineIsTheMachine(_ generation: Generation) {
    var run = RandomRun(generation, debug: false, seed: SeededRandom.seed(13))
    for _ in 0..<200 { _ = run.step() }
    #expect(run.restoredProblem() == nil, "seed \(run.random.seed)")
  }

  @Test func entriesOfARefusal() {
    let start = StartingMachine(.linux7_1)
    var machine = start.machine
    var journaler = TransitionJournaler(Engine(.of(.linux7_1), shape: start.shape, el2Debug: false))
    let done = journaler.perform(
      OperationCall(.hostShareHyp, page: 0x40200), arguments: [("pfn", 0x40200)], on: &machine)
    #expect(done.result.outcome == .refused && done.id == ActionID(2))
    let kinds = done.batches.flatMap(\.sites).map(\.1.kind)
    #expect(kinds == [.activation, .begin, .check, .end, .activationEnd])
    let check = done.batches[2].entries[0]
    #expect(check.found == .noPage && check.page == PageFrame(0x40200) && check.result == -1)
    #expect(done.batches[3].transitionEnds.first?.failedSeq == check.seq)
    #expect(machine == start.machine)
  }

  @Test func afterAWarningNothingHappens() {
    let start = StartingMachine(.linux6_14)
    var machine = start.machine
    var journaler = TransitionJournaler(Engine(.of(.linux6_14), shape: start.shape, el2Debug: false))
    _ = journaler.perform(OperationCall(.hostShareHyp, page: 0x41300), arguments: [], on: &machine)
    var call = OperationCall(.hostShareGuest, page: 0x41300)
    call.guest = .firstGuest
    call.guestPage = 0x100
    call.protection = 7
    let done = journaler.perform(call, arguments: [], on: &machine)
    #expect(done.result.outcome == .fatal)
    #expect(done.batches.flatMap(\.changes).isEmpty)
    #expect(done.batches.last?.entries.last?.note == "the hypervisor panics: WARN at EL2")
    #expect(done.batches.last?.transitionEnds.first?.outcome == .fatal)
  }
}

extension JournalingTests {
  @Test(arguments: [Generation.linux6_18, .linux7_1]) func aFaultOnAnothersPage(_ generation: Generation) {
    let start = StartingMachine(generation)
    var machine = start.machine
    var journaler = TransitionJournaler(Engine(.of(generation), shape: start.shape, el2Debug: false))
    var call = OperationCall(.hostFault)
    call.address = 0x40200 << 12
    let done = journaler.perform(call, arguments: [], on: &machine)
    #expect(done.result.outcome == (generation == .linux7_1 ? .refused : .fatal))
    // The handler returns nothing: that it was refused, a recorder does not see.
    #expect(done.outcome == (generation == .linux7_1 ? .noEffect : .fatal))
    #expect(done.batches.last?.transitionEnds.first?.outcome == done.outcome)
    #expect(done.batches.last?.entries.last?.result == nil)
  }
}

/// A random run with a replay beside it that sees only what the journal has.
struct RandomRun {
  private let start: StartingMachine
  private let engine: Engine
  private var journaler: TransitionJournaler
  private var machine: Machine
  private var image: MachineImage
  private(set) var random: SeededRandom
  private(set) var changeCount = 0
  private var references: [PageFrame: UInt16] = [:]

  init(_ generation: Generation, debug: Bool, seed: UInt64) {
    start = StartingMachine(generation)
    machine = start.machine
    engine = Engine(.of(generation), shape: start.shape, el2Debug: debug)
    journaler = TransitionJournaler(engine)
    random = SeededRandom(seed: seed)
    image = MachineImage(generation: generation, regions: start.shape.regions)
    for guest in guests { image.addGuest(guest.space, isEmpty: false) }
    let first = content(journaler.snapshot(of: machine, number: 1, why: "").snapshotRanges)
    image.adopt(first, after: image.compare(with: first), keeping: [])
  }

  private var guests: [RestoredGuest] {
    start.machine.guests.map { guest in
      RestoredGuest(
        space: Space(
          id: guest.space, kind: .guest, handle: guest.handle, incarnation: 1, isProtected: guest.isProtected),
        isAlive: true, isKnown: true, memcache: guest.memcache)
    }
  }

  private func content(_ ranges: [SnapshotRange]) -> SnapshotImage {
    var content = SnapshotImage(guests: start.machine.guests.map(\.space))
    for range in ranges { content.add(range) }
    return content
  }

  /// Performs a call and replays its entries; tells what does not fit.
  mutating func step() -> String? {
    let call = randomCall()
    let before = machine
    let done = journaler.perform(call, arguments: [], on: &machine)
    if done.result.fatal != nil {
      // The entries end where the machine stopped; what the code would do afterwards is not replayed.
      machine = before
      return nil
    }
    for batch in done.batches {
      for change in batch.changes {
        if let old = change.old, let problem = problem(change, old) { return "\(call): \(problem)" }
      }
      for change in batch.changes {
        image.apply(change)
        changeCount += 1
        if change.table == .vmemmap, let new = change.new {
          for offset in 0..<change.pages.count {
            references[change.pages.first.advanced(by: offset)] = UInt16(truncatingIfNeeded: new)
          }
        }
      }
    }
    return problem().map { "\(call), \(done.result): \($0)" }
  }

  private func problem(_ change: Change, _ old: UInt64) -> String? {
    let seen = LeafWord(level: change.oldLevel, raw: old)
    switch image.compare(change.table, change.space, at: change.pages.first, seen: seen) {
    case .equal: return nil
    // The references of a page that the hypervisor owns are its allocator's: a replay leaves them out.
    case .unknown where image.ownership.holding(.hyp, change.pages.first).state == .owned: return nil
    case let other: return "\(change): \(other)"
    }
  }

  /// How the replayed machine differs from the one that was driven; nil if it does not.
  func problem() -> String? {
    let now = MachineSnapshot(of: machine, shape: start.shape, encoding: engine.rules.encoding, number: 2)
    let verdict = image.compare(with: content(now.ranges))
    if let first = verdict.differences.first { return "\(first)" }
    return verdict.pagesUnknown == 0 ? nil : "\(verdict.pagesUnknown) pages are unknown"
  }

  /// How a machine made of the replayed one differs; nil if it does not.
  func restoredProblem() -> String? {
    let restored = Machine(restoring: image, shape: start.shape, guests: guests, references: references)
    func ranges(_ machine: Machine) -> [SnapshotRange] {
      MachineSnapshot(of: machine, shape: start.shape, encoding: engine.rules.encoding, number: 1).ranges
    }
    let (left, right) = (ranges(machine), ranges(restored))
    guard left != right else { return nil }
    return "\(zip(left, right).first { $0 != $1 }.map { "\($0)" } ?? "\(left.count) and \(right.count) ranges")"
  }

  private mutating func randomCall() -> OperationCall {
    let blocks: [UInt64] = [0x41400, 0x41600, 0x41800]
    let pages = Array(0x41300..<0x41308) + blocks + [0x413ff, 0x41401, 0x42010, 0x42402, 0x42a02, 0x40010, 0x40016]
    var call = OperationCall(random.pick(engine.rules.operations), page: random.pick(pages))
    let counts: [UInt64] = [1, 1, 1, 2, 3, 512]
    call.count = random.pick(counts)
    call.guest = SpaceID(rawValue: SpaceID.firstGuest.rawValue + Int32(random.below(2)))
    call.guestPage = random.pick([0x100, 0x101, 0x102, 0x200, 0x400])
    call.address = call.page << 12
    call.endAddress = (call.page + call.count) << 12
    call.protection = engine.rules.traits.protection.all
    call.clearsAge = true
    return call
  }
}
