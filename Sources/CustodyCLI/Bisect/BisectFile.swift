// Why: where the state of a search is, and that it belongs to the journal.

import Journal
import PageOwnership

/// The state of a search beside a journal.
struct BisectFile {
  let reader: JournalReader
  /// `JOURNAL-bisect`.
  let path: String

  init(_ reader: JournalReader) {
    self.reader = reader
    path = reader.path + "-bisect"
  }

  private static let sizeLimit = 64 << 20

  /// The state; nil if no search was begun.
  ///
  /// Throws a ``CommandFailure`` with status 3 for a file that is no state, or not of this journal.
  func read() throws -> BisectState? { try read(path) }

  /// The state in a file.
  func read(_ path: String) throws -> BisectState? {
    guard let text = try WholeFile.read(path, limit: Self.sizeLimit) else { return nil }
    do {
      let state = try BisectState(text: text)
      let head = try reader.headSeq()
      guard state.head <= head else {
        throw CommandFailure(
          "\(path) is of a journal with \(state.head.rawValue) entries, \(reader.path) has \(head.rawValue)",
          hint: "`custody bisect reset` begins anew", status: ExitStatus.corrupt)
      }
      return state
    } catch let error as BisectState.Malformed {
      throw CommandFailure(
        "\(path):\(error.line): \(error.message)", hint: "`custody bisect reset` begins anew",
        status: ExitStatus.corrupt)
    }
  }

  /// The state of a search that was begun.
  func readBegun() throws -> BisectState {
    guard let state = try read() else {
      throw CommandFailure(
        "no search was begun in \(reader.path)", hint: "begin with `custody bisect start`", status: ExitStatus.usage)
    }
    return state
  }

  /// Writes the state, durably.
  func write(_ state: BisectState) throws {
    try WholeFile.write(to: path, replaces: true) { add in try add(state.text) }
  }
}
