// Why: arguments come from recordings and users: any 64 bits in any place must give a result. A refusal
// changes nothing, whatever was asked; an operation that a generation lacks does nothing.

import Foundation
import PageOwnership
import TestSupport
import Testing
import TransitionRules

struct TotalityTests {
  static let numbers: [UInt64] = [
    0, 1, 2, 511, 512, 513, 0x40000, 0x40fff, 0x41000, 0x41100, 0x41200, 0x41300, 0x41400, 0x42000, 0x42400, 0x42a02,
    0x42a03, 0xfff_ffff, 0x1000_0000, 1 << 36, 1 << 40, 1 << 44, (1 << 52) - 1, 1 << 52, (1 << 52) + 1,
    (1 << 52) + 0x41300, 1 << 63, .max - 4095, .max - 1, .max, 0x41_3000_0000, 0x4130_0123, 0x4130_0fff,
  ]

  @Test(arguments: Generation.allCases, [false, true])
  func anyArgumentsGiveAResult(_ generation: Generation, _ debug: Bool) {
    var random = SeededRandom(seed: SeededRandom.seed(7))
    // Few table pages, so that running out happens too.
    let world = TestWorld(generation, debug: debug, tablePages: 12)
    var machine = world.machine
    for step in 0..<6000 {
      if step % 300 == 0 { machine = world.machine }
      var call = OperationCall(random.pick(PageOwnership.Operation.allCases))
      call.page = random.pick(Self.numbers)
      call.count = random.below(3) == 0 ? random.pick(Self.numbers) : 1
      call.guest = random.below(8) == 0 ? nil : SpaceID(rawValue: SpaceID.firstGuest.rawValue + Int32(random.below(3)))
      call.guestPage = random.pick(Self.numbers)
      call.address = random.pick(Self.numbers)
      call.endAddress = random.pick(Self.numbers)
      call.protection = random.pick(Self.numbers)
      call.clearsAge = random.below(2) == 0
      let before = machine
      let result = world.engine.perform(call, on: &machine)
      let seed = random.seed
      if world.engine.rules[call.operation] == nil { #expect(result == OperationResult() && machine == before) }
      if result.outcome == .refused { #expect(machine == before, "seed \(seed), step \(step): \(call)") }
      if result.fatal == .bug || result.fatal == .fault { machine = before }
      guard machine.freeTables.host >= 0, machine.freeTables.hyp >= 0 else {
        Issue.record("seed \(seed), step \(step): \(call) takes more table pages than there are")
        return
      }
    }
  }

  @Test func anErrnoOfAnApplyThatChangesNothingIsARefusal() {
    let world = TestWorld(.linux7_1, debug: false)
    var machine = world.machine
    var call = OperationCall(.guestRelaxPerms)
    call.guest = .firstGuest
    call.guestPage = 0x100
    let result = world.engine.perform(call, on: &machine)
    #expect(result.value == Errno.tryAgain)
    #expect(result.outcome == .refused)
    #expect(machine == world.machine)
    #expect(world.engine.successor(of: machine, by: call)?.result == result)
    #expect(world.engine.successor(of: machine, by: OperationCall(.hostUnshareHyp, page: 0x41300)) == nil)
  }

  @Test(arguments: Generation.allCases) func phasesAreToldInTheTablesOrder(_ generation: Generation) {
    let world = TestWorld(generation, debug: false)
    var machine = world.machine
    var watcher = PhaseWatcher()
    _ = world.engine.perform(OperationCall(.hostShareHyp, page: 0x41300), on: &machine, observer: &watcher)
    let rules = world.engine.rules[.hostShareHyp]
    #expect(watcher.checks.map(\.rows) == rules?.checkPhases)
    #expect(watcher.checks.allSatisfy { $0.outcome == .passed || $0.outcome == .skipped })
    #expect(watcher.applies.map(\.row) == rules.map { Array($0.applies.indices) })
    // Each apply was seen before and after: every state between is there.
    #expect(zip(watcher.after, watcher.before.dropFirst()).allSatisfy { $0 == $1 })
    #expect(watcher.after.last == machine)
  }
}

/// Keeps all that an engine tells.
struct PhaseWatcher: TransitionObserver {
  var checks: [CheckReport] = []
  var applies: [ApplyReport] = []
  var before: [Machine] = []
  var after: [Machine] = []
  var wantsStates: Bool { true }

  mutating func didCheck(_ report: CheckReport, _ machine: Machine) { checks.append(report) }

  mutating func didApply(_ report: ApplyReport, from before: Machine, to after: Machine) {
    applies.append(report)
    self.before.append(before)
    self.after.append(after)
  }
}
