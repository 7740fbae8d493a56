// Why: a user's command judges a moment, by git's protocol: 0 is good, 1 to 124 bad, 125 cannot tell, the rest ends
// the search. It gets the entry's number and the journal as it was then.

import Analysis
import Glibc
import Journal
import PageOwnership

/// A command that judges moments.
struct BisectScript {
  private let reader: JournalReader
  private let command: [String]
  private let copies: Bool
  private let folder: String

  /// Makes a folder for the journals that the command gets; ``remove()`` takes it away. Unless it `copies`, the command
  /// gets the journal itself.
  init(_ reader: JournalReader, _ command: [String], copies: Bool) throws {
    self.reader = reader
    self.command = command
    self.copies = copies
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var path = Array((parent + "/custody-bisect-XXXXXX").utf8CString)
    guard mkdtemp(&path) != nil else {
      throw CommandFailure(
        "cannot make a folder in \(parent): \(String(cString: strerror(errno)))", status: ExitStatus.cannotOpen)
    }
    folder = String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Removes the folder.
  func remove() {
    unlink(past)
    rmdir(folder)
  }

  private var past: String { folder + "/past.db" }

  /// Judges the state right after an entry.
  ///
  /// Throws a ``CommandFailure`` with status 4 if the command ends with 126 or more, by a signal, or not at all; with
  /// 130 if the user asks to stop.
  func judge(_ seq: SequenceNumber) throws -> (BisectVerdict, status: Int32) {
    if copies { try makePast(seq) }
    defer { unlink(past) }
    let status = try perform(seq)
    if Interrupt.isRequested {
      throw CommandFailure("stopped; `custody bisect run` goes on from here", status: ExitStatus.interrupted)
    }
    switch status {
    case 0: return (.good, status)
    case 125: return (.skip, status)
    case 1...124: return (.bad, status)
    default:
      let words = status > 128 ? "was ended by signal \(status - 128) or" : "could not be run, or"
      throw CommandFailure(
        "\(DisplayText.escaped(command[0])) \(words) ended with \(status) at entry \(seq.rawValue)",
        hint: "0 is good, 1 to 124 bad, 125 cannot tell; what was decided is kept", status: ExitStatus.cannotOpen)
    }
  }

  // With an index if the journal has one: the views of the schema read it.
  private func makePast(_ seq: SequenceNumber) throws {
    try reader.copyPast(to: past, through: seq)
    if try reader.indexedSeq() != nil {
      let writer = try JournalWriter.open(at: past)
      _ = try IndexBuild.run(writer, isFresh: true)
      try writer.close()
    }
    chmod(past, 0o444)
  }

  // The exit status as a shell tells it.
  private func perform(_ seq: SequenceNumber) throws -> Int32 {
    setenv("CUSTODY_BISECT_SEQ", "\(seq.rawValue)", 1)
    setenv("CUSTODY_BISECT_DB", copies ? past : reader.path, 1)
    let arguments = command.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var process: pid_t = 0
    let code = posix_spawnp(&process, command[0], nil, nil, arguments, environ)
    guard code == 0 else {
      throw CommandFailure(
        "cannot run \(DisplayText.escaped(command[0])): \(String(cString: strerror(code)))",
        status: ExitStatus.cannotOpen)
    }
    var word: Int32 = 0
    while waitpid(process, &word, 0) < 0 {
      guard errno == EINTR else { return 127 }
    }
    let signal = word & 0x7f
    return signal == 0 ? word >> 8 & 0xff : 128 + signal
  }
}
