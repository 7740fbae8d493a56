// Why: one table of names: our operation, which is also the vectors' and the scenarios', how it is written by
// hand, the kernel's functions and steps, and which generations have it.

import Capture
import Journal
import PageOwnership
import TransitionRules

extension RulesCommand {
  /// Writes the names of one operation or of all, and of the steps that a scenario has besides.
  func writeNames(_ console: Console) throws {
    let columns = [
      Column("operation"), Column("scenario", minimum: 20), Column("kernel_functions", minimum: 20),
      Column("generations", minimum: 9, dropRank: 1), Column("kernel_steps", minimum: 12, dropRank: 2),
    ]
    let writer = output.format.writer(columns, to: console)
    for operation in Operation.allCases where self.operation == nil || self.operation == operation {
      try writer.write(Self.names(operation).map { .text($0) })
    }
    if operation == nil {
      for action in ScenarioAction.all where action.operation == nil {
        try writer.write([action.name, action.usage, "", "", ""].map { .text($0) })
      }
    }
    try writer.finish()
  }

  private static func names(_ operation: Operation) -> [String] {
    let books = Generation.allCases.map { RuleBook.of($0) }.filter { $0[operation] != nil }
    var steps: [String] = []
    for rules in books.reversed().compactMap({ $0[operation] }) {
      for step in rules.checks.map(\.kernelStep) + rules.applies.map(\.kernelStep) where !steps.contains(step) {
        steps.append(step)
      }
    }
    let usage = operation == .bootFixup ? "" : ScenarioAction.operation(operation).usage
    return [
      operation.rawValue, usage, operation.kernelFunctions.joined(separator: ", "),
      books.map(\.generation.rawValue).joined(separator: ", "), steps.joined(separator: ", "),
    ]
  }
}

extension ScenarioAction {
  /// The operation, if it is one.
  var operation: Operation? {
    guard case .operation(let operation) = self else { return nil }
    return operation
  }
}
