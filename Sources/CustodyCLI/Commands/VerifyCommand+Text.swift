// Why: what a check found, for people and for programs: first what was looked at and what was not, then what
// is wrong.

import Journal
import PageOwnership

/// The report of `custody verify`.
struct VerifyReport {
  let path: String
  let check: JournalCheck
  let states: StateCheck
  let index: IndexCheck
  let isComplete: Bool

  // Derived tables that other checks own.
  private var coverage: [TableCoverage] {
    guard !check.coverage.isEmpty else { return [] }
    return check.coverage + [
      TableCoverage(table: "snapshot_leaf", present: states.leavesRead, checked: states.leavesRead),
      TableCoverage(table: "ownership_*", present: index.compared, checked: index.compared),
    ]
  }

  /// For people.
  var table: String {
    let first = check.anchor.map { "\(check.seq.rawValue - $0.rawValue) entries behind the anchor at \($0.rawValue)" }
    var text = "\(path): \(first ?? "\(check.seq.rawValue) entries"), "
    text += "\(states.snapshotsCompared) own snapshots compared\n"
    if let head = check.head {
      text += "  seals: \(check.sealCount) heads and \(states.hashesCompared) state hashes recomputed"
      text += check.tagCount > 0 ? ", \(check.tagCount) tags\n" : "\n"
      text += "  head:  \(check.seq.rawValue):\(head)\n"
    }
    let rows = coverage.reduce((0, 0)) { ($0.0 + $1.checked, $0.1 + $1.present) }
    if rows.1 > 0 { text += "  rows:  \(rows.0) checked of \(rows.1), in \(coverage.count) tables\n" }
    if let last = index.validTo {
      text += "  index: valid to entry \(last.rawValue), \(index.compared) rows compared\n"
    }
    for note in notes { text += "  " + note + "\n" }
    for finding in check.findings { text += "  WRONG \(finding.structure): \(finding.message)\n" }
    return text + (check.findings.isEmpty ? "sound\n" : "\(check.findings.count) findings\n")
  }

  private var notes: [String] {
    var notes = check.skipped.map { "not checked: \($0)" }
    if let anchor = check.anchor {
      notes.append("entries 1 to \(anchor.rawValue) were pruned: the state there is checked against its seal alone")
    }
    for rows in coverage {
      if let skipped = rows.skipped { notes.append("not checked: \(rows.present) rows of \(rows.table): \(skipped)") }
    }
    if index.validTo == nil, check.findings.isEmpty { notes.append("no index: `custody index` builds it") }
    if states.hashesMissing > 0 {
      notes.append("not checked: \(states.hashesMissing) seals have no state hash: they were made by a migration")
    }
    if !check.isClean {
      notes.append("no clean mark: the last writer did not close in order, or is still at work")
      if !check.isEndProven {
        notes.append(
          "tail not provable past seq \(check.seq.rawValue): --expect \(check.seq.rawValue) would prove that no entry "
            + "up to there is missing")
      }
    }
    if !isComplete { notes.append("the import is incomplete: --resume goes on with it") }
    return notes
  }

  /// For programs.
  var json: String {
    let findings = check.findings.map { finding in
      JSONTree.object([
        ("structure", .text(finding.structure)), ("message", .text(finding.message)),
        ("place", finding.place.map { .integer($0) } ?? .null),
      ])
    }
    let tables = coverage.map { rows in
      JSONTree.object([
        ("table", .text(rows.table)), ("present", .integer(rows.present)), ("checked", .integer(rows.checked)),
        ("skipped", rows.skipped.map { .text($0) } ?? .null),
      ])
    }
    return JSONTree.object([
      ("entries", .integer(check.seq.rawValue)), ("anchor", check.anchor.map { .integer($0.rawValue) } ?? .null),
      ("head", check.head.map { .text("\($0)") } ?? .null),
      ("state_hash", check.stateHash.map { .text("\($0)") } ?? .null), ("seals", .integer(check.sealCount)),
      ("state_hashes_compared", .integer(Int64(states.hashesCompared))), ("tags", .integer(check.tagCount)),
      ("own_snapshots_compared", .integer(Int64(states.snapshotsCompared))),
      ("indexed_to", index.validTo.map { .integer($0.rawValue) } ?? .null),
      ("index_rows_compared", .integer(index.compared)), ("clean", .bool(check.isClean)),
      ("complete", .bool(isComplete)), ("end_proven", .bool(check.isEndProven)),
      ("not_checked", .array(check.skipped.map { .text($0) })), ("tables", .array(tables)),
      ("findings", .array(findings)),
    ]).encoded + "\n"
  }
}
