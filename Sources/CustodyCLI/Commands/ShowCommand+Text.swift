// Why: a transition or an activation at a glance: a header, the phases, one last line that says what
// decided. Not here: the lines of the phases (ShowCommand+Phases).

import Journal
import PageOwnership

/// A transition for a person.
struct TransitionText {
  private let story: TransitionStory
  private let console: Console
  private let showsNames: Bool

  init(_ story: TransitionStory, _ console: Console, showsNames: Bool) {
    self.story = story
    self.console = console
    self.showsNames = showsNames
  }

  /// Writes it.
  func write() throws {
    try writeHeader()
    let phases = PhaseTable(story, console, showsNames: showsNames)
    try console.write("\n")
    for line in phases.lines { try console.write(line + "\n") }
    if !phases.lines.isEmpty { try console.write("\n") }
    try console.write(ending + "\n")
    if phases.hasInferred {
      try console.write(console.paint("~ inferred from the replayed state; the recording does not say", .dim) + "\n")
    }
  }

  /// The header: what it is, between whom, when, and what called it.
  func writeHeader() throws {
    let transition = story.transition
    let name = console.paint("T\(transition.id.rawValue)  \(transition.operation.rawValue)", .bold)
    try console.write("\(name)  \(outcomeWords)\n  \(transition.operation.sentence)\n\n")
    var lines: [(String, String)] = [
      ("source", endpoint(transition.source)), ("target", endpoint(transition.target)),
      ("pages", "\(transition.pageCount)"),
    ]
    if !transition.arguments.isEmpty { lines.append(("arguments", DisplayText.escaped(transition.arguments))) }
    lines.append(("when", when))
    for (index, text) in seen.enumerated() { lines.append((index == 0 ? "before" : "", text)) }
    for (index, called) in story.chain.enumerated() {
      lines.append((index == 0 ? "caused by" : "", DisplayText.escaped(called.callAndResult)))
    }
    for (label, text) in lines { try console.write(HeaderLine.text(label, text, width: console.width)) }
  }

  // What the call saw of its pages; the first runs of a long range say enough.
  private var seen: [String] {
    let all = story.entries.filter { $0.site.kind == .begin }.flatMap(\.frame.observations)
    let limit = console.isFull ? all.count : 4
    let lines = all.prefix(limit).flatMap { ObservationWords(story, $0).lines(showsRaw: showsNames) }
    return all.count > limit ? lines + ["… \(all.count - limit) more (--full)"] : lines
  }

  private var outcomeWords: String {
    let word = story.outcome.name
    var text = console.paint(word, .outcome(word))
    if let result = story.end?.result, result != 0 { text += " " + HexText.result(result) }
    return text
  }

  // The hypervisor's address beside the physical one: phases name its pages by the latter.
  private func endpoint(_ end: Endpoint) -> String {
    let name = story.context.name(end.space)
    guard let address = end.address else { return name }
    if end.space.isGuest { return name + "/" + HexText.hex(address) }
    guard end.space == .hyp, let offset = story.context.facts.hypVAOffset.value else {
      return "\(name) \(HexText.hex(address))"
    }
    return "\(name) \(HexText.hex(address)), maps \(HexText.hex(address &+ offset))"
  }

  private var when: String {
    let last = story.end.map { "..\($0.lastSeq.rawValue)" } ?? ".. (no end)"
    var words = ["entries \(story.transition.firstSeq.rawValue)\(last)"]
    if let cpu = story.transition.cpu { words.insert("cpu \(cpu)", at: 0) }
    if let time = story.time { words.insert(HexText.seconds(time) + " s", at: 0) }
    return words.joined(separator: ", ")
  }

  // MARK: - the last line

  /// What came of it, and what decided.
  var ending: String {
    let isSettled = story.entries.last?.site.kind == .recovery
    return decision + (isSettled ? " (settled by recovery)" : "")
  }

  private var decision: String {
    let word = console.paint(story.outcome.name, .outcome(story.outcome.name))
    switch story.outcome {
    case .open: return "\(word): the journal ends inside" + lastStepWords
    case .fatal: return "\(word): the hypervisor panicked inside" + lastStepWords
    case .noEffect: return "\(word): no result, and nothing changed" + decidedWords
    case .completed:
      let result = story.end?.result.map { ", result " + HexText.result($0) } ?? ", no result"
      return word + result + decidedWords
    case .refused:
      let result = story.end?.result.map { " " + HexText.result($0) } ?? ""
      return word + result + (decidedWords.isEmpty ? ": no phase says why" : decidedWords)
    }
  }

