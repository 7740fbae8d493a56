// Why: every command names its journal in the same way.

import ArgumentParser
import Glibc
import Journal

/// `-j PATH`, else `$CUSTODY_JOURNAL`, else `./custody.db`.
struct JournalOption: ParsableArguments {
  @Option(
    name: [.customShort("j"), .customLong("journal")],
    help: ArgumentHelp("The journal (default: $CUSTODY_JOURNAL, else ./custody.db).", valueName: "path"))
  var given: String?

  /// The path of the journal.
  var path: String { Self.path(given: given) }

  /// The path of the journal that an option names, if it was given.
  static func path(given: String?) -> String {
    if let given { return given }
    if let named = getenv("CUSTODY_JOURNAL") { return String(cString: named) }
    return "custody.db"
  }

  /// Opens the journal for reading.
  func openReader() throws -> JournalReader { try JournalReader(at: path) }
}
