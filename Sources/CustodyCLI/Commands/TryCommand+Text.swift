// Why: what would happen, as a person reads it: the decision first, then each check and apply with its pages.

import Capture
import Journal
import PageOwnership
import PageTables
import TransitionRules

/// Answers for a person.
struct TryText {
  private let trial: Trial
  private let console: Console

  init(_ trial: Trial, _ console: Console) {
    self.trial = trial
    self.console = console
  }

  /// Writes all steps.
  func write(_ tried: [TriedStep]) throws {
    let build = trial.engine.el2Debug ? "with EL2 debugging" : "without EL2 debugging"
    try console.write("\(trial.moment)\nby the rules of \(trial.engine.rules.generation.rawValue) \(build)\n")
    for assumption in trial.assumptions { try console.write("assumed: \(assumption)\n") }
    for step in tried { try write(step) }
    try console.flush()
  }

  private func write(_ step: TriedStep) throws {
    try console.write("\n\(console.paint(step.step.text, .bold))  \(decision(step))\n")
    let lines = step.phases.enumerated().map { line($1, number: $0 + 1) }
    let widths = (0..<4).map { column in lines.map { DisplayText.width($0[column]) }.max() ?? 0 }
    for (line, phase) in zip(lines, step.phases) {
      let padded = zip(line, widths).map { text, width in
        text + String(repeating: " ", count: max(0, width - DisplayText.width(text)))
      }
      let whole = "  " + padded.joined(separator: "  ") + (line.count > 4 ? "  " + line[4] : "")
      try console.write(trimmed(whole) + "\n")
      for change in phase.changes { try console.write("        " + words(change) + "\n") }
    }
  }

  private func trimmed(_ line: String) -> String {
    var line = line
    while line.utf8.last == UInt8(ascii: " ") { line.removeLast() }
    return line
  }

  private func decision(_ step: TriedStep) -> String {
    guard let result = step.result else { return "" }
    if step.isUncertain, result.outcome != .completed {
      return console.paint("unknown", .yellow) + ": it hangs on a page that was not seen"
    }
    switch result.outcome {
    case .completed: return console.paint("would complete", .green) + value(result)
    case .refused:
      let deciding = step.deciding.map { step.phases[$0] }
      let condition = deciding?.site.condition.map { ": \"\($0.rawValue)\" does not hold" } ?? ""
      let found = deciding?.entry.found.map { ", found \($0.name)" } ?? ""
      return console.paint("would be refused", .red) + " \(HexText.result(result.value ?? 0))\(condition)\(found)"
    case .fatal: return console.paint("would be fatal", .yellow) + ": \(result.fatal?.words ?? "")"
    case .noEffect, .open: return "would have no effect"
    }
  }

  private func value(_ result: OperationResult) -> String {
    guard let value = result.value, value != 0 else { return "" }
    return ", returning \(HexText.result(value))"
  }

  private func line(_ phase: TriedPhase, number: Int) -> [String] {
    let entry = phase.entry
    let name = entry.space.map { trial.names[$0] ?? "space \($0.rawValue)" } ?? ""
    let place = [name, HexText.pages(entry.page?.address, entry.pageCount)].filter { !$0.isEmpty }.joined(
      separator: " ")
    if phase.site.kind != .check {
      let state = phase.site.newState.map { "→ \($0.name)" } ?? ""
      let result = (entry.result ?? 0) < 0 ? "FAILS \(HexText.result(entry.result ?? 0))" : ""
      return [
        ".\(number)", phase.site.kind.rawValue, phase.site.effect?.rawValue ?? phase.site.kernelStep ?? "", place,
        [state, result].filter { !$0.isEmpty }.joined(separator: "  "),
      ]
    }
    let outcome = phase.outcome == .failed ? "FAILED" : phase.outcome?.name ?? ""
    let what = phase.site.condition?.rawValue ?? "(\(phase.site.skipped))"
    var found = ""
    if phase.outcome == .failed || phase.outcome == .unknown {
      let wants = phase.site.expected.map { "wants \($0.name)" }
      let sees = entry.found.map { "found \($0.name)" }
      let errno = (entry.result ?? 0) < 0 ? HexText.result(entry.result ?? 0) : nil
      found = [errno, wants, sees].compactMap { $0 }.joined(separator: ", ")
    } else {
      found = entry.found.map { "found \($0.name)" } ?? ""
    }
    if phase.site.condition != nil, !phase.site.skipped.isEmpty {
      found += (found.isEmpty ? "" : "; ") + "not made: \(phase.site.skipped)"
    }
    return [".\(number)", "check \(outcome)", what, place, found]
  }

  private func words(_ change: Change) -> String {
    let space = trial.names[change.space] ?? ""
    let place =
      change.space.isGuest
      ? "\(space)/\(HexText.hex(change.pages.first.address))" : HexText.hex(change.pages.first.address)
    let old = change.old.map(HexText.hex) ?? "?"
    let new = change.new.map(HexText.hex) ?? "?"
    let states =
      change.oldState == change.newState ? change.newState.name : "\(change.oldState.name) → \(change.newState.name)"
    let owner = change.owner.map { ", names " + (trial.names[$0] ?? "space \($0.rawValue)") } ?? ""
    return
      "\(change.table.name) \(place)\(HexText.times(change.pages.count))  \(old) → \(new)  \(space) \(states)\(owner)"
  }
}
