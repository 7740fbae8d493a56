// Why: which entry a moment means in one journal, and, where there is none, what there is instead.

import Journal
import PageOwnership

/// A moment of a journal.
struct Moment: Equatable {
  /// The state meant is the one right after this entry; 0 is before the first.
  var seq: SequenceNumber
  /// Where the thing that was named begins: of a transition its first entry. For `--since`.
  var first: SequenceNumber
  /// Nanoseconds of the last entry up to ``seq`` that tells; nil if none does.
  var time: Int64?
  /// How the user named it; nil for the end of the journal.
  var name: String?

  /// `at entry 20611, 18.9427 s (T5733)`.
  var words: String {
    var words = "at entry \(seq.rawValue)"
    if let time { words += ", \(HexText.seconds(time, decimals: 4)) s" }
    return words + (name.map { " (\($0))" } ?? ", the end of the journal")
  }
}

extension PointInTime {
  /// The moment that an option names; the end of the journal without one.
  static func moment(_ point: PointInTime?, in reader: JournalReader) throws -> Moment {
    let head = try reader.headSeq()
    var moment = try point?.resolve(in: reader, head: head) ?? Moment(seq: head, first: head)
    try reader.checkNotPruned(moment.seq)
    moment.time = try reader.time(upTo: moment.seq)
    moment.name = point?.text
    return moment
  }

  private func resolve(in reader: JournalReader, head: SequenceNumber) throws -> Moment {
    switch self {
    case .entry(let seq):
      guard seq <= head else { throw failure("there is no entry \(seq.rawValue)", Self.entries(head)) }
      return Moment(seq: seq, first: seq)
    case .head(let distance):
      guard distance <= head.rawValue else { throw failure("there is no entry \(text)", Self.entries(head)) }
      let seq = SequenceNumber(head.rawValue - distance)
      return Moment(seq: seq, first: seq)
    case .time(let time): return try atTime(time, in: reader)
    case .beforeEnd(let distance): return try beforeEnd(distance, in: reader)
    case .mark(let value, let number): return try mark(value, number, in: reader)
    case .transition(let id):
      let span = try span(of: id, in: reader)
      return Moment(seq: span.last ?? head, first: span.first)
    case .phase(let id, let phase): return try atPhase(id, phase, in: reader)
    case .name(let name): return try named(name, in: reader)
    }
  }

  private func named(_ name: String, in reader: JournalReader) throws -> Moment {
    let names = try reader.bookmarks()
    guard let found = names.first(where: { $0.name == name }) else {
      let known = names.prefix(10).map { "@" + $0.name }.joined(separator: ", ")
      throw failure(
        "no moment is called @\(DisplayText.escaped(name))",
        names.isEmpty ? "`custody mark NAME --at MOMENT` gives one a name" : "there are \(known)")
    }
    return Moment(seq: found.seq, first: found.seq)
  }

  private func failure(_ message: String, _ hint: String) -> CommandFailure {
    CommandFailure(message, hint: hint, status: ExitStatus.usage)
  }

  private static func entries(_ head: SequenceNumber) -> String {
    head.rawValue == 0 ? "the journal is empty" : "the journal ends at entry \(head.rawValue)"
  }

  // MARK: - times

  private func atTime(_ time: Int64, in reader: JournalReader) throws -> Moment {
    let (first, last) = try times(in: reader)
    if time < first, let anchor = try reader.anchor() {
      throw anchor.refusal(reader.path, "what was recorded at \(HexText.seconds(time)) s")
    }
    guard time >= first, time <= last else {
      throw failure(
        "nothing was recorded at \(HexText.seconds(time)) s",
        "the times of this journal run from \(HexText.seconds(first)) s to \(HexText.seconds(last)) s")
    }
    let start = try reader.startSeq()
    let found = try reader.number("SELECT max(seq) FROM entry_row WHERE seq > \(start.rawValue) AND time <= \(time)")
    let seq = found.map { SequenceNumber($0) } ?? start
    return Moment(seq: seq, first: seq)
  }

  private func beforeEnd(_ distance: Int64, in reader: JournalReader) throws -> Moment {
    let (first, last) = try times(in: reader)
    guard distance <= last - first else {
      throw failure(
        "the recording is shorter than \(HexText.seconds(distance)) s",
        "it lasts \(HexText.seconds(last - first)) s, from \(HexText.seconds(first)) s to \(HexText.seconds(last)) s")
    }
    return try PointInTime.time(last - distance).atTime(last - distance, in: reader)
  }

