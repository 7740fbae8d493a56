// Why: a biography as a person reads it: one line a change, the transition named once for all its changes.

import Analysis
import Journal
import PageOwnership

/// A biography for a person.
struct HistoryText {
  private let context: ShowContext
  private let causes: CauseFinder
  private let console: Console
  private let showsPhases: Bool
  private let words: EventWords

  init(_ context: ShowContext, _ causes: CauseFinder, _ console: Console, showsPhases: Bool) {
    self.context = context
    self.causes = causes
    self.console = console
    self.showsPhases = showsPhases
    words = EventWords(context)
  }

  /// Writes the items; `total` is how many there are in all.
  func write(_ subject: HistorySubject, _ items: [HistoryItem], of total: Int, _ end: Moment) throws {
    let chapters = HistoryChapters(try grouped(items), isWhole: console.isFull || showsPhases)
    try console.write(title(subject, items, of: total, end) + "\n")
    let blocks = try chapters.shown.map { (group: $0, head: try head($0), lines: try lines($0)) }
    let widths = (0..<3).map { column in blocks.map { DisplayText.width($0.head[column]) }.max() ?? 0 }
    let space = blocks.flatMap(\.lines).map { DisplayText.width($0.text) }.max() ?? 0
    // The last column must hold a CPU and most of a call, else it is better off beside the transition.
    let isWide = console.width.map { widths[0] + widths[1] + space + 22 + min(widths[2], 34) <= $0 } ?? true
    for block in blocks {
      if let folded = chapters.folded[block.group.cause.seq] {
        for line in folded.lines(context) { try write(folded: line) }
      }
      if isWide && !showsPhases {
        try writeWide(block.head, block.lines, widths, space)
      } else {
        try writeStacked(block.head, block.lines, widths)
      }
    }
    try console.flush()
  }

  private func title(_ subject: HistorySubject, _ items: [HistoryItem], of total: Int, _ end: Moment) -> String {
    let name =
      switch subject {
      case .physical(let page): HexText.hex(page.address)
      case .guest(let place): words.place(place)
      }
    var (changes, attempts, unended) = (0, 0, 0)
    for item in items {
      switch item.content {
      case .change: changes += 1
      case .attempt: attempts += 1
      case .halfDone: unended += 1
      }
    }
    var text = "\(changes) change\(changes == 1 ? "" : "s")"
    if attempts > 0 { text += " and \(attempts) attempt\(attempts == 1 ? "" : "s") that changed nothing" }
    if unended > 0 { text += ", inside \(unended == 1 ? "a transition" : "\(unended) transitions") without an end" }
    if items.count < total { text += ", the newest of \(total)" }
    text += ", " + end.words
    let isWide = console.width.map { DisplayText.width(name) + 2 + DisplayText.width(text) <= $0 } ?? true
    if isWide { return console.paint(name, .bold) + "  " + text + "\n" }
    let lines = HeaderLine.lines(text, room: console.width.map { $0 - 2 } ?? .max)
    return console.paint(name, .bold) + "\n" + lines.map { "  " + $0 + "\n" }.joined()
  }

  private func grouped(_ items: [HistoryItem]) throws -> [HistoryGroup] {
    var groups: [HistoryGroup] = []
    for item in items {
      guard let cause = try causes.cause(at: item.seq) else { continue }
      let isSame =
        groups.last.map { last in
          last.cause.transition.map { $0.id == cause.transition?.id } ?? (last.cause.seq == cause.seq)
        } ?? false
      if isSame {
        groups[groups.count - 1].items.append(item)
      } else {
        groups.append(HistoryGroup(cause: cause, items: [item]))
      }
    }
    return groups
  }

  // Time, transition, what caused it.
  private func head(_ group: HistoryGroup) throws -> [String] {
    let cause = group.cause
    let time = cause.time.map { HexText.seconds($0, decimals: 4) } ?? ""
    var why = cause.cpu.map { "cpu \($0)" } ?? ""
    if let id = cause.transition?.activation, let (activation, _) = try context.reader.activation(id) {
      why += "  A\(id.rawValue) " + DisplayText.escaped(activation.kernelFunction)
    }
    return [time, DisplayText.escaped(cause.title), why]
  }

  private typealias Line = (text: String, tail: String, ink: Console.Ink?)

