// Why: commands come from a person at a terminal or from a pipe. The terminal's own line editing is left as it is, so
// that there is nothing to restore, however the session ends.

import Glibc

/// Lines of standard input.
struct StepInput {
  /// Whether a person types.
  let isTerminal = isatty(STDIN_FILENO) == 1
  private var buffer: [UInt8] = []
  private var isAtEnd = false

  /// A longer line is no command.
  private static let lineLimit = 1 << 16

  /// The next line without its end; nil at the end of the input.
  mutating func next() -> String? {
    while !isAtEnd {
      if let line = take() { return line }
      if buffer.count > Self.lineLimit { buffer.removeAll() }
      var piece = [UInt8](repeating: 0, count: 4096)
      let count = Self.isInputThere() ? read(STDIN_FILENO, &piece, piece.count) : 0
      if count < 0, errno == EINTR, !Interrupt.isRequested { continue }
      if count <= 0 { isAtEnd = true } else { buffer += piece[..<count] }
    }
    if let line = take() { return line }
    defer { buffer = [] }
    return buffer.isEmpty || Interrupt.isRequested ? nil : String(decoding: buffer, as: UTF8.self)
  }

  // A signal may come right before the wait for input, or to another thread: so it is looked for now and then.
  private static func isInputThere() -> Bool {
    var asked = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    while !Interrupt.isRequested {
      if poll(&asked, 1, 100) > 0 { return true }
    }
    return false
  }

  private mutating func take() -> String? {
    guard let end = buffer.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    defer { buffer.removeSubrange(...end) }
    return String(decoding: buffer[..<end], as: UTF8.self)
  }
}
