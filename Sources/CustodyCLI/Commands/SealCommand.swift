// Why: `custody seal`: what must be kept elsewhere, so that nobody can put another history in the place of this
// one. Not here: comparing with it (verify).

import ArgumentParser
import Journal
import PageOwnership

struct SealCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "seal",
    abstract: "Print the head of the journal for keeping elsewhere",
    discussion: """
      Prints the last committed entry, the head of the hash chain there and the state hash. Kept where the journal's \
      writers cannot reach, `custody verify --expect SEQ:HEAD` proves with it that the history up to that entry is \
      still the same, also when the journal has grown since.

      --new-key makes a key for `custody import --seal-key`: each seal then gets a tag, and each key destroys the one \
      before. The first key is printed: keep it elsewhere, for `custody verify --seal-key`.
      """)

  @OptionGroup var journal: JournalOption
  @Option(help: ArgumentHelp("Make a key in this file, and print it for keeping elsewhere.", valueName: "file"))
  var newKey: String?
  @Option(help: "table or json.")
  var format = ReportFormat.table

  func run() throws {
    if let newKey {
      let key = SealKey()
      try SealKeyFile.create(key, at: newKey)
      return StandardOutput.write(key.text)
    }
    guard let tail = try journal.openReader().sealTail() else {
      throw CommandFailure(
        "\(journal.path) is of an older schema and has no seals", hint: "`custody migrate` seals what it holds",
        status: ExitStatus.corrupt)
    }
    let seal = tail.seal
    let state = seal.stateHash.map { "\($0)" }
    if format == .json {
      StandardOutput.write(
        JSONTree.object([
          ("seq", .integer(seal.seq.rawValue)), ("head", .text("\(seal.head)")),
          ("state_hash", state.map { .text($0) } ?? .null), ("epoch", seal.epoch.map { .integer($0) } ?? .null),
        ]).encoded + "\n")
    } else {
      StandardOutput.write("\(seal.seq.rawValue):\(seal.head)\nstate hash \(state ?? "unknown")\n")
    }
  }
}
