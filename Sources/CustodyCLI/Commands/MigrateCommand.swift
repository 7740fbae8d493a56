// Why: `custody migrate`: an older journal is read as it is by every command; this brings it up to date without
// adding to it. Writers do the same by themselves.

import ArgumentParser
import Journal

struct MigrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate",
    abstract: "Bring an older journal up to date",
    discussion: """
      Changes the schema and seals the entries that are there, in one transaction; a crash leaves the journal as it \
      was or as it becomes. A copy is kept beside it as PATH.schema-N unless --no-backup is given. An import that \
      goes on with an older journal does the same.
      """)

  @OptionGroup var journal: JournalOption
  @Flag(name: .customLong("no-backup"), help: "Keep no copy of the older journal.")
  var keepsNoCopy = false
  @Flag(name: .shortAndLong, help: "Print nothing.")
  var quiet = false

  func run() throws {
    let before = try journal.openReader().schemaVersion()
    try JournalWriter.open(at: journal.path, keepsCopy: !keepsNoCopy).close()
    let after = try journal.openReader().schemaVersion()
    guard !quiet else { return }
    let what = before == after ? "is up to date: schema \(after)" : "was brought from schema \(before) to \(after)"
    StandardOutput.write("\(journal.path) \(what)\n")
  }
}
