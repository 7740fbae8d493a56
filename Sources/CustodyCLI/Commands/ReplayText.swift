// Why: what a replay found, for people and for programs.

import Analysis
import PageOwnership

struct ReplayText {
  private let report: ReplayReport
  private let hash: String
  private let lastSeq: SequenceNumber
  private let start: SequenceNumber

  init(_ report: ReplayReport, hash: String, lastSeq: SequenceNumber, start: SequenceNumber) {
    self.start = start
    self.report = report
    self.hash = hash
    self.lastSeq = lastSeq
  }

  private var numbers: [(String, Int64)] {
    [
      ("seq", lastSeq.rawValue), ("entries", report.entries), ("transitions", report.transitions),
      ("snapshots_compared", report.snapshotsCompared), ("pages_compared", Int64(clamping: report.pagesCompared)),
      ("pages_differing", Int64(clamping: report.pagesDiffering)),
      ("pages_unknown", Int64(clamping: report.pagesUnknown)), ("states_compared", report.statesCompared),
      ("states_differing", report.statesDiffering), ("changes_compared", report.changesCompared),
      ("changes_differing", report.changesDiffering), ("access_flags", Int64(clamping: report.accessFlags)),
      ("racy", report.racy), ("in_doubt", report.inDoubt),
    ]
  }

  /// One JSON object.
  var json: String {
    var fields = numbers.map { ($0.0, JSONTree.integer($0.1)) }
    if start.rawValue > 0 { fields.insert(("anchor", .integer(start.rawValue)), at: 0) }
    fields.append(("state_hash", .text(hash)))
    fields.append(("differences", .array(report.differences.map(json))))
    return JSONTree.object(fields).encoded + "\n"
  }

  private func json(_ difference: ReplayDifference) -> JSONTree {
    .object([
      ("kind", .text(difference.kind.rawValue)), ("seq", .integer(difference.seq.rawValue)),
      ("transition", JSONTree(difference.transition?.rawValue)), ("table", .text(difference.table.name)),
      ("space", .integer(Int64(difference.space.rawValue))),
      ("page", .integer(Int64(clamping: difference.pages.first.rawValue))),
      ("page_count", .integer(Int64(clamping: difference.pages.count))), ("replayed", .text(difference.replayed)),
      ("seen", .text(difference.seen)),
    ])
  }

  /// Lines for a person; spaces by name.
  func table(_ spaces: [Space]) -> String {
    var text = "replayed \(report.entries) entries, \(report.transitions) transitions, to entry \(lastSeq.rawValue)"
    text += start.rawValue > 0 ? ", from the anchor at \(start.rawValue)\n" : "\n"
    text += "  snapshots  \(report.snapshotsCompared) compared: \(report.pagesCompared) pages, "
    text +=
      "\(report.pagesDiffering - UInt64(report.changesDiffering)) differ, \(report.pagesUnknown) were unknown before\n"
    text += "  states     \(report.statesCompared) seen at calls: \(report.statesDiffering) differ\n"
    text += "  changes    \(report.changesCompared) old values: \(report.changesDiffering) differ\n"
    if report.accessFlags > 0 {
      text += "  access flag set by hardware in \(report.accessFlags) leaves (no difference)\n"
    }
    if report.racy > 0 { text += "  racy       \(report.racy) words were seen a moment before their entry\n" }
    if report.inDoubt > 0 {
      text += "  in doubt   \(report.inDoubt) pages of transitions that the journal ends inside\n"
    }
    text += "  state hash \(hash)\n"
    guard let first = report.differences.first else { return text + "everything observed agrees\n" }
    text += "first difference: \(sentence(first, spaces))\n"
    for difference in report.differences.dropFirst().prefix(9) { text += "  then: \(sentence(difference, spaces))\n" }
    return text
  }

  private func sentence(_ difference: ReplayDifference, _ spaces: [Space]) -> String {
    let space = spaces.first { $0.id == difference.space }?.name ?? "space \(difference.space.rawValue)"
    let address = "0x" + String(difference.pages.first.address, radix: 16)
    let pages = difference.pages.count == 1 ? "page \(address)" : "\(difference.pages.count) pages from \(address)"
    let what =
      switch difference.kind {
      case .snapshot: "the snapshot shows"
      case .state: "the call saw"
      case .old: "the change found"
      }
    let entry = "entry \(difference.seq.rawValue)"
    let place = difference.transition.map { "T\($0.rawValue), \(entry)" } ?? entry
    return "\(place), \(pages) of \(space) (\(difference.table.name)): "
      + "\(what) \(difference.seen), the replay has \(difference.replayed)"
  }
}
