// Why: what a run tells at its end: what became of the steps, whether the machine still runs, and what
// survives a power cut.

import Capture
import PageOwnership
import TransitionRules

/// What became of a run.
struct RunReport {
  /// How a run ended that was fatal at EL2.
  struct Fatal {
    var id: ActionID
    var step: String
    var line: Int
    var cause: String
  }

  private let path: String
  private let engine: Engine
  let steps: Int
  var performed = 0
  var durableSeq: Int64 = 0
  var isInterrupted = false
  /// Whether the entry to crash after never came.
  var crashMissed = false
  private(set) var fatal: Fatal?
  private var counts: [String: Int] = [:]

  init(_ command: RunCommand, _ engine: Engine, steps: Int) {
    path = command.journal.path
    self.engine = engine
    self.steps = steps
  }

  /// Counts a transition.
  mutating func note(_ done: JournaledTransition, _ call: ScenarioCall) {
    let outcome = done.outcome
    var words = outcome.name
    if outcome == .refused, let value = done.result.value { words += " " + HexText.result(value) }
    counts["\(call.step.action.name) \(words)", default: 0] += 1
    guard let cause = done.result.fatal else { return }
    fatal = Fatal(id: done.id, step: call.step.text, line: call.step.line, cause: cause.words)
  }

  private var build: String { engine.el2Debug ? "with EL2 debugging" : "without EL2 debugging" }

  private var rows: [(name: String, outcome: String, count: Int)] {
    counts.keys.sorted().map { key in
      let words = key.split(separator: " ", maxSplits: 1).map(String.init)
      return (words[0], words.count > 1 ? words[1] : "", counts[key] ?? 0)
    }
  }

  /// Lines for a person.
  var table: String {
    var text = "\(path): \(engine.rules.generation.rawValue) \(build), \(performed) of \(steps) steps performed\n"
    for row in rows {
      let left = "  " + row.name.padded(to: 24)
      let count = String(repeating: " ", count: max(0, 8 - "\(row.count)".count)) + "\(row.count)"
      text += "\(left)\(count)  \(row.outcome)\n"
    }
    if let fatal {
      let line = fatal.line > 0 ? "line \(fatal.line): " : ""
      text += "the hypervisor panicked inside T\(fatal.id.rawValue) (\(line)\(fatal.step)): \(fatal.cause)\n"
      let rest = steps - performed
      if rest > 0 {
        text += "  the machine stopped there: \(rest) step\(rest == 1 ? " was" : "s were") not performed\n"
      }
    }
    if crashMissed { text += "the run ended before the entry of --crash-after\n" }
    return text + "durable through entry \(durableSeq)\n"
  }

  /// One JSON object.
  var json: String {
    let outcomes = rows.map { row in
      JSONTree.object([
        ("step", .text(row.name)), ("outcome", .text(row.outcome)), ("count", .integer(Int64(row.count))),
      ])
    }
    let stopped = fatal.map { fatal in
      JSONTree.object([
        ("transition", .integer(fatal.id.rawValue)), ("line", .integer(Int64(fatal.line))),
        ("step", .text(fatal.step)), ("cause", .text(fatal.cause)),
      ])
    }
    return JSONTree.object([
      ("journal", .text(path)), ("generation", .text(engine.rules.generation.rawValue)),
      ("el2_debug", .bool(engine.el2Debug)), ("steps", .integer(Int64(steps))),
      ("performed", .integer(Int64(performed))), ("outcomes", .array(outcomes)), ("fatal", stopped ?? .null),
      ("durable_seq", .integer(durableSeq)),
    ]).encoded + "\n"
  }
}
