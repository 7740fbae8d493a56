// Why: what would happen, as rows for programs: one a check, one a change of an apply.

import Capture
import Journal
import PageOwnership
import PageTables
import TransitionRules

/// Answers as rows.
struct TryRows {
  private let trial: Trial

  init(_ trial: Trial) { self.trial = trial }

  private static let columns = [
    "step", "outcome", "result", "phase", "kind", "what", "check", "space", "address", "page_count", "expected",
    "found", "skipped", "table", "old", "new", "old_state", "new_state", "owner",
  ].map { Column($0) }

  /// Writes all steps in a format.
  func write(_ tried: [TriedStep], _ format: OutputFormat, _ console: Console) throws {
    let writer = format.writer(Self.columns, to: console)
    for step in tried {
      for (index, phase) in step.phases.enumerated() {
        let head = head(step) + [.integer(Int64(index + 1))]
        if phase.changes.isEmpty {
          try writer.write(head + row(phase) + Array(repeating: Cell.null, count: 6))
        }
        for change in phase.changes { try writer.write(head + row(phase) + row(change)) }
      }
    }
    try writer.finish()
  }

  private func head(_ step: TriedStep) -> [Cell] {
    let isUnknown = step.isUncertain && step.result?.outcome != .completed
    let outcome = isUnknown ? "unknown" : step.result?.outcome.name
    return [.text(step.step.text), Cell(outcome), isUnknown ? .null : Cell(step.result?.value)]
  }

  private func row(_ phase: TriedPhase) -> [Cell] {
    let entry = phase.entry
    return [
      .text(phase.site.kind.rawValue), Cell(phase.site.condition?.rawValue ?? phase.site.effect?.rawValue),
      Cell(phase.outcome?.name), Cell(entry.space.map { trial.names[$0] ?? "" }),
      Cell((entry.page?.address).map(HexText.hex)), Cell(entry.pageCount.map { Int64(bitPattern: $0) }),
      Cell(phase.site.expected?.name), Cell(entry.found?.name), .text(phase.site.skipped),
    ]
  }

  private func row(_ change: Change) -> [Cell] {
    [
      .text(change.table.name), Cell(change.old.map(HexText.hex)), Cell(change.new.map(HexText.hex)),
      .text(change.oldState.name), .text(change.newState.name), Cell(change.owner.map { trial.names[$0] ?? "" }),
    ]
  }
}
