// Why: what an import tells at its end, read back from the journal itself, so that a resumed import tells
// the same as an uninterrupted one.

import Journal
import PageOwnership

struct ImportSummary {
  private let reader: JournalReader
  /// The journal's path as the user gave it.
  private let path: String

  init(_ reader: JournalReader, path: String) {
    self.reader = reader
    self.path = path
  }

  /// Prints the summary.
  func print(seconds: Double, durableSeq: SequenceNumber) throws {
    let facts = try reader.facts()
    var text = "\(path): \(facts.generation.value?.rawValue ?? "unknown generation")"
    if let kernel = facts.kernel.value { text += ", \(kernel)" }
    text += "\n"
    let entries = try number("SELECT count(*) FROM entry_row")
    let rate = seconds > 0 ? ", \(Int(Double(entries) / seconds)) entries/s" : ""
    text += line(
      "entries", "\(entries)", "in \(Self.decimal(seconds)) s\(rate), durable through \(durableSeq.rawValue)")
    text += line("changes", "\(try number("SELECT count(*) FROM change_row"))", "")
    text += line("snapshots", "\(try number("SELECT count(*) FROM snapshot WHERE origin = 'observed'"))", "observed")
    text += line("guests", "\(try number("SELECT count(*) FROM space_row WHERE kind = 'guest'"))", "incarnations")
    let gaps = try number("SELECT count(*) FROM gap")
    if gaps > 0 { text += line("lost", "\(gaps)", "gaps: what they hide is UNKNOWN") }
    text += line("transitions", "\(try number("SELECT count(*) FROM transition_row"))", "")
    text += try transitions()
    text += try refusals()
    StandardOutput.write(text)
  }

  private func line(_ name: String, _ value: String, _ rest: String) -> String {
    let left = "  " + name + String(repeating: " ", count: max(1, 30 - name.count))
    let right = String(repeating: " ", count: max(0, 8 - value.count)) + value
    return left + right + (rest.isEmpty ? "" : "  " + rest) + "\n"
  }

  private static func decimal(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }

  private func transitions() throws -> String {
    var text = ""
    try reader.query(
      """
      SELECT operation, outcome, count(*) FROM "transition" GROUP BY 1, 2
      ORDER BY sum(count(*)) OVER (PARTITION BY operation) DESC, 1, 3 DESC
      """
    ) { row in
      text += line("  " + Self.text(row[0]), Self.text(row[2]), Self.text(row[1]))
      return true
    }
    return text
  }

  // Refusals by the condition that decided, with an example to look at.
  private func refusals() throws -> String {
    var text = ""
    try reader.query(
      """
      SELECT t.operation, coalesce(e.condition, e.effect, 'nothing recorded'), t.result, count(*), min(t.id)
      FROM "transition" t LEFT JOIN entry e ON e.seq = t.failed_seq
      WHERE t.outcome = 'refused' GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1
      """
    ) { row in
      let errno = if case .integer(let result) = row[2] { Errno.name(result) ?? "\(result)" } else { "" }
      if text.isEmpty { text = "  refused, by the condition that did not hold\n" }
      text += line(
        "    " + Self.text(row[1]), Self.text(row[3]),
        "\(Self.text(row[0])) \(errno), e.g. custody show T\(Self.text(row[4]))")
      return true
    }
    return text
  }

  private static func text(_ cell: SQLCell) -> String {
    switch cell {
    case .integer(let number): "\(number)"
    case .text(let text): text
    default: "?"
    }
  }

  private func number(_ sql: String) throws -> Int64 {
    var number: Int64 = 0
    try reader.query(sql) { row in
      if case .integer(let value) = row[0] { number = value }
      return false
    }
    return number
  }
}
