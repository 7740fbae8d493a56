// Why: a part of a scenario is performed without a journal, and what it shows is told. Not here: which parts are
// worth a try (Analysis), the rules (TransitionRules).

import Analysis
import Capture
import PageOwnership
import TransitionRules

/// What a scenario is to show.
enum ShownProperty: Equatable {
  /// An operation breaks one of these invariants of a page that it touches.
  case breaks(InvariantSet)
  /// The hypervisor panics.
  case fatal
  /// An operation returns this; of any kind if nil.
  case returns(Int64, Operation?)
  /// Two sets of rules decide an operation otherwise.
  case differs
}

/// A step that showed it, in words.
struct ShownStep: Equatable {
  /// Its place in the part that was performed.
  var place: Int
  /// What it showed: `breaks I2 of 0x41300000: what is lent is borrowed by somebody`.
  var words: String
}

/// A machine that parts of a scenario are performed on.
struct TrialMachine {
  let engine: Engine
  var machine: Machine
  /// By number of the step.
  let calls: [ScenarioCall]
  // What no table of the hypervisor records.
  private var lentPages: Set<UInt64> = []

  init(_ driven: DrivenMachine, _ calls: [ScenarioCall]) {
    engine = driven.engine
    machine = driven.machine
    self.calls = calls
  }

  /// Performs a step; nil for an edit that is no operation.
  mutating func perform(_ number: Int) -> OperationResult? {
    guard case .perform(let call) = calls[number].deed else {
      calls[number].deed.edit(&machine, engine)
      return nil
    }
    var result = engine.perform(call, on: &machine)
    let isForeign = call.operation == .hostFault && result.value == Errno.notPermitted
    if isForeign, engine.rules.traits.foreignFaultIsFatal { result.fatal = .bug }
    return result
  }

  /// Performs a step; the first page of which it breaks one of the invariants, and which.
  mutating func perform(_ number: Int, breaking wanted: InvariantSet) -> (PageFrame, OwnershipInvariant)? {
    guard case .perform(let call) = calls[number].deed else {
      calls[number].deed.edit(&machine, engine)
      return nil
    }
    guard let (next, result) = engine.successor(of: machine, by: call) else { return nil }
    let pages = touched(by: call, from: machine, to: next)
    let before = view(machine).accounts(of: pages) { lentPages.contains($0.rawValue) }
    if result.outcome == .completed { noteSecureWorld(call) }
    machine = next
    let after = view(next).accounts(of: pages) { lentPages.contains($0.rawValue) }
    for (index, page) in pages.enumerated() {
      let broken = after[index].broken.subtracting(before[index].broken).intersection(wanted)
      if let first = broken.invariants.first { return (page, first) }
    }
    return nil
  }

  private func view(_ machine: Machine) -> MachineView {
    MachineView(machine, shape: engine.shape, encoding: engine.rules.encoding)
  }

  // Its pages of memory, and those behind its pages of a guest before and after.
  private func touched(by call: OperationCall, from before: Machine, to after: Machine) -> [PageFrame] {
    let step = StepFootprint(call)
    var pages: Set<PageFrame> = []
    if let physical = step.physical { pages.formUnion(physical.frames.prefix(Self.pageLimit)) }
    if let guest = step.guest, let guestPages = step.guestPages {
      for machine in [before, after] {
        guard let place = machine.place(of: guest) else { continue }
        for range in view(machine).pages(behind: guestPages, of: machine.guests[place]) {
          pages.formUnion(range.frames.prefix(Self.pageLimit))
        }
      }
    }
    return pages.sorted()
  }

  // What completes has no more pages than memory has.
  private static let pageLimit = 1 << 22

  private mutating func noteSecureWorld(_ call: OperationCall) {
    guard let pages = StepFootprint(call).physical else { return }
    let numbers = pages.frames.prefix(Self.pageLimit).map(\.rawValue)
    if call.operation == .hostShareFFA { lentPages.formUnion(numbers) }
    if call.operation == .hostUnshareFFA { lentPages.subtract(numbers) }
  }
}

/// Performs parts of a scenario.
struct ScenarioTrial {
  let property: ShownProperty
  /// The machine, before anything was performed.
  let machine: TrialMachine
  /// The one with the other rules.
  let other: TrialMachine?

  /// Performs the steps of these numbers until one of them shows it; nil if none does.
  func shown(by part: [Int]) -> ShownStep? {
    switch property {
    case .differs: differs(part)
    case .breaks(let wanted): breaks(wanted, part)
    case .fatal, .returns: results(part)
    }
  }

  private func breaks(_ wanted: InvariantSet, _ part: [Int]) -> ShownStep? {
    var machine = machine
    for (place, number) in part.enumerated() {
      guard let (page, invariant) = machine.perform(number, breaking: wanted) else { continue }
      let words = "breaks \(invariant.id) of page \(HexText.hex(page.address)): no longer true: \(invariant.title)"
      return ShownStep(place: place, words: words)
    }
    return nil
  }

  private func results(_ part: [Int]) -> ShownStep? {
    var machine = machine
    for (place, number) in part.enumerated() {
      guard let result = machine.perform(number) else { continue }
      if property == .fatal, let cause = result.fatal {
        return ShownStep(place: place, words: "the hypervisor panics: \(cause.words)")
      }
      if case .returns(let value, let operation) = property, result.fatal == nil, result.value == value,
        operation == nil || operation?.rawValue == machine.calls[number].step.action.name
      {
        return ShownStep(place: place, words: "returns \(HexText.result(value))")
      }
      // Nothing runs on that machine any more.
      if result.fatal != nil { return nil }
    }
    return nil
  }

  private func differs(_ part: [Int]) -> ShownStep? {
    guard var other else { return nil }
    var machine = machine
    for (place, number) in part.enumerated() {
      guard let mine = machine.perform(number), let theirs = other.perform(number) else { continue }
      if Self.decision(mine) != Self.decision(theirs) {
        let names = [machine.engine.rules.generation.rawValue, other.engine.rules.generation.rawValue]
        return ShownStep(
          place: place, words: "\(names[0]): \(Self.decision(mine)), \(names[1]): \(Self.decision(theirs))")
      }
      if mine.fatal != nil { return nil }
    }
    return nil
  }

  private static func decision(_ result: OperationResult) -> String {
    if let cause = result.fatal { return "fatal (\(cause.words))" }
    guard let value = result.value else { return result.outcome.name }
    return value < 0 ? "\(result.outcome.name) \(HexText.result(value))" : "\(result.outcome.name) \(value)"
  }
}
