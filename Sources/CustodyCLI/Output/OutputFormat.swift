// Why: the formats that commands with rows have in common, and the one place that chooses a writer.

import ArgumentParser

/// A format of rows.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  /// Aligned columns for a person.
  case table
  /// One array of objects.
  case json
  /// An object a line.
  case jsonl
  /// RFC 4180, lines ended by LF.
  case csv
  /// A table as GitHub and many others show it.
  case markdown

  /// Whether a person reads it: then columns may be worded and joined.
  var isForPeople: Bool { self == .table || self == .markdown }

  /// The writer of this format.
  func writer(_ columns: [Column], to console: Console, hasHeader: Bool = true, null: String = "") -> any RowWriter {
    switch self {
    case .table: TableWriter(columns, to: console, null: null)
    case .json: JSONRowWriter(columns, to: console, isArray: true)
    case .jsonl: JSONRowWriter(columns, to: console, isArray: false)
    case .csv: CSVWriter(columns, to: console, hasHeader: hasHeader)
    case .markdown: MarkdownWriter(columns, to: console)
    }
  }
}

/// Writes rows; the header, if any, comes with the first of them or at the end.
protocol RowWriter: AnyObject {
  /// Writes a row with a cell a column.
  func write(_ row: [Cell]) throws
  /// Ends the output.
  func finish() throws
}

/// `--format` and `--full`.
struct OutputOptions: ParsableArguments {
  @Option(help: "How to print: table, json, jsonl, csv or markdown.")
  var format = OutputFormat.table
  @Flag(help: "Cut nothing and leave nothing out, however narrow the terminal is.")
  var full = false

  /// Standard output.
  var console: Console { .standard(isFull: full) }
}