  private var decidedWords: String {
    guard let seq = story.end?.failedSeq else { return "" }
    guard let told = story.entries.first(where: { $0.entry.seq == seq }) else {
      return ": entry \(seq.rawValue) decided"
    }
    let name = told.phase.map { "T\(story.transition.id.rawValue).\($0)" } ?? "entry \(seq.rawValue)"
    let found = told.entry.found.map { ", found \($0.name)~" } ?? ""
    if let condition = told.site.condition { return ": \(name) \"\(condition.rawValue)\" did not hold" + found }
    return ": \(name) \"\(told.site.effect?.rawValue ?? told.site.kind.rawValue)\" failed"
  }

  private var lastStepWords: String {
    guard let last = story.lastStep else { return ", before its first phase" }
    let name = last.phase.map { "T\(story.transition.id.rawValue).\($0)" } ?? "entry \(last.entry.seq.rawValue)"
    let what = last.site.condition?.rawValue ?? last.site.effect?.rawValue ?? last.site.kind.rawValue
    return ", after \(name) (\(what)\(story.isInDoubt(last) ? ", itself in doubt" : ""))"
  }
}

/// An activation for a person.
struct ActivationText {
  private let story: ActivationStory
  private let console: Console
  private let limit: Int

  init(_ story: ActivationStory, _ console: Console) {
    self.story = story
    self.console = console
    limit = console.isFull ? .max : 40
  }

  /// Writes it.
  func write() throws {
    let activation = story.subject.activation
    let title = "A\(activation.id.rawValue)  \(activation.kind.rawValue)  \(activation.kernelFunction)"
    try console.write("\(console.paint(DisplayText.escaped(title), .bold))  \(result)\n\n")
    if !activation.registers.isEmpty {
      let registers = activation.registers.map(HexText.hex).joined(separator: " ")
      try console.write(HeaderLine.text("registers", registers, width: console.width))
    }
    if !activation.arguments.isEmpty {
      try console.write(HeaderLine.text("arguments", DisplayText.escaped(activation.arguments), width: console.width))
    }
    try console.write(HeaderLine.text("when", when, width: console.width))
    for (index, called) in story.chain.enumerated() {
      let text = DisplayText.escaped(called.callAndResult)
      try console.write(HeaderLine.text(index == 0 ? "caused by" : "", text, width: console.width))
    }
    try writeItems()
  }

  private var result: String {
    guard let end = story.subject.end else { return console.paint("no end", .yellow) }
    return end.result.map { "result " + HexText.result($0) } ?? "no result"
  }

  private var when: String {
    let activation = story.subject.activation
    let last = story.subject.end.map { "\($0.lastSeq.rawValue)" } ?? ""
    var words = ["entries \(activation.firstSeq.rawValue)..\(last)"]
    if let cpu = activation.cpu { words.insert("cpu \(cpu)", at: 0) }
    if let time = story.time { words.insert(HexText.seconds(time) + " s", at: 0) }
    return words.joined(separator: ", ")
  }

  private func writeItems() throws {
    try console.write("\n")
    if story.items.isEmpty { return try console.write("no transition inside\n") }
    for (depth, item) in story.items.prefix(limit) {
      let margin = String(repeating: "  ", count: 1 + min(depth, 8))
      try console.write(margin + line(item, room: console.width.map { $0 - margin.utf8.count } ?? .max) + "\n")
    }
    let rest = story.items.count - min(limit, story.items.count)
    guard rest > 0 else { return }
    let id = story.subject.activation.id.rawValue
    try console.write("  … \(rest) more (--full, or custody log --parent A\(id))\n")
  }

  private func line(_ item: ActivationStory.Item, room: Int) -> String {
    switch item {
    case .activation(let called): return DisplayText.cut(DisplayText.escaped(called.callAndResult), to: room)
    case .transition(let line):
      let transition = line.transition
      let pages = HexText.pages(transition.physicalAddress, transition.pageCount)
      let outcome = LogColumns.outcome(line)
      let words = ["T\(transition.id.rawValue) \(transition.operation.rawValue)", pages]
      return words.filter { !$0.isEmpty }.joined(separator: " ") + " "
        + console.paint(outcome, .outcome(line.outcome.name))
    }
  }
}
