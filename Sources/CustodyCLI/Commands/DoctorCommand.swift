// Why: `custody doctor`: is the environment sound, and what is this journal? Reads only. Not here: whether
// the journal's content holds (verify, replay); what is looked at (DoctorCommand+Findings).

import ArgumentParser
import Glibc
import Journal

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

  func run() throws { try run(on: .standard(isFull: true)) }

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

  init(_ name: String, _ fields: [(String, JSONTree)]) {
    self.name = name
    self.fields = fields
  }

  /// Writes it for a person.
  func write(to console: Console) throws {
    try console.write(console.paint(name, .bold) + "\n")
    let width = min(24, fields.reduce(0) { max($0, $1.0.count) })
    for (key, value) in fields {
      let label = String(key.map { $0 == "_" ? " " : $0 })
      try console.write("  \(label.padded(to: width))  \(text(value))\n")
    }
  }

  private func text(_ value: JSONTree) -> String {
    switch value {
    case .null: "unknown"
    case .bool(let value): value ? "yes" : "no"
    case .integer(let number): "\(number)"
    case .real(let number): "\(number)"
    case .text(let text): DisplayText.escaped(text)
    case .array(let values): values.map(text).joined(separator: ", ")
    case .object(let fields): fields.map { text($0.1) }.joined(separator: "  ")
    }
  }
}
