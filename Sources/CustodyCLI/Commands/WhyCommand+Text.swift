// Why: a refusal at a glance, for somebody who was woken by it: what was checked and found, one sentence that
// says what decided, what made the page so, what is left as it was.

import Analysis
import Journal
import PageOwnership

/// An explained transition for a person.
struct WhyText {
  private let why: WhyStory
  private let console: Console
  private let words: WhyWords
  private let events: EventWords
  private static let margin = "  "

  init(_ why: WhyStory, _ console: Console) throws {
    self.why = why
    self.console = console
    words = try WhyWords(why)
    events = EventWords(why.story.context)
  }

  /// Writes it.
  func write() throws {
    try TransitionText(why.story, console, showsNames: false).writeHeader()
    try writeChecks()
    try console.write("\n")
    try writeVerdict()
    try writePast()
    try writeMeanwhile()
    try writeChanges()
    try writeHalfDone()
    guard !why.inquiry.checks.isEmpty else { return }
    try console.write(console.paint("What was found is told by the replayed state, not by the recording.", .dim) + "\n")
  }

  // MARK: - checks

  private typealias Line = (cells: [String], found: String, remarks: [String], outcome: CheckOutcome)

  private func writeChecks() throws {
    let lines = why.inquiry.checks.map(line)
    guard !lines.isEmpty else { return }
    try console.write("\n")
    let widths = (0..<4).map { column in lines.reduce(0) { max($0, DisplayText.width($1.cells[column])) } }
    for line in lines { try write(line, widths) }
  }

  private func line(_ check: CheckReview) -> Line {
    let finding = check.judgement?.finding
    let outcome = check.outcome == .failed ? "FAILED" : check.outcome.name
    let place = finding.map(words.place) ?? ""
    return (
      [".\(check.phase)", outcome, check.site.condition?.rawValue ?? check.site.kernelStep ?? "", place],
      found(check), remarks(check), check.outcome
    )
  }

  // `-EPERM  wants OWNED, found NOPAGE`
  private func found(_ check: CheckReview) -> String {
    let errno = check.outcome == .failed ? check.entry.result.map(HexText.result) : nil
    let wanted = check.site.expected ?? check.site.condition?.state
    let found = check.judgement?.finding.map(words.found)
    var text = ""
    if let found {
      let isPlain = wanted.map { isWanted($0, check.judgement?.finding) } ?? true
      text = check.outcome == .failed || !isPlain ? "found " + found : found
      if let wanted, !isPlain { text = "wants \(wanted.name), " + text }
    }
    return [errno, text.isEmpty ? nil : text].compactMap { $0 }.joined(separator: "  ")
  }

  private func isWanted(_ wanted: PageState, _ finding: Finding?) -> Bool {
    guard case .holding(_, _, let holding)? = finding else { return false }
    return holding.state == wanted
  }

  private func remarks(_ check: CheckReview) -> [String] {
    var remarks = check.skipped.map { skipped in
      skipped.condition == check.site.condition
        ? "\(skipped.reason): \(words.wouldHave(skipped.judgement, isShown: true))"
        : "skipped \"\(skipped.condition.rawValue)\", \(skipped.reason): \(words.wouldHave(skipped.judgement))"
    }
    switch check.agreement {
    case .cannotTell(let blindness): remarks.append("not judged: \(blindness.rawValue)")
    case .racy:
      remarks.append("the replayed state says otherwise here, but agrees at another moment of this transition")
    case .differs: remarks.append("the replayed state says otherwise")
    case .agrees, .notPerformed: break
    }
    if check.hasOtherErrno, let expected = check.judgement?.result {
      remarks.append("the rules give \(HexText.result(expected)) for that")
    }
    return remarks
  }

