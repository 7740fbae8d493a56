// Why: the one error that leaves this floor: what went wrong and where, the way out, and SQLite's own
// words. Not here: exit statuses (CustodyCLI maps ``JournalError/Code`` to them).

/// A failure of the store.
package struct JournalError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of failure it is.
  package enum Code: String, Hashable, Sendable {
    /// The file is no journal: another format, another application's database, or empty.
    case notAJournal
    /// The journal was written by a newer program.
    case newer
    /// There is no such file or folder.
    case missing
    /// A file stands where a journal was to be created.
    case exists
    /// Another writer holds the journal.
    case locked
    /// The file or its folder may not be written.
    case readOnly
    /// The disk, the quota or the allowed file size is used up.
    case full
    /// The file is damaged, or its rows contradict each other.
    case corrupt
    /// The system refused to open, read or write.
    case io
    /// An earlier failure stopped this writer for good.
    case poisoned
    /// The caller's rows do not fit the journal: a bug, or hostile input that was not checked.
    case invalid
    /// A key for sealing is missing, or is not this journal's.
    case key
    /// What was asked for was dropped by `custody prune`.
    case pruned
    /// The user's SQL is wrong or does more than read.
    case query
    /// A limit of time or size was hit.
    case limit
    /// Somebody asked to stop.
    case interrupted
  }

  /// What SQLite said.
  package struct Cause: Hashable, Sendable {
    /// The extended result code.
    package var code: Int32
    /// The message.
    package var message: String
  }

  /// What kind of failure it is.
  package var code: Code
  /// What went wrong, and where.
  package var message: String
  /// The way out; nil if there is none to name.
  package var hint: String?
  /// What SQLite said, where it was asked.
  package var cause: Cause?

  /// Makes an error.
  package init(_ code: Code, _ message: String, hint: String? = nil, cause: Cause? = nil) {
    self.code = code
    self.message = message
    self.hint = hint
    self.cause = cause
  }

  /// Message, cause and hint in one text of up to three lines.
  package var description: String {
    var text = message
    if let cause { text += "\n  SQLite: \(cause.message) (\(cause.code))" }
    if let hint { text += "\n  hint: \(hint)" }
    return text
  }
}
