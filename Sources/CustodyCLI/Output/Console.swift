// Why: the one way to standard output for rows and texts: buffered, aware of the terminal's width and
// colours, quiet when a pipe closes. Not here: formats (the row writers), errors (CustodyCommand).

import Glibc

/// Where output goes, and what the place can show.
final class Console {
  /// A way to set text off; never the only carrier of a meaning.
  enum Ink: String {
    case red = "31"
    case green = "32"
    case yellow = "33"
    case bold = "1"
    case dim = "2"
  }

  /// Columns that fit; nil where nothing needs to be cut.
  let width: Int?
  /// Whether nothing may be left out, however long it is.
  let isFull: Bool
  /// Whether a person reads at once.
  let isTerminal: Bool
  private let hasColour: Bool
  private let deliver: ([UInt8]) throws -> Void
  private let tell: (String) -> Void
  private var buffer: [UInt8] = []
  private static let flushSize = 32 * 1024

  /// Makes a console; tests give their own `deliver` and `tell`.
  init(
    width: Int? = nil, isFull: Bool = false, isTerminal: Bool = false, hasColour: Bool = false,
    tell: @escaping (String) -> Void = { StandardError.write($0) }, deliver: @escaping ([UInt8]) throws -> Void
  ) {
    self.width = width
    self.isFull = isFull
    self.isTerminal = isTerminal
    self.hasColour = hasColour
    self.tell = tell
    self.deliver = deliver
  }

  /// Standard output as the environment describes it; `isFull` lifts the limit of width.
  static func standard(isFull: Bool) -> Console {
    let isTerminal = isatty(STDOUT_FILENO) == 1
    return Console(
      width: isFull ? nil : terminalWidth(isTerminal), isFull: isFull, isTerminal: isTerminal,
      hasColour: wantsColour(isTerminal, variable), deliver: writeToStandardOutput)
  }

  /// Whether to colour (no-color.org, bixense.com/clicolors): NO_COLOR wins, then CLICOLOR_FORCE, then the terminal.
  static func wantsColour(_ isTerminal: Bool, _ variable: (String) -> String?) -> Bool {
    if let refused = variable("NO_COLOR"), !refused.isEmpty { return false }
    if let forced = variable("CLICOLOR_FORCE"), !forced.isEmpty, forced != "0" { return true }
    return isTerminal && variable("TERM") != "dumb"
  }

  private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  private static func terminalWidth(_ isTerminal: Bool) -> Int? {
    if let columns = variable("COLUMNS").flatMap({ Int($0) }), columns >= 20 { return columns }
    var size = winsize()
    guard isTerminal, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 20 else { return nil }
    return Int(size.ws_col)
  }

  // A reader that went away has seen enough: that ends the process quietly, unless SIGPIPE did so before.
  private static func writeToStandardOutput(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { all in
      var rest = all
      while let start = rest.baseAddress, !rest.isEmpty {
        let count = Glibc.write(STDOUT_FILENO, start, rest.count)
        if count < 0, errno == EINTR { continue }
        if count < 0, errno == EPIPE { throw CommandFailure.silent(0) }
        guard count > 0 else {
          let reason = String(cString: strerror(errno))
          throw CommandFailure("cannot write the output: \(reason)", status: ExitStatus.cannotOpen)
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
    }
  }

  /// Adds text to the output.
  func write(_ text: String) throws {
    buffer.append(contentsOf: text.utf8)
    if buffer.count >= Self.flushSize { try flush() }
  }

  /// Hands on what is buffered.
  func flush() throws {
    guard !buffer.isEmpty else { return }
    let bytes = buffer
    buffer.removeAll(keepingCapacity: true)
    try deliver(bytes)
  }

  /// A remark for the person, on the error side, after what was written so far.
  func note(_ text: String) throws {
    try flush()
    tell(text + "\n")
  }

  /// Text in an ink where colours are wanted.
  func paint(_ text: String, _ ink: Ink?) -> String {
    guard hasColour, let ink, !text.isEmpty else { return text }
    return "\u{1b}[\(ink.rawValue)m\(text)\u{1b}[0m"
  }
}

extension Console.Ink {
  /// The ink of an outcome's word.
  static func outcome(_ word: some StringProtocol) -> Console.Ink? {
    switch word {
    case "refused", "failed", "FAILED": .red
    case "completed", "passed": .green
    case "open", "fatal", "skipped", "unknown", "in doubt": .yellow
    default: nil
    }
  }
}
