// Why: the one place where errors of all floors become a message, a hint and an exit status.

import ArgumentParser
import Capture
import Journal

/// Exit statuses (design §5).
enum ExitStatus {
  static let differences: Int32 = 1
  static let usage: Int32 = 2
  static let corrupt: Int32 = 3
  static let cannotOpen: Int32 = 4
  static let limit: Int32 = 5
  static let interrupted: Int32 = 130
}

/// A failure as the user sees it.
struct CommandFailure: Error {
  /// What went wrong, and where; empty if everything was said already.
  var message: String
  /// The way out.
  var hint: String?
  /// How the process ends.
  var status: Int32

  /// A failure with its own words.
  init(_ message: String, hint: String? = nil, status: Int32) {
    self.message = message
    self.hint = hint
    self.status = status
  }

  /// Ends the process with a status after the output has said everything.
  static func silent(_ status: Int32) -> CommandFailure { CommandFailure("", status: status) }

  /// The failure that an error of another floor means.
  init(_ error: any Error) {
    switch error {
    case let failure as CommandFailure: self = failure
    case let error as InputError:
      self.init(
        error.description, hint: error.hint, status: error.concernsContent ? ExitStatus.corrupt : ExitStatus.cannotOpen)
    case let error as JournalError:
      self.init(Self.words(error), hint: error.hint, status: Self.status(error.code))
    default: self.init("\(error)", status: ExitStatus.cannotOpen)
    }
  }

  // The hint has its own line.
  private static func words(_ error: JournalError) -> String {
    guard let cause = error.cause else { return error.message }
    return "\(error.message)\n  SQLite: \(cause.message) (\(cause.code))"
  }

  private static func status(_ code: JournalError.Code) -> Int32 {
    switch code {
    case .notAJournal, .newer, .corrupt: ExitStatus.corrupt
    case .missing, .exists, .locked, .readOnly, .full, .io, .poisoned: ExitStatus.cannotOpen
    case .invalid: ExitStatus.corrupt
    case .query, .key, .pruned: ExitStatus.usage
    case .limit: ExitStatus.limit
    case .interrupted: ExitStatus.interrupted
    }
  }
}
