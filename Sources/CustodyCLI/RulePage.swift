// Why: the page of an operation in the docs is made of the tables, so that it cannot say anything else. A test
// compares the pages in TransitionRules.docc with what this gives.

import Capture
import PageOwnership
import TransitionRules

/// The page of an operation, in Markdown.
enum RulePage {
  /// The whole page.
  static func text(_ operation: Operation) -> String {
    let books = Generation.allCases.map { RuleBook.of($0) }
    var text = heading(operation)
    guard let newest = books.last(where: { $0[operation] != nil }), let rules = newest[operation] else {
      return text + "\nNo generation's table has it: it is told by recordings only.\n"
    }
    text += "\n## \(newest.generation.rawValue)\n\n" + table(RuleLine.lines(rules))
    guard let first = books.firstIndex(where: { $0[operation] != nil }) else { return text }
    text += "\n## How it came to that\n"
    text += "\n### \(books[first].generation.rawValue)\n\nThe first table that has it:\n\n"
    text += table(books[first][operation].map(RuleLine.lines) ?? [])
    for (old, new) in zip(books[first...], books[(first + 1)...]) {
      let found = RuleDifference.between(old, new, only: operation)
      text += "\n### \(new.generation.rawValue)\n\n"
      text += found.isEmpty ? "As in \(old.generation.rawValue).\n" : table(found)
    }
    return text
  }

  private static func heading(_ operation: Operation) -> String {
    let sentence = operation.sentence.prefix(1).uppercased() + operation.sentence.dropFirst()
    let functions = operation.kernelFunctions.map { "`\($0)`" }.joined(separator: ", ")
    let usage = operation == .bootFixup ? "" : "In a scenario: `\(ScenarioAction.operation(operation).usage)`.\n"
    return """
      # \(operation.rawValue)

      \(sentence).

      Kernel function: \(functions).
      \(usage)
      """
  }

  private static func table(_ lines: [RuleLine]) -> String {
    self.table(RuleLine.columns, lines.map(\.values))
  }

  private static func table(_ found: [RuleDifference]) -> String {
    self.table(["change"] + RuleLine.columns, found.map { [words($0.change)] + $0.line.values })
  }

  private static func words(_ change: RuleDifference.Change) -> String {
    switch change {
    case .gone: "gone"
    case .new: "new"
    case .renamed: "renamed"
    }
  }

  private static func table(_ names: [String], _ rows: [[String]]) -> String {
    let titles = names.map { $0 == "kernel_step" ? "kernel step" : $0 }
    let body = rows.map { row in
      row.enumerated().map { index, value in names[index] == "kernel_step" && !value.isEmpty ? "`\(value)`" : value }
    }
    return ([titles, names.map { _ in "---" }] + body).map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
  }
}
