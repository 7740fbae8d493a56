// Why: an explanation for programs: the fields of `show`, each check with what the replay says of it, and the
// same words that people read.

import Analysis
import Journal
import PageOwnership

/// An explained transition as JSON.
struct WhyJSON {
  private let why: WhyStory
  private let words: WhyWords
  private let events: EventWords

  init(_ why: WhyStory) throws {
    self.why = why
    words = try WhyWords(why)
    events = EventWords(why.story.context)
  }

  /// One object with everything.
  var object: JSONTree {
    get throws { .object(TransitionJSON(why.story).header + [("checks", .array(checks))] + (try verdict)) }
  }

  /// The verdict, then each check, told apart by `record`.
  var records: [JSONTree] {
    get throws {
      let head = JSONTree.object([("record", .text("transition"))] + TransitionJSON(why.story).header + (try verdict))
      return [head]
        + why.inquiry.checks.map { .object([("record", .text("check"))] + WhyRows.fields($0, words)) }
    }
  }

  private var checks: [JSONTree] { why.inquiry.checks.map { .object(WhyRows.fields($0, words)) } }

  private var verdict: [(String, JSONTree)] {
    get throws {
      let steps = try why.past(limit: 12).steps
      return [
        ("verdict", .text(why.story.outcome.name + WhyVerdict(why, words).text)),
        ("decided_by", JSONTree(why.decided.map { Int64($0.phase) } ?? why.failedApply?.phase.map { Int64($0) })),
        ("past", .array(try steps.map(step))),
        ("meanwhile", .array(try why.inquiry.interferences.compactMap { try why.causes.cause(at: $0.seq) }.map(cause))),
        ("changed", .array(try FoldedEvents(why.ownEvents, events).lines.map { .text($0) })),
        ("states", .array(WhyStates(why, words).lines.map { .text($0) })),
        ("half_done", .array(try halfDone.map { .text($0) })),
      ]
    }
  }

  private var halfDone: [String] {
    get throws {
      guard why.story.outcome == .open || why.story.outcome == .fatal else { return [] }
      return try HalfDoneWords(why.story.context).lines(why)
    }
  }

  private func cause(_ cause: Cause) -> JSONTree {
    .object(causeFields(cause))
  }

  private func causeFields(_ cause: Cause) -> [(String, JSONTree)] {
    [
      ("seq", .integer(cause.seq.rawValue)), ("kind", .text(cause.isPruned ? "pruned" : cause.site.kind.rawValue)),
      ("transition", JSONTree(cause.transition?.id.rawValue)), ("phase", JSONTree(cause.phase.map { Int64($0) })),
      ("operation", JSONTree(cause.transition?.operation.rawValue)), ("time", JSONTree(cause.time)),
      ("cpu", JSONTree(cause.cpu.map { Int64($0) })),
      ("activation", JSONTree(cause.transition?.activation?.rawValue)),
    ]
  }

  private func step(_ step: PastStep) throws -> JSONTree {
    .object(
      causeFields(step.cause) + [
        ("why", JSONTree(try words.sentence(step.cause))),
        ("changes", .array(step.events.map { .text(events.text($0)) })),
      ])
  }
}

/// The checks as rows.
struct WhyRows {
  private let why: WhyStory

  init(_ why: WhyStory) { self.why = why }

  /// Writes a row a check.
  func write(_ format: OutputFormat, _ console: Console) throws {
    let words = try WhyWords(why)
    let rows = why.inquiry.checks.map { Self.fields($0, words) }
    let writer = format.writer(Self.names.map { Column($0) }, to: console)
    for row in rows { try writer.write(row.map { Self.cell($0.1) }) }
    try writer.finish()
  }

  private static let names = [
    "phase", "seq", "condition", "kernel_step", "outcome", "result", "errno", "expected", "place", "found", "judged",
    "agreement", "skipped",
  ]

  /// The fields of a check, in the order of the columns.
  static func fields(_ check: CheckReview, _ words: WhyWords) -> [(String, JSONTree)] {
    let finding = check.judgement?.finding
    let skipped = check.skipped.map { "\($0.condition.rawValue), \($0.reason): \(words.wouldHave($0.judgement))" }
    let wanted = check.site.expected ?? check.site.condition?.state
    let values: [JSONTree] = [
      .integer(Int64(check.phase)), .integer(check.entry.seq.rawValue), JSONTree(check.site.condition?.rawValue),
      JSONTree(check.site.kernelStep), .text(check.outcome.name), JSONTree(check.entry.result),
      JSONTree(check.entry.result.flatMap(Errno.name)), JSONTree(wanted?.name), JSONTree(finding.map(words.place)),
      JSONTree(finding.map(words.found)), .text(judged(check.judgement)), .text(agreement(check)),
      JSONTree(skipped.isEmpty ? nil : skipped.joined(separator: "; ")),
    ]
    return Array(zip(names, values))
  }

  private static func judged(_ judgement: Judgement?) -> String {
    switch judgement?.verdict {
    case .holds: "holds"
    case .fails: "fails"
    case .unknown(let why): "unknown: \(why.rawValue)"
    case nil: "unknown"
    }
  }

  private static func agreement(_ check: CheckReview) -> String {
    switch check.agreement {
    case .agrees: "agrees"
    case .notPerformed: "not performed"
    case .cannotTell: "cannot tell"
    case .racy: "racy"
    case .differs: "differs"
    }
  }

  private static func cell(_ value: JSONTree) -> Cell {
    switch value {
    case .integer(let number): .integer(number)
    case .text(let text): .text(text)
    default: .null
    }
  }
}
