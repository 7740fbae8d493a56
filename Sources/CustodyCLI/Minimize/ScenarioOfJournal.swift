// Why: a journal that `run` made holds its scenario: the transitions with their arguments, and the edits between
// them. So a journal that went wrong can be minimized although its file of steps is gone.

import Capture
import Journal
import PageOwnership

/// Reads the steps that a journal was driven by.
enum ScenarioOfJournal {
  /// The steps, in order; `guests` are the journal's, in order.
  ///
  /// Throws a ``CommandFailure`` with status 3 for a row that no step makes.
  static func steps(_ reader: JournalReader, guests: [SpaceID]) throws -> [ScenarioStep] {
    let sites = try reader.sites()
    var steps: [ScenarioStep] = []
    try reader.forEachEntry(through: reader.headSeq()) { frame in
      guard let site = sites[frame.entry.site] else { return true }
      if site.kind == .begin, let id = frame.entry.action, let operation = site.operation {
        let arguments = try reader.transition(id)?.0.arguments ?? ""
        steps.append(try step(.operation(operation), arguments, frame.entry.seq, reader))
      } else if site.kind == .op, let action = site.kernelFunction.flatMap({ ScenarioAction(name: $0) }) {
        let guest = frame.entry.space.flatMap { guests.firstIndex(of: $0) }
        steps.append(try step(action, guest.map { "vm=0x" + String($0, radix: 16) } ?? "", frame.entry.seq, reader))
      }
      return true
    }
    return steps
  }

  private static func step(
    _ action: ScenarioAction, _ text: String, _ seq: SequenceNumber, _ reader: JournalReader
  ) throws -> ScenarioStep {
    var given: [String: UInt64] = [:]
    for word in text.split(separator: " ") {
      let parts = word.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, let number = NumberArgument.number(parts[1]) else { continue }
      given[String(parts[0])] = number
    }
    let arguments = try action.parameters.map { parameter in
      guard let number = given[parameter.rawValue] else {
        throw CommandFailure(
          "\(reader.path): entry \(seq.rawValue) does not tell `\(parameter.rawValue)` of its \(action.words)",
          hint: "only journals that `custody run` made hold whole scenarios", status: ExitStatus.corrupt)
      }
      return ScenarioArgument.number(number)
    }
    return ScenarioStep(action, arguments)
  }
}
