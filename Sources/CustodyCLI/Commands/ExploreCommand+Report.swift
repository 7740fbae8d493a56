// Why: what a search found, for people, for programs and as a scenario that `run` performs.

import Capture
import Journal
import PageOwnership
import TransitionRules

/// What a search found.
struct ExploreReport {
  private let command: ExploreCommand
  private let search: Exploration
  private let ending: Exploration.Ending

  init(_ command: ExploreCommand, _ search: Exploration, _ ending: Exploration.Ending) {
    self.command = command
    self.search = search
    self.ending = ending
  }

  /// Writes it in the format that was asked for.
  func write(_ console: Console) throws {
    if command.scenario {
      if let hole = search.holes.first { try console.write(scenario(hole)) }
    } else if command.output.format == .json {
      try console.write(json.encoded + "\n")
    } else {
      if command.output.format == .table { try console.write(heading + "\n") }
      try writeHoles(console)
      if command.output.format == .table { try writeWays(console) }
    }
    try console.flush()
  }

  private var build: String { command.el2Debug ? "with EL2 debugging" : "without EL2 debugging" }

  private var heading: String {
    let machine =
      "\(command.pages) page\(command.pages == 1 ? "" : "s"), "
      + "\(command.guests) guest\(command.guests == 1 ? "" : "s")"
    return "\(command.generation.rawValue) \(build), \(machine): \(search.stateCount) states, "
      + "\(search.transitionCount) transitions, \(search.callCount) calls"
      + (ending == .complete ? "" : ", not all were visited")
  }

  private func writeHoles(_ console: Console) throws {
    if search.holes.isEmpty {
      if command.output.format == .table { return try console.write("no hole was found\n") }
    }
    let columns = [
      Column("hole", isTrailing: true), Column("operation"), Column("kind"), Column("what", minimum: 30),
      Column("steps", isTrailing: true),
    ]
    let hasWay = !command.output.format.isForPeople
    let writer = command.output.format.writer(columns + (hasWay ? [Column("scenario")] : []), to: console)
    for (index, hole) in search.holes.enumerated() {
      var row: [Cell] = [
        .integer(Int64(index + 1)), .text(hole.operation?.rawValue ?? ""), .text(kind(hole)), .text(what(hole)),
        .integer(Int64(hole.calls.count)),
      ]
      if hasWay { row.append(.text(steps(hole).joined(separator: "; "))) }
      try writer.write(row)
    }
    try writer.finish()
  }

  private func writeWays(_ console: Console) throws {
    for (index, hole) in search.holes.enumerated() {
      try console.write("\nhole \(index + 1): \(what(hole))\n")
      for step in steps(hole) { try console.write("  \(step)\n") }
    }
  }

  private func kind(_ hole: Hole) -> String {
    switch hole.kind {
    case .fatal: "fatal"
    case .broken(let invariant): invariant.id
    case .unchecked: "unchecked"
    }
  }

  private func what(_ hole: Hole) -> String {
    switch hole.kind {
    case .fatal: "the hypervisor panics"
    case .broken(let invariant): "no longer true: \(invariant.title)"
    case .unchecked(let condition): "completes, but \"\(condition.rawValue)\" does not hold and is not checked"
    }
  }

  private func steps(_ hole: Hole) -> [String] { hole.calls.map { $0.scenarioStep.text } }

  private func scenario(_ hole: Hole) -> String {
    let debug = command.el2Debug ? " --el2-debug" : ""
    return "# \(hole.operation?.rawValue ?? ""): \(what(hole))\n"
      + "# perform with: custody run - --generation \(command.generation.rawValue)\(debug)\n"
      + steps(hole).map { $0 + "\n" }.joined()
  }

  private var json: JSONTree {
    .object([
      ("generation", .text(command.generation.rawValue)), ("el2_debug", .bool(command.el2Debug)),
      ("pages", .integer(Int64(command.pages))), ("guests", .integer(Int64(command.guests))),
      ("states", .integer(Int64(search.stateCount))), ("transitions", .integer(Int64(search.transitionCount))),
      ("calls", .integer(Int64(search.callCount))), ("complete", .bool(ending == .complete)),
      (
        "holes",
        .array(
          search.holes.map { hole in
            .object([
              ("operation", .text(hole.operation?.rawValue ?? "")), ("kind", .text(kind(hole))),
              ("what", .text(what(hole))), ("steps", .array(steps(hole).map { .text($0) })),
            ])
          })
      ),
    ])
  }
}

extension SmallCall {
  /// The first page that a search's pages stand for: memory of the default machine.
  private static let firstPage: UInt64 = 0x41300
  /// The first guest address that a search's addresses stand for.
  private static let firstGuestPage: UInt64 = 0x100

  /// The call as a step of a scenario.
  var scenarioStep: ScenarioStep {
    let action = ScenarioAction.operation(operation)
    return ScenarioStep(action, action.parameters.map(argument))
  }

  private func argument(_ parameter: ScenarioParameter) -> ScenarioArgument {
    let physical = Self.firstPage + UInt64(page)
    return switch parameter {
    case .vm: .number(UInt64(guest))
    case .pfn: .number(physical)
    case .gfn: .number(Self.firstGuestPage + UInt64(guestPage))
    case .nr: .number(UInt64(count))
    case .phys, .from: .number(physical << 12)
    case .to: .number((physical + UInt64(count)) << 12)
    case .prot: .permissions("rwx")
    case .mkold: .number(1)
    }
  }
}
