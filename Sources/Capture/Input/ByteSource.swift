// Why: one way to read bytes, whether they come from a file, from standard input, plain or gzip. Gzip is
// recognised by its first two bytes, never by a name. Not here: lines (LineReader).

import SystemPackage

/// A stream of uncompressed bytes with a name for messages.
package final class ByteSource {
  /// The path as the user gave it; `-` for standard input.
  package let name: String
  /// Bytes in the file as stored (compressed, if it is); nil where the source has no size.
  package let storedSize: Int64?
  /// Bytes read so far, as stored.
  package private(set) var storedBytesRead: Int64 = 0
  /// Whether the stored bytes are gzip; known after the first read.
  package var isCompressed: Bool { inflater != nil }

  private let descriptor: FileDescriptor
  private let closesDescriptor: Bool
  private let chunk: UnsafeMutableRawBufferPointer
  /// The part of `chunk` that was read and not yet used.
  private var unread = 0..<0
  private var isAtEnd = false
  private var hasLooked = false
  private var inflater: GzipInflater?
  /// Whether a member is done and the next has not begun.
  private var isBetweenMembers = false

  /// What was read ahead, and how much of it was given out again.
  private var kept: [UInt8] = []
  private var replayed = 0
  private var isKeeping = false

  private static let chunkBytes = 256 << 10

  /// Opens a file, or standard input for `-`. Throws ``InputError`` if that is not possible.
  package convenience init(path: String) throws(InputError) {
    guard path != "-" else {
      try self.init(rawDescriptor: FileDescriptor.standardInput.rawValue, name: path, closesDescriptor: false)
      return
    }
    let opened: FileDescriptor
    do {
      opened = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
    } catch {
      throw .opening(path, error)
    }
    try self.init(rawDescriptor: opened.rawValue, name: path, closesDescriptor: true)
  }

  /// Reads from an open descriptor, which is closed at the end if `closesDescriptor` says so.
  package init(rawDescriptor: Int32, name: String, closesDescriptor: Bool) throws(InputError) {
    self.name = name
    descriptor = FileDescriptor(rawValue: rawDescriptor)
    self.closesDescriptor = closesDescriptor
    chunk = .allocate(byteCount: Self.chunkBytes, alignment: 16)
    let status: Stat
    do {
      status = try descriptor.stat()
    } catch {
      storedSize = nil
      throw .opening(name, error)
    }
    storedSize = status.type == .regular ? Int64(status.size) : nil
    guard status.type != .directory else { throw .directory(name) }
  }

  deinit {
    chunk.deallocate()
    if closesDescriptor { try? descriptor.close() }
  }

  /// Reads up to `output.count` uncompressed bytes; 0 at the end.
  package func read(into output: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
    if replayed < kept.count, !isKeeping {
      let count = min(kept.count - replayed, output.count)
      kept.withUnsafeBytes {
        output.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[replayed..<replayed + count]))
      }
      replayed += count
      if replayed == kept.count { kept = [] }
      return count
    }
    let count = try readOnward(into: output)
    if isKeeping { kept.append(contentsOf: UnsafeRawBufferPointer(rebasing: output[..<count])) }
    return count
  }

  /// Lets `body` read ahead; afterwards the source begins again where it was, also if it is a pipe.
  /// Only before anything else is read: what `body` reads is kept in memory.
  package func peek<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    isKeeping = true
    defer {
      isKeeping = false
      replayed = 0
    }
    return try body()
  }

  private func readOnward(into output: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
    guard output.count > 0 else { return 0 }
    if !hasLooked { try lookForGzip() }
    if let inflater { return try readCompressed(inflater, into: output) }
    guard unread.isEmpty else { return takePlain(into: output) }
    return try readStored(into: output)
  }

  private func takePlain(into output: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(unread.count, output.count)
    output.copyMemory(from: UnsafeRawBufferPointer(rebasing: chunk[unread.lowerBound..<unread.lowerBound + count]))
    unread = unread.lowerBound + count..<unread.upperBound
    return count
  }

  /// A pipe may hand over one byte at a time, so this reads until two are there.
  private func lookForGzip() throws(InputError) {
    while unread.count < 2, !isAtEnd {
      let room = UnsafeMutableRawBufferPointer(rebasing: chunk[unread.upperBound...])
      unread = 0..<unread.upperBound + (try readStored(into: room))
    }
    hasLooked = true
    if unread.count >= 2, chunk[0] == 0x1f, chunk[1] == 0x8b { inflater = try GzipInflater() }
  }

  private func readStored(into output: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
    guard !isAtEnd else { return 0 }
    do {
      let count = try descriptor.read(into: output)
      storedBytesRead += Int64(count)
      if count == 0 { isAtEnd = true }
      return count
    } catch {
      throw .reading(name, error)
    }
  }
}

// MARK: - gzip

extension ByteSource {
  private func readCompressed(
    _ inflater: GzipInflater, into output: UnsafeMutableRawBufferPointer
  ) throws(InputError) -> Int {
    while true {
      if unread.isEmpty { unread = 0..<(try readStored(into: chunk)) }
      if isBetweenMembers {
        guard try beginNextMember(inflater) else { return 0 }
      }
      let step = try inflate(inflater, into: output)
      unread = unread.lowerBound + step.consumed..<unread.upperBound
      isBetweenMembers = step.isMemberDone
      if step.produced > 0 { return step.produced }
      if isAtEnd, unread.isEmpty, !isBetweenMembers { throw cut }
    }
  }

  private func inflate(
    _ inflater: GzipInflater, into output: UnsafeMutableRawBufferPointer
  ) throws(InputError) -> GzipInflater.Step {
    do throws(InputError) {
      return try inflater.inflate(UnsafeRawBufferPointer(rebasing: chunk[unread]), into: output)
    } catch {
      throw InputError(error.code, "\(error.message), near compressed byte \(storedPosition)", file: name)
    }
  }

  /// Whether another member follows. Zeros after a member are padding, as gzip itself sees it.
  private func beginNextMember(_ inflater: GzipInflater) throws(InputError) -> Bool {
    while !isAtEnd {
      guard let first = chunk[unread].firstIndex(where: { $0 != 0 }) else {
        unread = 0..<(try readStored(into: chunk))
        continue
      }
      unread = first..<unread.upperBound
      guard chunk[first] == 0x1f else {
        throw InputError(
          .compressedDataCorrupt, "something else follows the compressed data at compressed byte \(storedPosition)",
          file: name)
      }
      inflater.reset()
      isBetweenMembers = false
      return true
    }
    return false
  }

  private var storedPosition: Int64 { storedBytesRead - Int64(unread.count) }

  private var cut: InputError {
    InputError(
      .compressedDataCut, "the compressed data ends in the middle, at compressed byte \(storedBytesRead)", file: name,
      hint: "the file was not copied completely, or its writer was stopped")
  }
}