  private func lines(_ group: HistoryGroup) throws -> [Line] {
    let changes: [(SequenceNumber, Line)] = group.items.map { item in
      switch item.content {
      case .change(let event, let lasted):
        let tail = lasted.map { "for " + EventWords.duration($0) } ?? (words.endsThere(event) ? "" : "still so")
        return (item.seq, (words.text(event), tail, words.ink(event)))
      case .attempt(let line):
        return (item.seq, (Self.attempt(line), "", .outcome(line.outcome.name)))
      case .halfDone(let line, let state):
        let what = line.outcome == .open ? "open, the journal ends inside: " : "fatal, the hypervisor panicked inside: "
        return (item.seq, (what + state, "", .yellow))
      }
    }
    guard showsPhases, let id = group.cause.transition?.id, let story = try TransitionStory(context, id) else {
      return changes.map(\.1)
    }
    var lines: [(SequenceNumber, Line)] = story.entries.compactMap { told in
      guard let phase = told.phase else { return nil }
      let entry = EntryWords(story, told)
      let text = [".\(phase)", entry.kind, entry.verdict, entry.what, entry.place, entry.states]
        .filter { !$0.isEmpty }.joined(separator: "  ")
      return (told.entry.seq, (text, "", .outcome(entry.verdict)))
    }
    for (seq, line) in changes {
      let place = lines.lastIndex { $0.0 <= seq }.map { $0 + 1 } ?? 0
      lines.insert((seq, ("↳ " + line.text, line.tail, line.ink)), at: place)
    }
    return lines.map(\.1)
  }

  /// `refused -EPERM: source is shared`.
  static func attempt(_ line: LogLine) -> String {
    var text = line.outcome.name
    if let result = line.end?.result, result != 0 { text += " " + HexText.result(result) }
    guard let decidedBy = line.decidedBy else { return text }
    return line.outcome == .completed ? text + ", though \"\(decidedBy)\" failed" : text + ": \"\(decidedBy)\" failed"
  }

  // MARK: - layouts

  private func write(folded line: String) throws {
    let margin = String(line.prefix { $0 == " " })
    let text = String(line.dropFirst(margin.utf8.count))
    let lines = HeaderLine.lines(text, room: console.width.map { $0 - margin.utf8.count - 4 } ?? .max)
    for (index, part) in lines.enumerated() {
      try console.write(margin + (index == 0 ? "" : "    ") + console.paint(part, .dim) + "\n")
    }
  }

  private func padded(_ text: String, _ width: Int, _ ink: Console.Ink? = nil) -> String {
    console.paint(text, ink) + String(repeating: " ", count: max(0, width - DisplayText.width(text)))
  }

  private func writeWide(_ head: [String], _ lines: [Line], _ widths: [Int], _ space: Int) throws {
    for (index, line) in lines.enumerated() {
      let time = index == 0 ? head[0] : ""
      let gap = String(repeating: " ", count: widths[0] - DisplayText.width(time))
      var text = gap + time + "  " + padded(index == 0 ? head[1] : "", widths[1], .bold) + "  "
      text += padded(line.text, space, line.ink) + "  " + padded(line.tail, 14)
      let why = index == 0 ? head[2] : ""
      let used = widths[0] + widths[1] + space + 22
      text += "  " + (console.width.map { DisplayText.cut(why, to: max(0, $0 - used)) } ?? why)
      try console.write(trimmed(text) + "\n")
    }
  }

  private func writeStacked(_ head: [String], _ lines: [Line], _ widths: [Int]) throws {
    let gap = String(repeating: " ", count: widths[0] - DisplayText.width(head[0]))
    let used = widths[0] + DisplayText.width(head[1]) + 4
    let why = console.width.map { DisplayText.cut(head[2], to: max(0, $0 - used)) } ?? head[2]
    try console.write(trimmed("\(gap)\(head[0])  \(console.paint(head[1], .bold))  \(why)") + "\n")
    let margin = String(repeating: " ", count: 4)
    for line in lines {
      let needed = 4 + DisplayText.width(line.text) + 2 + DisplayText.width(line.tail)
      let isTooWide = console.width.map { needed > $0 } ?? false
      let tail = isTooWide || line.tail.isEmpty ? "" : "  " + line.tail
      let parts = HeaderLine.lines(line.text, room: console.width.map { $0 - 8 } ?? .max)
      for (index, part) in parts.enumerated() {
        let isLast = index == parts.count - 1
        try console.write(
          trimmed(margin + (index == 0 ? "" : margin) + console.paint(part, line.ink) + (isLast ? tail : "")) + "\n")
      }
    }
  }

  private func trimmed(_ text: String) -> String {
    var text = text
    while text.utf8.last == UInt8(ascii: " ") { text.removeLast() }
    return text
  }
}
