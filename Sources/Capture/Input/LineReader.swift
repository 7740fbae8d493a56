// Why: the lines of a source in constant memory, each with its place and with the padding that the JSON
// parser reads past, so that no line is ever copied. Not here: what a line means.

import Crypto
import Glibc

/// One line of the input, valid until the reader's next call.
package struct Line {
  /// The text without its line end; ``LineReader/paddingBytes`` readable bytes follow it.
  package let bytes: UnsafeRawBufferPointer
  /// Its number, from 1.
  package let number: Int
  /// The byte in the uncompressed text where it begins.
  package let offset: Int64
  /// False for a last line that no newline ends.
  package let isTerminated: Bool
}

/// Cuts a source into lines.
package final class LineReader {
  /// How many bytes behind a line may be read; their content means nothing.
  package static let paddingBytes = 64
  /// The longest line that is accepted unless the caller says otherwise: 64 MiB.
  package static let defaultMaximumLineBytes = 64 << 20

  /// Where the bytes come from; ask it for stored bytes read and stored size.
  package let source: ByteSource
  /// The longest line that is accepted, line end apart.
  package let maximumLineBytes: Int
  /// Uncompressed bytes up to the end of the current line, line end included.
  package private(set) var consumedBytes: Int64 = 0
  /// The number of the current line; 0 before the first.
  package private(set) var lineNumber = 0

  private var buffer: UnsafeMutableRawBufferPointer
  /// How much text the buffer holds; bounds the memory that a long line may take.
  private(set) var capacity: Int
  /// The part of the buffer that holds text of lines to come.
  private var start = 0
  private var end = 0
  /// Text before this place is in `hasher`; never behind `start`.
  private var hashed = 0
  private var hasher = SHA256()
  private var isAtEnd = false
  private var isInsideLongLine = false
  private var failure: InputError?

  private static let initialCapacity = 256 << 10

  /// Reads lines from `source`, refusing lines longer than `maximumLineBytes`.
  package init(_ source: ByteSource, maximumLineBytes: Int = LineReader.defaultMaximumLineBytes) {
    self.source = source
    self.maximumLineBytes = max(1, min(maximumLineBytes, 1 << 40))
    capacity = Self.initialCapacity
    buffer = Self.makeBuffer(capacity)
  }

  deinit { buffer.deallocate() }

  /// The next line; nil at the end.
  ///
  /// After ``InputError/Code/lineTooLong`` the next call goes on behind that line. Every other error is
  /// final: it comes after all whole lines before it, and again at each later call.
  package func next() throws(InputError) -> Line? {
    try leaveLongLine()
    var searched = 0
    while true {
      if let newline = findNewline(from: start + searched) { return try take(upTo: newline, isTerminated: true) }
      searched = end - start
      // One byte more than the limit may still be the first half of a "\r\n".
      if searched > maximumLineBytes + 1 { throw refuseLongLine() }
      if isAtEnd { return searched == 0 ? nil : try take(upTo: end, isTerminated: false) }
      try fill()
    }
  }

  /// The SHA-256 of all text up to the end of the current line: 32 bytes.
  package func prefixDigest() -> [UInt8] {
    hashConsumed()
    return Array(hasher.finalize())
  }

  /// The SHA-256 of all text before `offset`: a byte of the current line, or the end of it.
  package func prefixDigest(before offset: Int64) -> [UInt8] {
    hash(upTo: start - max(0, Int(clamping: consumedBytes - offset)))
    return Array(hasher.finalize())
  }

  /// After ``InputError/Code/lineTooLong``: goes behind that line, as the next call of ``next()`` would.
  package func leaveLongLine() throws(InputError) {
    if isInsideLongLine { try skipRestOfLine() }
  }
}

// MARK: - lines

extension LineReader {
  private func findNewline(from index: Int) -> Int? {
    guard index < end, let base = buffer.baseAddress else { return nil }
    guard let found = memchr(base + index, 0x0A, end - index) else { return nil }
    return UnsafeRawPointer(found) - UnsafeRawPointer(base)
  }

  private func take(upTo lineEnd: Int, isTerminated: Bool) throws(InputError) -> Line {
    var textEnd = lineEnd
    if isTerminated, textEnd > start, buffer[textEnd - 1] == 0x0D { textEnd -= 1 }
    guard textEnd - start <= maximumLineBytes else {
      let refusal = refuseLongLine()
      consume(lineEnd + (isTerminated ? 1 : 0) - start)
      isInsideLongLine = false
      throw refusal
    }
    lineNumber += 1
    let line = Line(
      bytes: UnsafeRawBufferPointer(rebasing: buffer[start..<textEnd]), number: lineNumber, offset: consumedBytes,
      isTerminated: isTerminated)
    consume(lineEnd + (isTerminated ? 1 : 0) - start)
    return line
  }

  private func consume(_ count: Int) {
    start += count
    consumedBytes += Int64(count)
  }

  private func refuseLongLine() -> InputError {
    lineNumber += 1
    isInsideLongLine = true
    return InputError(
      .lineTooLong, "the line is longer than \(maximumLineBytes) bytes", file: source.name, line: lineNumber,
      offset: consumedBytes, hint: "a recording has short lines; is this the right file?")
  }

  private func skipRestOfLine() throws(InputError) {
    while true {
      if let newline = findNewline(from: start) {
        consume(newline + 1 - start)
        break
      }
      consume(end - start)
      if isAtEnd { break }
      try fill()
    }
    isInsideLongLine = false
  }
}

// MARK: - buffer

extension LineReader {
  private static func makeBuffer(_ capacity: Int) -> UnsafeMutableRawBufferPointer {
    let made = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity + paddingBytes, alignment: 64)
    made.initializeMemory(as: UInt8.self, repeating: 0)
    return made
  }

  /// Reads more text behind what is there. Moves or grows the buffer if it is full.
  private func fill() throws(InputError) {
    if let failure { throw failure }
    if end == capacity { makeRoom() }
    do throws(InputError) {
      let count = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[end..<capacity]))
      end += count
      isAtEnd = count == 0
    } catch {
      var located = error
      located.line = lineNumber + 1
      located.offset = consumedBytes + Int64(end - start)
      failure = located
      throw located
    }
  }

  private func makeRoom() {
    hashConsumed()
    let kept = UnsafeRawBufferPointer(rebasing: buffer[start..<end])
    if kept.count <= capacity / 2 {
      buffer.copyMemory(from: kept)
    } else {
      // Two bytes beyond the limit decide that a line is too long; more is never kept.
      let enough = max(Self.initialCapacity, maximumLineBytes + 2)
      capacity = max(kept.count + 1, min(capacity * 2, enough))
      let larger = Self.makeBuffer(capacity)
      larger.copyMemory(from: kept)
      buffer.deallocate()
      buffer = larger
    }
    end = kept.count
    start = 0
    hashed = 0
  }

  private func hashConsumed() { hash(upTo: start) }

  private func hash(upTo place: Int) {
    guard hashed < place else { return }
    hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[hashed..<place]))
    hashed = place
  }
}
