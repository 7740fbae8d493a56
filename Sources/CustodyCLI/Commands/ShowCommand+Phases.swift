// Why: one line a phase, with what memory did beneath it. Columns are as wide as this transition needs;
// on a narrow terminal the states move to lines of their own instead of being cut.

import Journal
import PageOwnership
import PageTables

/// The lines of a transition's entries.
struct PhaseTable {
  private struct Row {
    var told: ToldEntry
    var cells: [String]
    var states: String
    var details: [[String]]
  }

  private static let indent = 9
  private let story: TransitionStory
  private let console: Console
  private var rows: [Row] = []
  /// Whether something is marked as inferred.
  private(set) var hasInferred = false

  /// The lines of all entries, or of one alone.
  init(_ story: TransitionStory, _ console: Console, showsNames: Bool, only seq: SequenceNumber? = nil) {
    self.story = story
    self.console = console
    for told in story.entries where seq == nil || told.entry.seq == seq {
      let words = EntryWords(story, told)
      let details = words.details(showsNames: showsNames)
      // A begin or an end is told by the header and the last line, unless more hangs on it.
      if details.isEmpty, [.begin, .end, .activation, .activationEnd].contains(told.site.kind) { continue }
      hasInferred = hasInferred || words.hasInferred
      let seq = "\(told.entry.seq.rawValue)"
      let number = told.phase.map { ".\($0)" } ?? ""
      let cells = [seq, number, words.kind, words.verdict, words.what, words.place]
      rows.append(Row(told: told, cells: cells, states: words.states, details: details))
    }
  }

  /// The lines.
  var lines: [String] {
    let widths = (0..<6).map { column in rows.reduce(0) { max($0, DisplayText.width($1.cells[column])) } }
    return rows.flatMap { lines($0, widths) }
  }

  private func lines(_ row: Row, _ widths: [Int]) -> [String] {
    var line = ""
    for (column, text) in row.cells.enumerated() where widths[column] > 0 {
      let space = String(repeating: " ", count: max(0, widths[column] - DisplayText.width(text)))
      line += column == 0 ? space : "  "
      line += column == 3 ? console.paint(text, .outcome(text.prefix { $0 != " " })) : text
      if column > 0 { line += space }
    }
    var details = row.details
    if let width = console.width, DisplayText.width(row.states) + 2 + widths.reduce(10, +) > width {
      // What an apply writes, its changes show too.
      let isShown = row.told.site.kind == .apply && !row.told.frame.changes.isEmpty && row.told.entry.result ?? 0 >= 0
      if !row.states.isEmpty, !isShown { details.insert([row.states], at: 0) }
    } else {
      line += "  " + row.states
    }
    while line.utf8.last == UInt8(ascii: " ") { line.removeLast() }
    return [line] + details.flatMap(folded)
  }

  // A detail in one line if it fits, else its parts one beneath the other; a single part breaks at blanks.
  private func folded(_ parts: [String]) -> [String] {
    let margin = String(repeating: " ", count: Self.indent)
    let joined = margin + parts.joined(separator: "  ")
    guard let width = console.width, DisplayText.width(joined) > width else { return [joined] }
    if let only = parts.first, parts.count == 1 {
      return HeaderLine.lines(only, room: width - Self.indent).map { margin + $0 }
    }
    return parts.enumerated().map { margin + ($0 == 0 ? "" : "  ") + $1 }
  }
}

/// The words of one entry.
struct EntryWords {
  private let story: TransitionStory
  private let told: ToldEntry

  init(_ story: TransitionStory, _ told: ToldEntry) {
    self.story = story
    self.told = told
  }

  private var entry: Entry { told.entry }
  private var site: Site { told.site }

  /// Whether ``states`` has a value that is inferred.
  var hasInferred: Bool { site.kind == .check && entry.found != nil }

  /// The kind of entry.
  var kind: String { site.kind.rawValue }

  /// What became of it: `passed`, `FAILED -EPERM`, `done`, `in doubt`.
  var verdict: String {
    switch site.kind {
    case .check:
      let outcome = entry.outcome.flatMap { CheckOutcome(rawValue: $0) } ?? .unknown
      return outcome == .failed ? "FAILED" : outcome.name
    case .apply:
      if story.isInDoubt(told) { return "in doubt" }
      return (entry.result ?? 0) < 0 ? "FAILED" : "done"
    case .torn: return "half done"
    case .whole: return entry.result.map { "result " + HexText.result($0) } ?? ""
    default: return ""
    }
  }

  /// The condition or effect, else what such an entry is about.
  var what: String {
    if let condition = site.condition { return condition.rawValue }
    if let effect = site.effect { return effect.rawValue }
    switch site.kind {
    case .begin: return "changed before the first phase"
    case .end: return told.frame.changes.isEmpty ? "" : "seen only at the end"
    case .locked: return "changed before locks were held"
    case .store: return "write " + (entry.result.map { HexText.hex(UInt64(bitPattern: $0)) } ?? "")
    case .torn: return "the journal ends inside this apply"
    case .whole: return "the whole group"
    case .recovery: return entry.outcome == nil ? "taken back" : "settled"
    default: return ""
    }
  }

  /// Space, address and count.
  var place: String {
    guard site.kind != .begin, site.kind != .end else { return "" }
    return story.place(entry.space, entry.page, entry.pageCount)
  }

