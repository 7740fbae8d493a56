// Why: what a search found, as a scenario for people and `custody run`, and as JSON; and how what is to be shown is
// typed.

import Analysis
import ArgumentParser
import Capture
import PageOwnership
import TransitionRules

/// What was found.
struct MinimizeReport {
  private let command: MinimizeCommand
  private let trial: ScenarioTrial
  private let best: [Int]
  private let shown: ShownStep
  private let search: Reduction

  init(_ command: MinimizeCommand, _ trial: ScenarioTrial, _ best: [Int], _ shown: ShownStep, _ search: Reduction) {
    self.command = command
    self.trial = trial
    self.best = best
    self.shown = shown
    self.search = search
  }

  private var steps: [ScenarioStep] { best.map { trial.machine.calls[$0].step } }

  private var whole: Int { trial.machine.calls.count }

  /// The scenario, with what it shows above it.
  var text: String {
    let last = steps.last.map(\.text) ?? ""
    let end = search.isMinimal ? "no single one can be left out" : "not minimal: the search was ended"
    var text = "# \(last): \(shown.words)\n"
    text += "# \(best.count) of \(whole) step\(whole == 1 ? "" : "s"), \(search.testCount) runs; \(end)\n"
    for engine in [trial.machine.engine] + (trial.other.map { [$0.engine] } ?? []) {
      let debug = engine.el2Debug ? " --el2-debug" : ""
      let machine = command.machine.map { " --machine \(DisplayText.escaped($0))" } ?? ""
      text += "# perform with: custody run - --generation \(engine.rules.generation.rawValue)\(debug)\(machine)\n"
    }
    return text + steps.map { $0.text + "\n" }.joined()
  }

  /// One object.
  var json: JSONTree {
    let engines = [trial.machine.engine] + (trial.other.map { [$0.engine] } ?? [])
    return .object([
      ("shows", .text(shown.words)), ("steps_before", .integer(Int64(whole))), ("steps", .integer(Int64(best.count))),
      ("runs", .integer(Int64(search.testCount))), ("minimal", .bool(search.isMinimal)),
      ("generations", .array(engines.map { .text($0.rules.generation.rawValue) })),
      ("el2_debug", .bool(trial.machine.engine.el2Debug)),
      ("numbers", .array(best.map { .integer(Int64($0 + 1)) })),
      ("lines", .array(steps.map { $0.line > 0 ? .integer(Int64($0.line)) : .null })),
      ("scenario", .array(steps.map { .text($0.text) })),
    ])
  }
}

/// `I2`, or `any`.
struct InvariantArgument: ExpressibleByArgument, Equatable {
  let set: InvariantSet

  init?(argument: String) {
    let all = OwnershipInvariant.allCases
    let chosen = argument == "any" ? all : all.filter { $0.id.lowercased() == argument.lowercased() }
    guard !chosen.isEmpty else { return nil }
    set = InvariantSet(chosen.map { InvariantSet($0) })
  }
}

/// `-EPERM`, `EPERM` or a number.
struct ReturnedArgument: ExpressibleByArgument, Equatable {
  let value: Int64

  init?(argument: String) {
    guard let value = Errno.value(named: argument) ?? Int64(argument) else { return nil }
    self.value = value
  }
}
