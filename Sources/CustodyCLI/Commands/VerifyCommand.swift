// Why: `custody verify`: is the file sound, is the history the one that was sealed, and do its derived parts
// equal what the entries give? Not here: how it is told (VerifyCommand+Text).

import ArgumentParser
import Journal
import PageOwnership

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check the integrity of a journal",
    discussion: """
      Runs SQLite's own integrity check, compares the schema, recomputes the chain of seals and every state hash, \
      follows every reference, rebuilds every own snapshot, every row of the index and every saved violation, looks \
      for damage in the write-ahead log, and counts each table's rows against those it checked. A journal that is \
      being written is checked up to its last commit and is not held up. Exit status 3 if anything is wrong.

      The chain shows that nothing was changed by accident. Who may write the file can also recompute the chain: \
      against that, keep what `custody seal` prints elsewhere and give it with --expect, or seal with a key and give \
      the first key with --seal-key. Whether the journal agrees with what was observed is the question of `replay`.
      """)

  @OptionGroup var journal: JournalOption
  @Option(
    help: ArgumentHelp(
      "What must be in the journal: an entry, the head of the chain at some seal, or both.",
      valueName: "seq|head|seq:head"))
  var expect: [String] = []
  @Option(help: ArgumentHelp("The first key, to check the tags of seals with.", valueName: "file"))
  var sealKey: String?
  @Option(help: "table or json.")
  var format = ReportFormat.table

  func validate() throws {
    for text in expect where ExpectedHead(text) == nil {
      throw ValidationError(
        "--expect takes an entry, 64 hexadecimal digits, or both with a colon between, not '\(text)'")
    }
  }

  func run() throws {
    Interrupt.install()
    do {
      try check(journal.openReader())
    } catch var error as JournalError where error.code == .corrupt {
      error.hint = "work on a copy; `sqlite3 COPY .recover` saves what can be saved"
      throw error
    }
  }

  private func check(_ reader: JournalReader) throws {
    let key = try sealKey.map { try SealKeyFile.read(at: $0) }
    let report = try VerifyReport(
      reader, path: journal.path, key: key, expecting: expect.compactMap { ExpectedHead($0) })
    StandardOutput.write(format == .json ? report.json : report.table)
    if !report.check.findings.isEmpty { throw CommandFailure.silent(ExitStatus.corrupt) }
  }
}

extension VerifyReport {
  /// Checks everything: what would rest on rows that are wrong is left out.
  init(_ reader: JournalReader, path: String, key: SealKey? = nil, expecting expected: [ExpectedHead] = []) throws {
    let states = StateCheck(reader)
    var check = try reader.check(key: key, expecting: expected, observer: states.observer)
    // Rows that contradict each other give no states.
    if check.findings.isEmpty { check.findings += states.findings }
    var index = IndexCheck(reader)
    if check.findings.isEmpty {
      index = try index.run()
      check.findings += index.findings.map {
        IntegrityFinding(structure: $0.structure, message: $0.message + "; `custody index --rebuild` mends it")
      }
    }
    if check.findings.isEmpty, let found = try ViolationStore.findings(reader) {
      check.findings += found.map {
        IntegrityFinding(
          structure: $0.structure, message: $0.message + "; `custody audit --save` mends it", place: $0.place)
      }
    }
    self.init(
      path: path, check: check, states: states, index: index, isComplete: (try? reader.isComplete()) ?? true)
  }
}