  /// The errno of a failure; what was expected and found, or what is written.
  var states: String {
    let words = site.kind == .check ? checkedStates : site.newState.map { "→ " + $0.name } ?? ""
    guard let result = entry.result, result < 0, site.kind == .check || site.kind == .apply else { return words }
    return HexText.result(result) + (words.isEmpty ? "" : "  " + words)
  }

  private var checkedStates: String {
    switch (site.expected?.name, entry.found?.name) {
    case (let expected?, let found?):
      return expected == found ? found + "~" : "wants \(expected), found \(found)~"
    case (let expected?, nil): return "wants " + expected
    case (nil, let found?): return (entry.outcome == CheckOutcome.failed.rawValue ? "found " : "") + found + "~"
    case (nil, nil): return ""
    }
  }

  /// The lines beneath: skipped conditions, names, notes, what was seen, what memory did; each in parts.
  func details(showsNames: Bool) -> [[String]] {
    var details: [[String]] = []
    if !site.skipped.isEmpty { details.append(["skipped: " + DisplayText.escaped(site.skipped)]) }
    if showsNames { details += names.map { [$0] } }
    if let note = entry.note { details.append([DisplayText.escaped(note)]) }
    if site.kind != .begin {
      for seen in told.frame.observations {
        details += ObservationWords(story, seen).lines(showsRaw: showsNames).map { [$0] }
      }
    }
    details += told.frame.changes.map { ChangeWords(story.names, $0).parts }
    return details
  }

  private var names: [String] {
    guard let step = site.kernelStep else { return [] }
    let function = site.kernelFunction.map { " in " + $0 } ?? ""
    let line = site.sourceLine.map { ":\($0)" } ?? ""
    let names = ["kernel: " + DisplayText.escaped("\(step)\(function)\(line)")]
    return site.resultProvenance == .inferred ? names + ["result inferred from control flow"] : names
  }
}

/// The words of one change.
struct ChangeWords {
  private let names: ShortNames
  private let change: Change

  init(_ names: ShortNames, _ change: Change) {
    self.names = names
    self.change = change
  }

  /// Table and place, states, raw words.
  var parts: [String] {
    let table = change.table.name.padded(to: 8)
    let place = names.place(change.space, change.pages.first, change.pages.count)
    return ["\(table)  \(place)  \(states)", raw]
  }

  private var states: String {
    var text = change.oldState.name
    if change.oldState != change.newState { text += " → " + change.newState.name }
    if let owner = change.owner { text += ", names " + names.name(owner) }
    return text + (change.isInferred ? "~" : "")
  }

  private var raw: String {
    let old = change.old.map { level(change.oldLevel) + HexText.hex($0) } ?? "not recorded"
    let new = change.new.map { level(change.newLevel) + HexText.hex($0) } ?? "not recorded"
    return "\(old) → \(new)"
  }

  // Pages are level 3; only what differs is worth a word.
  private func level(_ level: Int8) -> String {
    change.oldLevel == 3 && change.newLevel == 3 ? "" : "L\(level) "
  }
}

/// The words of what a begin entry saw.
struct ObservationWords {
  private let story: TransitionStory
  private let seen: Observation

  init(_ story: TransitionStory, _ seen: Observation) {
    self.story = story
    self.seen = seen
  }

  /// The pages and the states, then the raw words if asked for.
  func lines(showsRaw: Bool) -> [String] {
    let hasPhysical = seen.frame != nil || seen.host != nil || seen.hyp != nil
    // One page is the one that the header names anyhow.
    let isOnlyOne = story.transition.pageCount == 1
    var place = hasPhysical && !isOnlyOne ? HexText.pages(seen.pages.first.address, seen.pages.count) : ""
    if seen.isUnordered { place = "\(seen.pages.count) pages of the range" }
    let states = self.states
    // Leaves that say nothing by themselves: the page's metadata does.
    if states.isEmpty, story.context.encoding != nil, !showsRaw { return [] }
    var parts = [[place, states.joined(separator: ", ")].filter { !$0.isEmpty }.joined(separator: "  ")]
    if showsRaw || states.isEmpty { parts.append(raw.joined(separator: ", ")) }
    return parts
  }

  private var states: [String] {
    guard let encoding = story.context.encoding else { return [] }
    let frame = seen.frame.map { encoding.frame($0) }
    let host = seen.host.map {
      encoding.hostMeaning($0, isMemory: story.context.facts.isMemory(seen.pages.first))
    }
    var states: [String] = []
    let annotation = host?.annotation ?? .none
    let names = annotation == .none ? "" : " (names \(annotation.name))"
    if let state = frame?.host ?? host?.state { states.append("host " + state.name + names) }
    if let state = frame?.hyp ?? seen.hyp.flatMap({ encoding.hypState($0) }) { states.append("hyp " + state.name) }
    if let leaf = seen.guest {
      let name = seen.guestSpace.map(story.shortName) ?? "guest"
      states.append("\(name) \(encoding.guestState(leaf).name)")
    }
    if let shares = frame?.shareCount, shares > 0 { states.append("lent to \(shares) guest\(shares == 1 ? "" : "s")") }
    if let references = frame?.references, references > 0 { states.append("\(references) references") }
    return states
  }

  private var raw: [String] {
    var words: [String] = []
    if let frame = seen.frame { words.append("vmemmap " + HexText.hex(frame)) }
    let leaves = [("host_s2", seen.host), ("hyp_s1", seen.hyp), ("guest_s2", seen.guest)]
    for case (let name, let leaf?) in leaves { words.append("\(name) L\(leaf.level) \(HexText.hex(leaf.raw))") }
    return words
  }
}
