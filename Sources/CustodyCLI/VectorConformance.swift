// Why: the composition of vector files, the machines that they start from, and the judge of vectors.

import Capture
import PageOwnership
import TransitionRules

/// Judges rules by vector files.
struct VectorConformance {
  /// The machine of all files; nil: the one beside each.
  var meta: String?
  /// Whose rules are judged; nil: those of the files' own generation.
  var rules: Generation?

  /// How many disagreements are kept.
  private static let limit = 1000

  /// Judges all cases of files. Throws an ``InputError``, or a ``CommandFailure`` for a file without a machine.
  func run(_ files: [String]) throws -> VectorVerdict {
    var verdict = VectorVerdict()
    for file in files {
      let judge = VectorJudge(try start(of: file))
      let reader = try VectorReader(path: file)
      while let next = try reader.next() { verdict.add(judge.judge(next), limit: Self.limit) }
    }
    return verdict
  }

  private func start(of file: String) throws -> VectorStart {
    guard let path = meta ?? VectorMachineReader.sibling(of: file) else {
      throw CommandFailure(
        "\(file): the name does not tell which machine its cases start from", hint: "name it with --meta",
        status: ExitStatus.usage)
    }
    let machine = try VectorMachineReader.read(path)
    guard let start = VectorStart(machine, rules: rules.map { RuleBook.of($0) }) else {
      throw CommandFailure(
        "\(path): '\(machine.generation)' is no generation of vectors that is known", status: ExitStatus.corrupt)
    }
    return start
  }
}
