// Why: what goes, what stays, and why not more, for people and for programs; the same words before and after.

import Journal
import PageOwnership

/// The report of `custody prune`.
struct PruneText {
  let path: String
  let plan: PrunePlan
  /// Nanoseconds of the last line at the anchor or before.
  let time: Int64?
  /// Whether it was done; else it would be.
  let isDone: Bool

  /// For people.
  var table: String {
    guard let cut = plan.cut else { return nothing }
    let verb = isDone ? "dropped" : "would be dropped"
    var text = "\(path): entries \(plan.first.rawValue) to \(cut.rawValue) \(verb), "
    text += "\(plan.head.rawValue - cut.rawValue) stay\n"
    func add(_ name: String, _ words: String) {
      text += "  " + name + String(repeating: " ", count: max(1, 12 - name.count)) + words + "\n"
    }
    add("gone", gone)
    add("anchor", "entry \(cut.rawValue)" + (time.map { ", \(HexText.seconds($0, decimals: 4)) s" } ?? "") + calls)
    if let blocker { add("moved back", blocker) }
    let after = isDone ? "\(plan.byteCountAfter)" : "about \(plan.byteCountAfter)"
    add("bytes", "\(plan.byteCount) before, \(after) after")
    if plan.hasIndex { add("index", isDone ? "made anew from the anchor on" : "is made anew from the anchor on") }
    if plan.violations > 0 { add("audit", "\(plan.violations) saved findings go: `custody audit --save` finds anew") }
    return text
  }

  private var nothing: String {
    let reason =
      blocker ?? "all \(plan.head.rawValue - plan.first.rawValue + 1) entries stay, or fewer than \(Seal.interval) go"
    var text = "\(path): nothing to prune: \(reason)\n"
    if isDone, plan.byteCountAfter < plan.byteCount {
      text += "  bytes       \(plan.byteCount) before, \(plan.byteCountAfter) after\n"
    }
    return text
  }

  private var gone: String {
    [
      Self.count(plan.entries, "entry", "entries"), Self.count(plan.transitions, "transition", "transitions"),
      Self.count(plan.snapshots, "snapshot", "snapshots"), Self.count(plan.names, "name", "names"),
    ].compactMap { $0 }.joined(separator: ", ")
  }

  private var calls: String {
    Self.count(plan.openCalls, "call", "calls").map { "; \($0) had not returned: they stay" } ?? ""
  }

  private var blocker: String? {
    guard let blocker = plan.blocker, let wanted = plan.wanted else { return nil }
    let end = blocker.last.map { ", which ends at entry \($0.rawValue)" } ?? ", which never ended"
    return "entry \(wanted.rawValue) lies inside T\(blocker.id.rawValue)\(end)"
  }

  private static func count(_ number: Int64, _ one: String, _ many: String) -> String? {
    number == 0 ? nil : "\(number) \(number == 1 ? one : many)"
  }

  /// For programs.
  var json: String {
    func optional(_ number: Int64?) -> JSONTree { number.map { .integer($0) } ?? .null }
    return JSONTree.object([
      ("done", .bool(isDone)), ("first", .integer(plan.first.rawValue)), ("anchor", optional(plan.cut?.rawValue)),
      ("anchor_time", optional(time)), ("last", .integer(plan.head.rawValue)), ("entries", .integer(plan.entries)),
      ("transitions", .integer(plan.transitions)), ("snapshots", .integer(plan.snapshots)),
      ("names", .integer(plan.names)), ("open_calls", .integer(plan.openCalls)),
      ("saved_violations", .integer(plan.violations)), ("wanted", optional(plan.wanted?.rawValue)),
      ("blocked_by", optional(plan.blocker?.id.rawValue)), ("bytes", .integer(plan.byteCount)),
      ("bytes_after", .integer(plan.byteCountAfter)), ("index", .bool(plan.hasIndex)),
    ]).encoded + "\n"
  }
}