  private func write(_ line: Line, _ widths: [Int]) throws {
    var text = Self.margin
    for (column, cell) in line.cells.enumerated() where widths[column] > 0 {
      let space = String(repeating: " ", count: max(0, widths[column] - DisplayText.width(cell)))
      text += (column == 1 ? console.paint(cell, .outcome(cell)) : cell) + space + "  "
    }
    let used = Self.margin.utf8.count + widths.reduce(0) { $0 + ($1 > 0 ? $1 + 2 : 0) }
    let isWide = console.width.map { used + DisplayText.width(line.found) <= $0 } ?? true
    if isWide { text += line.found }
    while text.utf8.last == UInt8(ascii: " ") { text.removeLast() }
    try console.write(text + "\n")
    for remark in (isWide || line.found.isEmpty ? [] : [line.found]) + line.remarks {
      try writeBelow(remark, indent: 6)
    }
  }

  private func writeBelow(_ text: String, indent: Int) throws {
    let margin = String(repeating: " ", count: indent)
    for (index, part) in HeaderLine.lines(text, room: console.width.map { $0 - indent - 2 } ?? .max).enumerated() {
      try console.write(margin + (index == 0 ? "" : Self.margin) + part + "\n")
    }
  }

  // MARK: - what decided

  private func writeVerdict() throws {
    let word = console.paint(why.story.outcome.name, .outcome(why.story.outcome.name))
    let text = WhyVerdict(why, words).text
    let lines = HeaderLine.lines(why.story.outcome.name + text, room: console.width ?? .max)
    for (index, line) in lines.enumerated() {
      let isFirst = index == 0 && line.hasPrefix(why.story.outcome.name)
      let rest = isFirst ? word + line.dropFirst(why.story.outcome.name.count) : Self.margin + line
      try console.write(rest + "\n")
    }
  }

  private static let stepLimit = 3

  private func writePast() throws {
    let (steps, isMore) = try why.past(limit: console.isFull ? 12 : Self.stepLimit)
    guard !steps.isEmpty else { return }
    for (index, step) in steps.enumerated() {
      try writeLabelled(index == 0 ? "made so by" : "before that", words.title(step.cause))
      if let sentence = try words.sentence(step.cause) { try writeLabelled("", sentence) }
      for event in step.events { try writeLabelled("", events.text(event)) }
    }
    if isMore { try writeLabelled("", "… earlier: custody history (or --full)") }
  }

  private func writeMeanwhile() throws {
    let others = why.inquiry.interferences
    // Who made the page so is told already.
    var told: Set<ActionID?> = [try why.past(limit: 1).steps.first?.cause.transition?.id]
    for other in others where told.insert(other.action).inserted && told.count <= 5 {
      guard let cause = try why.causes.cause(at: other.seq) else { continue }
      try writeLabelled("meanwhile", "\(words.title(cause)), changed these pages")
    }
  }

  private func writeLabelled(_ label: String, _ text: String) throws {
    try console.write(HeaderLine.text(label, text, indent: 15, width: console.width))
  }

  // MARK: - what it changed, or left

  private func writeChanges() throws {
    let changed = try FoldedEvents(why.ownEvents, events).lines
    if !changed.isEmpty {
      for (index, line) in changed.prefix(console.isFull ? .max : 12).enumerated() {
        try writeLabelled(index == 0 ? "changed" : "", line)
      }
      return
    }
    let raw = why.story.entries.flatMap(\.frame.changes).prefix(console.isFull ? .max : 4)
    for (index, change) in raw.enumerated() {
      for (part, text) in ChangeWords(why.story.names, change).parts.enumerated() {
        try writeLabelled(index == 0 && part == 0 ? "changed" : "", (part == 0 ? "" : Self.margin) + text)
      }
    }
    guard raw.isEmpty, why.story.outcome != .open, why.story.outcome != .fatal else { return }
    for (index, line) in WhyStates(why, words).lines.enumerated() {
      try writeLabelled(index == 0 ? "unchanged" : "", line)
    }
  }

  private func writeHalfDone() throws {
    guard why.story.outcome == .open || why.story.outcome == .fatal else { return }
    for (index, line) in try HalfDoneWords(why.story.context).lines(why).enumerated() {
      try writeLabelled(index == 0 ? "half done" : "", line)
    }
  }
}
