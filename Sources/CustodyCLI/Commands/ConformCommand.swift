// Why: `custody conform`: does what a recording shows agree with the rules of its kernel, phase by phase?

import Analysis
import ArgumentParser
import Journal
import PageOwnership
import TransitionRules

struct ConformCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conform",
    abstract: "Hold every transition of a journal against the rules of its kernel, phase by phase",
    discussion: """
      custody conform                               by the rules of the journal's own generation
      custody conform --generation linux-6.18       by those of another
      custody conform --from mark=0x4001 --to T5446 only transitions that begin in between
      custody conform --vectors g2_*.jsonl.gz       the rules themselves, by results of the kernel's own code

      Each check is judged by the state right before its own entry: which step, in which order, whether it held, and \
      its errno. Each apply is judged by what it leaves behind: which pages, which states and counters, and the \
      exact words of the tables. Then what the transition returned, and the call around it.

      Both accounts of each disagreement are printed. One that is gone at another moment between the transition's \
      begin and end is counted as racy, not as differing. Transitions in which something decides that a journal does \
      not hold are counted as unsupported, by reason, never as agreeing. Exit status 1 if anything differs.
      """)

  @OptionGroup var journal: JournalOption
  @Option(help: "Judge by the rules of this kernel: \(Generation.allCases.map(\.rawValue).joined(separator: ", ")).")
  var generation: String?
  @Option(help: ArgumentHelp("Only transitions that begin from this moment on.", valueName: "moment"))
  var from: PointInTime?
  @Option(help: ArgumentHelp("Only transitions that begin up to this moment.", valueName: "moment"))
  var to: PointInTime?
  @Option(parsing: .upToNextOption, help: ArgumentHelp("Judge the rules by vector files.", valueName: "file"))
  var vectors: [String] = []
  @Option(help: ArgumentHelp("The machine that the vectors start from.", valueName: "file"))
  var meta: String?
  @OptionGroup var output: OutputOptions

  func validate() throws {
    _ = try rules()
    if vectors.isEmpty, meta != nil { throw ValidationError("--meta is for --vectors") }
    if !vectors.isEmpty, from != nil || to != nil {
      throw ValidationError("--from and --to are moments of a journal, not of --vectors")
    }
  }

  // The generation that is named; nil without one.
  private func rules() throws -> Generation? {
    guard let generation else { return nil }
    guard let known = Generation(rawValue: generation) else {
      let names = Generation.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("unknown generation '\(generation)'; known are \(names)")
    }
    return known
  }

  func run() throws { try run(on: output.console) }

  /// Judges, and tells on a console.
  func run(on console: Console) throws {
    guard vectors.isEmpty else {
      let verdict = try VectorConformance(meta: meta, rules: rules()).run(vectors)
      try ConformVectorsText(verdict).write(output.format, console)
      if verdict.differing > 0 { throw CommandFailure.silent(ExitStatus.differences) }
      return
    }
    let reader = try journal.openReader()
    let first = try from.map { try PointInTime.moment($0, in: reader).first } ?? reader.firstSeq()
    let last = try PointInTime.moment(to, in: reader).seq
    if first > last {
      throw CommandFailure(
        "--from is after --to: entry \(first.rawValue) and entry \(last.rawValue)", status: ExitStatus.usage)
    }
    let rules = try rules()
    var conformance = try JournalConformance(reader, generation: rules)
    let report = try conformance.run(from: first, through: last)
    let spaces = try reader.spaces().map(\.space)
    try ConformText(report, spaces, rules: rules ?? reader.facts().generation.value).write(output.format, console)
    if !report.agrees { throw CommandFailure.silent(ExitStatus.differences) }
  }
}