  private func times(in reader: JournalReader) throws -> (Int64, Int64) {
    // Of a pruned journal they begin with that of its anchor.
    let anchor = try reader.anchor()
    let there = "FROM entry_row WHERE seq > \(anchor?.seq.rawValue ?? 0)"
    guard let first = try anchor?.time ?? reader.number("SELECT min(time) \(there)"),
      let last = try reader.number("SELECT max(time) \(there)") ?? anchor?.time, first >= 0
    else {
      throw failure("no entry of this journal tells a time", "name an entry or a transition instead")
    }
    return (first, last)
  }

  // MARK: - marks and transitions

  private func mark(_ value: Int64, _ number: Int, in reader: JournalReader) throws -> Moment {
    var found: [Int64] = []
    var others: [Int64] = []
    let sql = """
      SELECT e.seq, e.result FROM entry_row e JOIN site s ON s.id = e.site WHERE s.kind = 'mark' ORDER BY e.seq
      """
    try reader.query(sql) { row in
      guard case .integer(let seq) = row[0], case .integer(let mark) = row[1] else { return true }
      if mark == value { found.append(seq) } else if others.last != mark { others.append(mark) }
      return true
    }
    guard found.count >= number else { throw missingMark(value, found.count, Set(others).sorted()) }
    let seq = SequenceNumber(found[number - 1])
    return Moment(seq: seq, first: seq)
  }

  private func missingMark(_ value: Int64, _ count: Int, _ others: [Int64]) -> CommandFailure {
    let name = "0x" + String(value, radix: 16)
    if count > 0 { return failure("there is no \(text)", "the journal has \(count) of mark \(name)") }
    guard !others.isEmpty else { return failure("there is no mark \(name)", "the journal has no marks") }
    let shown = others.prefix(12).map { "0x" + String($0, radix: 16) }.joined(separator: ", ")
    let more = others.count > 12 ? ", … (\(others.count) in all)" : ""
    return failure("there is no mark \(name)", "the marks of this journal are \(shown)\(more)")
  }

  private func span(of id: ActionID, in reader: JournalReader) throws -> (first: SequenceNumber, last: SequenceNumber?)
  {
    guard let (transition, end) = try reader.transition(id) else {
      if let gone = try Self.prunedAction(id, in: reader) { throw gone }
      throw failure("there is no transition T\(id.rawValue)", try Self.transitionWords(in: reader))
    }
    return (transition.firstSeq, end?.lastSeq)
  }

  /// What transitions there are, for a hint.
  static func transitionWords(in reader: JournalReader) throws -> String {
    guard let first = try reader.number("SELECT min(id) FROM transition_row"),
      let last = try reader.number("SELECT max(id) FROM transition_row")
    else { return "it has no transitions" }
    return "its transitions are among T\(first)..T\(last); `custody log` lists them"
  }

  /// The error for a transition or call that was pruned; nil if none of that number can have been.
  static func prunedAction(_ id: ActionID, in reader: JournalReader) throws -> JournalError? {
    guard let anchor = try reader.anchor(), id.rawValue > 0 else { return nil }
    let first = try reader.number("SELECT min(id) FROM transition_row") ?? .max
    return id.rawValue < first ? anchor.refusal(reader.path, "T\(id.rawValue)") : nil
  }

  private func atPhase(_ id: ActionID, _ phase: Int, in reader: JournalReader) throws -> Moment {
    _ = try span(of: id, in: reader)
    let sites = try reader.sites()
    var phases: [SequenceNumber] = []
    try reader.forEachEntry(of: id) { frame in
      if let kind = sites[frame.entry.site]?.kind, kind == .check || kind == .apply { phases.append(frame.entry.seq) }
      return true
    }
    guard phase >= 1, phase <= phases.count else {
      let words = phases.count == 1 ? "1 phase" : "\(phases.count) phases"
      throw failure("T\(id.rawValue) has no phase \(phase)", "T\(id.rawValue) has \(words), counted from 1")
    }
    return Moment(seq: phases[phase - 1], first: phases[phase - 1])
  }
}
