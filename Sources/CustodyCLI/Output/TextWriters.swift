// Why: the two formats whose rows are lines of text: CSV for programs, Markdown for bug reports.

import Journal

/// Writes RFC 4180 with LF; nothing is an empty field, the empty text is `""`.
final class CSVWriter: RowWriter {
  private let console: Console
  private var header: [String]?

  /// Makes a writer.
  init(_ columns: [Column], to console: Console, hasHeader: Bool) {
    self.console = console
    header = hasHeader ? columns.map(\.name) : nil
  }

  func write(_ row: [Cell]) throws {
    try writeHeader()
    try write(fields: row.map { $0 == .null ? "" : quoted($0.plain) })
  }

  func finish() throws {
    try writeHeader()
    try console.flush()
  }

  private func writeHeader() throws {
    guard let names = header else { return }
    header = nil
    try write(fields: names.map(quoted))
  }

  // A single empty field would be an empty line, which readers skip.
  private func write(fields: [String]) throws {
    try console.write((fields == [""] ? "\"\"" : fields.joined(separator: ",")) + "\n")
  }

  private func quoted(_ text: String) -> String {
    let text = console.isTerminal ? DisplayText.escaped(text) : text
    let isPlain = text.utf8.allSatisfy { $0 != 0x22 && $0 != 0x2c && $0 != 0x0a && $0 != 0x0d }
    guard text.isEmpty || !isPlain || text.first == " " || text.last == " " else { return text }
    // By scalars: a mark that combines with a quote does not hide it.
    var result = "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" { result += "\"" }
      result.unicodeScalars.append(scalar)
    }
    return result + "\""
  }
}

/// Writes a Markdown table.
final class MarkdownWriter: RowWriter {
  private let columns: [Column]
  private let console: Console
  private var hasBegun = false

  /// Makes a writer.
  init(_ columns: [Column], to console: Console) {
    self.columns = columns
    self.console = console
  }

  func write(_ row: [Cell]) throws {
    try begin(row)
    try write(texts: row.map { escaped($0.plain) })
  }

  func finish() throws {
    try begin([])
    try console.flush()
  }

  // The first row tells which columns are numbers.
  private func begin(_ row: [Cell]) throws {
    guard !hasBegun else { return }
    hasBegun = true
    try write(texts: columns.map { escaped($0.name) })
    let rules = columns.indices.map { index in
      columns[index].isTrailing ?? (index < row.count && row[index].isNumber) ? "---:" : "---"
    }
    try write(texts: rules)
  }

  private func write(texts: [String]) throws { try console.write("| " + texts.joined(separator: " | ") + " |\n") }

  private func escaped(_ text: String) -> String {
    var result = ""
    for scalar in DisplayText.escaped(text).unicodeScalars {
      if "|\\`*_<".unicodeScalars.contains(scalar) { result += "\\" }
      result.unicodeScalars.append(scalar)
    }
    return result
  }
}
