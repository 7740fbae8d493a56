// Why: `custody doctor`: is the environment sound, and what is this journal? Reads only. Not here: whether
// the journal's content holds (verify, replay); what is looked at (DoctorCommand+Findings).

import ArgumentParser
import Glibc
import Journal
import PageOwnership

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Tell about the environment and a journal",
    discussion: """
      The SQLite library in use and what its known WAL-reset bug means here; of a journal its schema, its clean \
      mark, whether its import is complete, who is writing it, what takes its room, what it knows of the machine \
      and how; the free space beside it. Without a journal it tells about the environment only.
      """)

  @OptionGroup var journal: JournalOption
  @Option(help: "table or json.")
  var format = ReportFormat.table
  @Flag(name: .shortAndLong, help: "Every compile option of SQLite and every table.")
  var verbose = false

  func run() throws { try run(on: .standard(isFull: false)) }

  /// Reports on a console.
  func run(on console: Console) throws {
    var findings = DoctorFindings.environment(isVerbose: verbose)
    var failure: (any Error)?
    if isJournalThere {
      do { findings += try DoctorFindings.journal(journal.openReader(), isVerbose: verbose) } catch { failure = error }
    } else {
      findings.append(DoctorSection("journal", [("path", .text(journal.path)), ("present", .bool(false))]))
    }
    if format == .json {
      try console.write(JSONTree.object(findings.map { ($0.name, .object($0.fields)) }).encoded + "\n")
    } else {
      for section in findings { try section.write(to: console) }
    }
    try console.flush()
    if let failure { throw failure }
  }

  // A journal that was named must be there; the default one need not.
  private var isJournalThere: Bool {
    journal.given != nil || getenv("CUSTODY_JOURNAL") != nil || access(journal.path, F_OK) == 0
  }
}

/// Some facts under one heading, in order.
struct DoctorSection {
  let name: String
  let fields: [(String, JSONTree)]
  /// Whether the keys are names to be typed, such as those of tables.
  let keepsKeys: Bool

  init(_ name: String, _ fields: [(String, JSONTree)], keepsKeys: Bool = false) {
    self.name = name
    self.fields = fields
    self.keepsKeys = keepsKeys
  }

  /// Writes it for a person.
  func write(to console: Console) throws {
    try console.write(console.paint(name, .bold) + "\n")
    let widest = min(24, fields.reduce(0) { max($0, $1.0.count) })
    for (key, value) in fields {
      let label = keepsKeys ? key : Self.worded(key)
      let line = HeaderLine.text(label, text(value, of: key), indent: widest + 4, width: console.width)
      try console.write(line)
    }
  }

  // The unit stands beside the value.
  private static func worded(_ key: String) -> String {
    let name = key.hasSuffix("_bytes") ? key.dropLast(6) : key[...]
    return String(name.map { $0 == "_" ? " " : $0 })
  }

  private func text(_ value: JSONTree, of key: String) -> String {
    switch value {
    case .null: "unknown"
    case .bool(let value): value ? "yes" : "no"
    case .integer(let number): key.hasSuffix("bytes") ? Self.size(number) : "\(number)"
    case .real(let number): "\(number)"
    case .text(let text): DisplayText.escaped(text)
    case .array(let values): values.map { text($0, of: key) }.joined(separator: ", ")
    case .object(let fields): words(fields)
    }
  }

  // Rows and bytes of a table, or a fact and how it is known.
  private func words(_ fields: [(String, JSONTree)]) -> String {
    var words: [String] = []
    for (key, value) in fields {
      switch (key, value) {
      case ("rows", .null): continue
      case ("rows", _): words.append("\(text(value, of: key)) rows,")
      case ("provenance", .text(let how)): words.append(how == Provenance.unknown.rawValue ? "" : "(\(how))")
      default: words.append(text(value, of: key))
      }
    }
    return words.filter { !$0.isEmpty }.joined(separator: " ")
  }

  private static func size(_ bytes: Int64) -> String {
    var size = Double(bytes)
    var unit = 0
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024, unit + 1 < units.count {
      size /= 1024
      unit += 1
    }
    let tenths = Int((size * 10).rounded())
    if unit == 0 || tenths >= 1000 { return "\(tenths / 10) \(units[unit])" }
    return "\(tenths / 10).\(tenths % 10) \(units[unit])"
  }
}
