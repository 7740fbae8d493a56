// Why: `custody verify`: is the file sound, and do its derived parts equal what the entries give?

import ArgumentParser
import Journal
import PageOwnership

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check the integrity of a journal",
    discussion: """
      Runs SQLite's own integrity check, looks for holes in the numbering of entries, holds the views against the \
      rows beneath them, and compares every own snapshot and every row of the index with a replay. Whether the journal \
      agrees with what was observed is the question of `replay`. Exit status 3 if anything is wrong.
      """)

  @OptionGroup var journal: JournalOption
  @Option(help: "table or json.")
  var format = ReportFormat.table

  func run() throws {
    do {
      try check(journal.openReader())
    } catch var error as JournalError where error.code == .corrupt {
      error.hint = "work on a copy; `sqlite3 COPY .recover` saves what can be saved"
      throw error
    }
  }

  private func check(_ reader: JournalReader) throws {
    let head = try reader.headSeq()
    var findings = try reader.integrity().map { ($0.structure, $0.message) }
    var snapshots = 0
    var index = IndexCheck(reader)
    // Rows that contradict each other cannot be replayed.
    if findings.isEmpty {
      let check = try OwnSnapshotCheck(reader).run(through: head)
      snapshots = check.compared
      findings += check.findings.map { ("snapshot_leaf", $0) }
      index = try index.run()
      findings += index.findings.map { ($0.structure, $0.message + "; `custody index --rebuild` mends it") }
    }
    let isComplete = try reader.isComplete()
    let isClean = try reader.isClean()
    StandardOutput.write(
      format == .json
        ? json(findings, head, snapshots, index, isClean, isComplete)
        : table(findings, head, snapshots, index, isClean, isComplete))
    if !findings.isEmpty { throw CommandFailure.silent(ExitStatus.corrupt) }
  }

  private func table(
    _ findings: [(String, String)], _ head: SequenceNumber, _ snapshots: Int, _ index: IndexCheck, _ isClean: Bool,
    _ isComplete: Bool
  ) -> String {
    var text = "\(journal.path): \(head.rawValue) entries, \(snapshots) own snapshots compared\n"
    if let last = index.validTo {
      text += "  the index, valid to entry \(last.rawValue): \(index.compared) rows compared\n"
    } else if findings.isEmpty {
      text += "  no index: `custody index` builds it\n"
    }
    if !isClean { text += "  no clean mark: the last writer did not close in order, or is still at work\n" }
    if !isComplete { text += "  the import is incomplete: --resume goes on with it\n" }
    for (structure, message) in findings { text += "  WRONG \(structure): \(message)\n" }
    return text + (findings.isEmpty ? "sound\n" : "\(findings.count) findings\n")
  }

  private func json(
    _ findings: [(String, String)], _ head: SequenceNumber, _ snapshots: Int, _ index: IndexCheck, _ isClean: Bool,
    _ isComplete: Bool
  ) -> String {
    let list = findings.map { JSONTree.object([("structure", .text($0.0)), ("message", .text($0.1))]) }
    return JSONTree.object([
      ("entries", .integer(head.rawValue)), ("own_snapshots_compared", .integer(Int64(snapshots))),
      ("indexed_to", index.validTo.map { .integer($0.rawValue) } ?? .null),
      ("index_rows_compared", .integer(index.compared)),
      ("clean", .bool(isClean)), ("complete", .bool(isComplete)), ("findings", .array(list)),
    ]).encoded + "\n"
  }
}
