// Why: the same rows as the C program wants them: columns as numbers, with the same NULLs that the
// journal stores. Made before the clock starts. Not here: sites and spaces (a handful, written by the
// journal in both files).

import CAppendBaseline
import PageOwnership

/// The rows of one group, table by table, in the order in which both sides insert them.
struct BaselineRows {
  static let tables: [(name: String, columns: Int32)] = [
    ("activation_row", 11), ("transition_row", 9), ("entry_row", 11), ("change_row", 10), ("observation_row", 12),
    ("activation_end", 3), ("transition_end", 5),
  ]

  /// One array a table, as in ``tables``.
  let rows: [[custody_baseline_row]]

  /// `text` keeps the arguments alive; all transitions of the generator have the same.
  init(_ batch: EntryBatch, _ text: UnsafeBufferPointer<CChar>) {
    rows = [
      batch.activations.map(Self.row), batch.transitions.map { Self.row($0, text) }, batch.entries.map(Self.row),
      batch.changes.map(Self.row), batch.observations.map(Self.row),
      batch.activationEnds.map { Self.row([$0.id.rawValue, $0.lastSeq.rawValue, $0.result]) },
      batch.transitionEnds.map {
        Self.row([
          $0.id.rawValue, $0.lastSeq.rawValue, $0.outcome.map { Int64($0.rawValue) }, $0.result,
          $0.failedSeq?.rawValue,
        ])
      },
    ]
  }

  private static func row(_ columns: [Int64?]) -> custody_baseline_row {
    var row = custody_baseline_row()
    withUnsafeMutableBytes(of: &row.values) { bytes in
      let values = bytes.bindMemory(to: Int64.self)
      for (index, column) in columns.enumerated() { values[index] = column ?? 0 }
    }
    for (index, column) in columns.enumerated() where column == nil { row.nulls |= 1 << UInt32(index) }
    return row
  }

  private static func word(_ value: UInt64?) -> Int64? { value.map { Int64(bitPattern: $0) } }

  private static func row(_ activation: Activation) -> custody_baseline_row {
    row(
      [activation.id.rawValue, activation.parent?.rawValue, 0, activation.firstSeq.rawValue]
        + activation.registers.map(word) + [nil])
  }

  private static func row(_ transition: Transition, _ text: UnsafeBufferPointer<CChar>) -> custody_baseline_row {
    var row = row([
      transition.id.rawValue, transition.activation?.rawValue, Int64(transition.source.space.rawValue),
      word(transition.source.address), Int64(transition.target.space.rawValue), word(transition.target.address),
      word(transition.pageCount), transition.firstSeq.rawValue,
    ])
    row.text = text.baseAddress
    row.text_bytes = Int32(text.count)
    return row
  }

  private static func row(_ entry: Entry) -> custody_baseline_row {
    row([
      entry.seq.rawValue, Int64(entry.site.rawValue), entry.action?.rawValue, entry.space.map { Int64($0.rawValue) },
      word(entry.page?.rawValue), entry.pageCount == 1 ? nil : word(entry.pageCount), entry.cpu.map { Int64($0) },
      entry.found.map { Int64($0.rawValue) }, entry.outcome.map { Int64($0) }, entry.result, entry.time,
    ])
  }

  private static func row(_ change: Change) -> custody_baseline_row {
    let flags =
      Int64(change.table.rawValue) | Int64(change.oldState.rawValue) << 2 | Int64(change.newState.rawValue) << 5
    return row([
      change.seq.rawValue, Int64(change.ordinal), Int64(change.space.rawValue), word(change.pages.first.rawValue), nil,
      nil, word(change.old), word(change.new), flags, change.owner.map { Int64($0.rawValue) },
    ])
  }

  private static func row(_ seen: Observation) -> custody_baseline_row {
    let levels = [seen.host, seen.hyp, seen.guest].reduce(Int64(0)) { $0 << 8 | Int64($1?.level ?? 3) }
    return row([
      seen.seq.rawValue, Int64(seen.ordinal), word(seen.pages.first.rawValue), nil, word(seen.frame),
      word(seen.host?.raw), word(seen.hyp?.raw), seen.guestSpace.map { Int64($0.rawValue) },
      word(seen.guestPage?.rawValue), word(seen.guest?.raw), levels, 0,
    ])
  }
}
