// Why: a step of a scenario becomes something that a machine can do. What can be known to be wrong is refused
// before anything is performed. Not here: what arguments mean (TransitionRules knows the vectors' order).

import Capture
import PageOwnership
import TransitionRules

/// A step that a machine can perform.
struct ScenarioCall {
  /// What it does to the machine.
  enum Deed {
    case perform(OperationCall)
    case unmapDevices
    case unpublish(SpaceID)
    case destroyTables(SpaceID)

    /// The guest that is edited as a whole.
    var editedGuest: SpaceID? {
      switch self {
      case .unpublish(let space), .destroyTables(let space): space
      case .perform, .unmapDevices: nil
      }
    }

    /// Does to a machine what is no operation.
    func edit(_ machine: inout Machine, _ engine: Engine) {
      switch self {
      case .perform: break
      case .unmapDevices: engine.dropDevices(&machine)
      case .unpublish(let space): machine.place(of: space).map { machine.guests[$0].isKnown = false }
      case .destroyTables(let space): machine.place(of: space).map { machine.guests[$0].hasTable = false }
      }
    }
  }

  /// The step as it was written.
  let step: ScenarioStep
  let deed: Deed
  /// The raw arguments by name, for the journal.
  let arguments: [(name: String, value: UInt64)]

  /// The call of a step; `guests` are those of the machine, in order.
  ///
  /// Throws a ``CommandFailure`` for an operation that the rules do not have, and for a guest that is not there.
  init(_ step: ScenarioStep, _ rules: RuleBook, guests: [SpaceID]) throws {
    self.step = step
    let guest = try Self.guest(step, guests)
    switch step.action {
    case .unmapDevices: deed = .unmapDevices
    case .unpublish: deed = .unpublish(guest ?? .firstGuest)
    case .destroyTables: deed = .destroyTables(guest ?? .firstGuest)
    case .operation(let operation):
      guard rules[operation] != nil,
        let call = VectorCalls.call(operation.rawValue, step.arguments.map(Self.text), rules, guests: guests)
      else { throw Self.failure(step, "\(rules.generation.rawValue) has no such operation") }
      deed = .perform(call)
    }
    var protection: UInt64 = 0
    if case .perform(let call) = deed { protection = call.protection }
    arguments = step.action.parameters.map { ($0.rawValue, step.number($0) ?? protection) }
  }

  private static func guest(_ step: ScenarioStep, _ guests: [SpaceID]) throws -> SpaceID? {
    guard step.action.parameters.contains(.vm) else { return nil }
    guard let number = step.number(.vm), let index = Int(exactly: number), guests.indices.contains(index) else {
      let known = guests.isEmpty ? "none" : "0 to \(guests.count - 1)"
      throw failure(step, "there is no such guest: the machine has \(known)")
    }
    return guests[index]
  }

  private static func failure(_ step: ScenarioStep, _ what: String) -> CommandFailure {
    let place = step.line > 0 ? "line \(step.line): " : ""
    return CommandFailure("\(place)\(step.text): \(what)", status: ExitStatus.usage)
  }

  private static func text(_ argument: ScenarioArgument) -> String {
    switch argument {
    case .number(let number): HexText.hex(number)
    case .permissions(let letters): letters
    }
  }
}
