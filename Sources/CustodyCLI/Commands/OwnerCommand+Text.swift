// Why: who holds a page, as a person reads it: the owner first, then each space, then the cause of each.

import Analysis
import Journal
import PageOwnership

/// Answers for a person.
struct OwnerText {
  private let context: ShowContext
  private let at: Moment
  private let console: Console
  private let words: HoldingWords
  private let causes: CauseFinder

  init(_ context: ShowContext, _ at: Moment, _ console: Console) {
    self.context = context
    self.at = at
    self.console = console
    words = HoldingWords(context)
    causes = CauseFinder(context)
  }

  /// Writes all answers.
  func write(_ report: OwnerReport) throws {
    try console.write(at.words + "\n")
    try report.forEachAnswer { try write($0) }
    try console.flush()
  }

  private func write(_ answer: OwnerAnswer) throws {
    try console.write("\n" + title(answer) + "\n")
    let lines = try answer.facts.map { try line($0, answer) }
    let widths = (0..<2).map { column in lines.map { DisplayText.width($0[column]) }.max() ?? 0 }
    for line in lines { try write(line, widths) }
    guard let view = answer.view else { return }
    if let line = try HalfDoneWords(context).inside(view, at: at.seq) { try write(below: "half done by " + line) }
    if let named = view.namedGuest, !view.guests.contains(where: { $0.place == named }) {
      try console.write("  half done: the host names \(words.place(named.space, named.page)), which does not map it\n")
    }
    var counts: [String] = []
    if let pins = view.pins, pins > 0 { counts.append("\(pins) pin\(pins == 1 ? "" : "s")") }
    if let count = view.shareCount, count > 0 { counts.append("lent to \(count) guest\(count == 1 ? "" : "s")") }
    if !counts.isEmpty { try console.write("  " + counts.joined(separator: ", ") + "\n") }
  }

  private func write(below text: String) throws {
    for (index, part) in HeaderLine.lines(text, room: console.width.map { $0 - 6 } ?? .max).enumerated() {
      try console.write((index == 0 ? "  " : "      ") + part + "\n")
    }
  }

  private func title(_ answer: OwnerAnswer) -> String {
    var name = answer.pages.map { HexText.pages($0.first.address, $0.count) } ?? ""
    if let asked = answer.asked {
      let place = words.place(asked.space, asked.page)
      name = name.isEmpty ? place + HexText.times(answer.count) + " → nothing" : "\(place) → \(name)"
    }
    return console.paint(name, .bold) + "  " + owner(answer)
  }

  private func owner(_ answer: OwnerAnswer) -> String {
    switch answer.owner {
    case .one(let space): "owner " + console.paint(context.name(space), .green)
    case .nobody:
      answer.pages == nil
        ? "no page is mapped there" : "owner " + console.paint("nobody", .yellow) + ": " + nobody(answer)
    case .two(let spaces):
      "owner " + console.paint("two", .red) + ": " + spaces.map(context.name).joined(separator: " and ")
    case .unknown: "owner " + console.paint("unknown", .yellow) + ": " + unknown(answer)
    }
  }

  // What nobody owns may have been given up and not yet taken, or be no memory at all.
  private func nobody(_ answer: OwnerAnswer) -> String {
    isNoMemory(answer) ? "it is not memory" : "no table says that it has it"
  }

  private func unknown(_ answer: OwnerAnswer) -> String { isNoMemory(answer) ? "it is not memory" : "it was not seen" }

  private func isNoMemory(_ answer: OwnerAnswer) -> Bool {
    answer.pages.map { context.facts.isMemory($0.first) == false } ?? false
  }

  // Place, state, cause.
  private func line(_ fact: OwnerFact, _ answer: OwnerAnswer) throws -> [String] {
    let isPhysical = fact.space == .host || fact.space == .hyp
    let place = isPhysical ? context.name(fact.space) : words.place(fact.space, fact.page)
    var state =
      fact.isGone
      ? "gone: the guest does not live any more"
      : words.text(fact.holding, named: answer.view?.namedGuest.map { ($0.space, $0.page) })
    if fact.holding.annotation == .locked { state = console.paint(state, .yellow) }
    guard let since = fact.since, let cause = try causes.cause(at: since) else {
      return [place, state, fact.holding.state == .unknown ? "never seen" : ""]
    }
    if fact.holding.state == .unknown, !fact.isGone, cause.site.kind != .lost { return [place, state, "never seen"] }
    let what = DisplayText.escaped(cause.title) + (cause.phase.map { " (.\($0))" } ?? "")
    return [place, state, "since \(cause.when): \(what)"]
  }

  private func write(_ line: [String], _ widths: [Int]) throws {
    let indent = 2
    var text = String(repeating: " ", count: indent)
    text += line[0] + String(repeating: " ", count: max(0, widths[0] - DisplayText.width(line[0]))) + "  " + line[1]
    let gap = String(repeating: " ", count: max(0, widths[1] - DisplayText.width(line[1])))
    let needed = indent + widths[0] + widths[1] + 4 + DisplayText.width(line[2])
    if line[2].isEmpty {
      try console.write(text + "\n")
    } else if let width = console.width, needed > width {
      try console.write(text + "\n")
      let margin = String(repeating: " ", count: indent + 4)
      for part in HeaderLine.lines(line[2], room: width - margin.utf8.count) { try console.write(margin + part + "\n") }
    } else {
      try console.write(text + gap + "  " + line[2] + "\n")
    }
  }
}
