// Why: `custody rules`: what each operation checks and applies, in order, in each kernel era. Not here: the
// tables (TransitionRules) and their words (RuleWords).

import ArgumentParser
import Journal
import PageOwnership
import TransitionRules

struct RulesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rules",
    abstract: "What an operation checks and applies, in order, in each kernel era",
    discussion: """
      custody rules host_donate_hyp                           by the newest rules
      custody rules host_donate_hyp --generation linux-6.4    as 6.4 to 6.13 have it
      custody rules pin --generation linux-6.14 --compare linux-6.16    the lines that 6.16 changed
      custody rules --names                                   operations and the kernel's functions

      Lines come in the order in which the kernel performs them. Neighbouring checks of one kernel step are verified
      together, page by page, and the first page that fails decides. A warning is fatal at EL2. In a comparison, - is
      a line that went away, + one that came, ~ one whose kernel step has another name. Needs no journal.
      """)

  @Argument(help: "The operation, by our name or by the kernel's function; all if left out.")
  var operation: Operation?
  @Option(help: ArgumentHelp("Whose rules.", valueName: "generation"))
  var generation = Generation.linux7_1
  @Option(help: ArgumentHelp("Show only what this generation does otherwise.", valueName: "generation"))
  var compare: Generation?
  @Flag(help: "The names of operations, kernel functions and steps.")
  var names = false
  @Flag(help: "The page of an operation, in Markdown: its rules in every generation.")
  var page = false
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if page, operation == nil { throw ValidationError("--page needs an operation") }
    if page, names || compare != nil { throw ValidationError("--page stands alone") }
    if names, compare != nil { throw ValidationError("--names and --compare answer different questions") }
  }

  func run() throws { try run(on: output.console) }

  /// Answers on a console.
  func run(on console: Console) throws {
    if page, let operation {
      try console.write(RulePage.text(operation))
      return try console.flush()
    }
    if names { return try writeNames(console) }
    if let compare { return try writeDifferences(compare, console) }
    try writeRules(console)
  }

  private var book: RuleBook { RuleBook.of(generation) }

  // An operation that this generation does not have is an answer, not a mistake.
  private func writeRules(_ console: Console) throws {
    if output.format == .table, let operation {
      let title = Self.title(operation, generation)
      for line in HeaderLine.lines(title, room: console.width ?? .max) { try console.write(line + "\n") }
    }
    let rows: [(Operation?, RuleLine)]
    if let operation = operation {
      guard let rules = book[operation] else { return try noteAbsent(operation, console) }
      rows = RuleLine.lines(rules).map { (operation, $0) }
    } else {
      rows =
        RuleLine.traits(book).map { (nil, $0) }
        + book.operations.flatMap { operation in
          (book[operation].map(RuleLine.lines) ?? []).map { (operation, $0) }
        }
    }
    // A person has read the operation in the title.
    let leaves = output.format == .table && operation != nil ? 1 : 0
    let writer = output.format.writer(Array(Self.columns.dropFirst(leaves)), to: console)
    for (operation, line) in rows { try writer.write(Array(Self.row(operation, line).dropFirst(leaves))) }
    try writer.finish()
  }

  private static func title(_ operation: Operation, _ generation: Generation) -> String {
    "\(operation.rawValue) (\(operation.kernelFunctions[0])) in \(generation.rawValue): \(operation.sentence)"
  }

  private func noteAbsent(_ operation: Operation, _ console: Console) throws {
    let writer = output.format.writer(Self.columns, to: console)
    try writer.finish()
    let having = Generation.allCases.filter { RuleBook.of($0)[operation] != nil }.map(\.rawValue)
    let known = having.isEmpty ? "no table has it" : "it is in \(having.joined(separator: ", "))"
    try console.note("\(generation.rawValue) has no \(operation.rawValue): \(known)")
  }

  private func writeDifferences(_ other: Generation, _ console: Console) throws {
    let writer = output.format.writer([Column("change", ink: Self.ink)] + Self.columns, to: console)
    for found in RuleDifference.between(book, RuleBook.of(other), only: operation) {
      try writer.write([.text(found.change.rawValue)] + Self.row(found.operation, found.line))
    }
    try writer.finish()
  }

  private static let columns =
    [Column("operation")]
    + RuleLine.columns.map { name in
      switch name {
      case "kernel_step": Column(name, minimum: 12, dropRank: 2)
      case "result": Column(name, minimum: 16)
      case "only": Column(name, minimum: 12)
      case "what": Column(name, minimum: 18)
      default: Column(name)
      }
    }

  private static func row(_ operation: Operation?, _ line: RuleLine) -> [Cell] {
    [.text(operation?.rawValue ?? "")] + line.values.map { .text($0) }
  }

  @Sendable private static func ink(_ change: String) -> Console.Ink? {
    switch change {
    case "-": .red
    case "+": .green
    default: nil
    }
  }
}
