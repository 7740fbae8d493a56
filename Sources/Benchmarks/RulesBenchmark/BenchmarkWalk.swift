// Why: the calls of the benchmark, made before the clock runs: single pages and short ranges of a window
// across the border of a block, as the walks of the vectors have them.

import PageOwnership
import TestSupport
import TransitionRules

/// A machine and the calls that are made on it.
struct BenchmarkWalk {
  let engine: Engine
  let machine: Machine
  private(set) var calls: [OperationCall] = []

  init(_ generation: Generation, count: Int) {
    let memory = Region(pages: PageRange(first: PageFrame(0x40000), count: 0x4000), kind: .memory)
    let shape = MachineShape(regions: [memory], hypOffset: 1 << 44)
    engine = Engine(RuleBook.of(generation), shape: shape, el2Debug: true)
    var machine = Machine(shape: shape, hostTablePages: 512, hypTablePages: 512)
    for index in 0..<2 {
      machine.guests.append(
        GuestMachine(
          space: SpaceID(rawValue: SpaceID.firstGuest.rawValue + Int32(index)),
          handle: VMHandle(rawValue: 0x1000 + UInt16(index)), isProtected: index == 1, memcache: 64, shape: shape))
    }
    self.machine = machine
    var random = SeededRandom(seed: 3)
    let operations = engine.rules.operations.filter { !Self.unmodelled.contains($0) }
    for _ in 0..<count { calls.append(call(random.pick(operations), &random)) }
  }

  private static let unmodelled: Set<Operation> = [
    .hostFault, .guestRelaxPerms, .guestWriteProtect, .guestTestClearYoung, .guestMakeYoung, .vcpuInPoisonFault,
  ]
  private static let ranges: Set<Operation> = [
    .hostDonateHyp, .hypDonateHost, .hostShareFFA, .hostUnshareFFA, .pin, .unpin,
  ]

  private func call(_ operation: Operation, _ random: inout SeededRandom) -> OperationCall {
    let page = 0x413f0 + UInt64(random.below(48))
    let count = Self.ranges.contains(operation) ? 1 + UInt64(random.below(3)) : 1
    var call = OperationCall(operation, page: page, count: count)
    call.address = page << 12
    call.endAddress = (page + count) << 12
    call.guest = machine.guests[random.below(2)].space
    call.guestPage = 0x100 + UInt64(random.below(16))
    call.protection = engine.rules.traits.protection.all
    return call
  }

  /// How many phases the calls have.
  func countPhases() -> Int {
    var machine = machine
    var counter = PhaseCounter()
    for call in calls { _ = engine.perform(call, on: &machine, observer: &counter) }
    return counter.count
  }

  /// The same call in the naive model.
  func perform(_ call: OperationCall, _ naive: inout NaivePages) -> Int64? {
    let guest = GuestPage(call.guest ?? .firstGuest, PageFrame(call.guestPage))
    switch call.operation {
    case .hostShareHyp: return naive.hostShareHyp(call.page).value
    case .hostUnshareHyp: return naive.hostUnshareHyp(call.page).value
    case .hostDonateHyp: return naive.hostDonateHyp(call.page, call.count).value
    case .hypDonateHost: return naive.hypDonateHost(call.page, call.count).value
    case .pin: return naive.pin(call.page, call.count).value
    case .unpin: return naive.unpin(call.page, call.count).value
    case .hostShareFFA: return naive.shareFFA(call.page, call.count, isEnd: false).value
    case .hostUnshareFFA: return naive.shareFFA(call.page, call.count, isEnd: true).value
    case .hostShareGuest: return naive.hostShareGuest(call.page, guest).value
    case .hostUnshareGuest: return naive.hostUnshareGuest(guest).value
    case .hostDonateGuest: return naive.hostDonateGuest(call.page, guest).value
    case .guestShareHost: return naive.guestShareHost(guest, isEnd: false).value
    case .guestUnshareHost: return naive.guestShareHost(guest, isEnd: true).value
    case .hostReclaimGuest: return naive.hostReclaimGuest(guest).value
    default: return naive.hostForceReclaim(call.page).value
    }
  }
}

/// Counts phases.
struct PhaseCounter: TransitionObserver {
  private(set) var count = 0
  var wantsStates: Bool { false }

  mutating func didCheck(_ report: CheckReport, _ machine: Machine) { count += 1 }
  mutating func didApply(_ report: ApplyReport, from before: Machine, to after: Machine) { count += 1 }
}
