// Why: the ways bytes come in, and each way in which they may not.

import Capture
import Foundation
import Testing

@Suite struct InputByteSourceTests {
  private func code(_ path: String) -> InputError.Code? { readLines(path).error?.code }

  @Test func plainAndGzipReadAlike() throws {
    let plain = try InputScratchFile("one\ntwo\n")
    let packed = try InputScratchFile(InputGzip.oneTwo)
    #expect(readLines(plain) == (["one", "two"], nil))
    #expect(readLines(packed) == (["one", "two"], nil))
  }

  @Test func membersFollowEachOtherAndZerosPad() throws {
    let members = InputGzip.oneTwo + InputGzip.three + InputGzip.stored(Array("\nfour".utf8))
    for padding in [0, 1, 2, 513, 300_000] {
      let file = try InputScratchFile(members + [UInt8](repeating: 0, count: padding))
      #expect(readLines(file) == (["one", "two", "three", "four"], nil), "\(padding) zeros")
    }
  }

  @Test func emptyInputsHaveNoLines() throws {
    #expect(readLines(try InputScratchFile("")) == ([], nil))
    #expect(readLines(try InputScratchFile(InputGzip.stored([]))) == ([], nil))
    // A lone first byte of the magic is a line like any other.
    #expect(readLines(try InputScratchFile([0x1f])).lines == ["\u{1f}"])
  }

  @Test func pipesDeliverPlainAndGzip() throws {
    for bytes in [Array("one\ntwo\n".utf8), InputGzip.oneTwo] {
      let pipe = Pipe()
      // The magic arrives a byte at a time.
      try pipe.fileHandleForWriting.write(contentsOf: Data(bytes[..<1]))
      let writer = Thread {
        try? pipe.fileHandleForWriting.write(contentsOf: Data(bytes[1...]))
        try? pipe.fileHandleForWriting.close()
      }
      writer.start()
      let descriptor = pipe.fileHandleForReading.fileDescriptor
      let source = try ByteSource(rawDescriptor: descriptor, name: "-", closesDescriptor: false)
      #expect(source.storedSize == nil)
      let reader = LineReader(source)
      #expect(try reader.next()?.number == 1)
      #expect(try reader.next()?.offset == 4)
      #expect(try reader.next() == nil)
      #expect(source.storedBytesRead == Int64(bytes.count))
    }
  }

  @Test func everyCutOfGzipIsNamed() throws {
    let whole = InputGzip.oneTwo + InputGzip.three
    // Two bytes make the magic; a cut between the members is a whole file.
    for length in 2..<whole.count where length != InputGzip.oneTwo.count {
      let result = readLines(try InputScratchFile(whole[..<length]))
      let error = try #require(result.error, "cut at \(length)")
      #expect(error.code == .compressedDataCut, "cut at \(length)")
      #expect(error.message.contains("ends in the middle, at compressed byte \(length)"), "cut at \(length)")
      #expect(error.line == result.lines.count + 1, "cut at \(length)")
      #expect(["one", "two"].starts(with: result.lines), "cut at \(length)")
      if length > InputGzip.oneTwo.count { #expect(result.lines == ["one", "two"], "cut at \(length)") }
    }
  }

  @Test func linesBeforeACutAreDelivered() throws {
    let text = (0..<100_000).map { "line \($0)" }.joined(separator: "\n")
    let packed = InputGzip.stored(Array(text.utf8))
    let result = readLines(try InputScratchFile(packed[..<(packed.count - 500)]))
    #expect(result.error?.code == .compressedDataCut)
    #expect(result.lines.count > 99_900)
    #expect(result.lines.last == "line \(result.lines.count - 1)")
    #expect(result.error?.offset ?? 0 > Int64(text.utf8.count - 600))
  }

  @Test func damageIsNamed() throws {
    for index in [3, 12, InputGzip.oneTwo.count - 6, InputGzip.oneTwo.count - 2] {
      var damaged = InputGzip.oneTwo
      damaged[index] ^= 0xFF
      #expect(readLines(try InputScratchFile(damaged)).error?.code == .compressedDataCorrupt, "byte \(index)")
    }
    let trailing = readLines(try InputScratchFile(InputGzip.oneTwo + Array("text".utf8)))
    #expect(trailing.lines == ["one", "two"])
    #expect(trailing.error?.code == .compressedDataCorrupt)
  }

  @Test func pathsThatCannotBeRead() throws {
    let folder = FileManager.default.temporaryDirectory.path
    #expect(code(folder) == .isDirectory)
    #expect(code(folder + "/custody-is-not-here") == .notFound)
    let file = try InputScratchFile("x")
    #expect(code(file.path + "/below-a-file") == .notFound)
    #expect(code(folder + "/" + String(repeating: "n", count: 300)) == .cannotOpen)
    try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: file.path)
    // Root may read everything.
    if getuid() != 0 { #expect(code(file.path) == .permissionDenied) }
  }

  @Test func aDescriptorThatCannotBeReadIsAnError() throws {
    let file = try InputScratchFile("x")
    let writeOnly = try #require(FileHandle(forWritingAtPath: file.path))
    let source = try ByteSource(rawDescriptor: writeOnly.fileDescriptor, name: "w", closesDescriptor: false)
    let error = #expect(throws: InputError.self) { try LineReader(source).next() }
    #expect(error?.code == .readFailed)
    #expect(error?.file == "w")
    #expect(throws: InputError.self) { try ByteSource(rawDescriptor: -1, name: "none", closesDescriptor: false) }
  }

  @Test func whatWasPeekedIsReadAgain() throws {
    let whole = InputGzip.oneTwo + InputGzip.three
    for bytes in [Array("one\ntwo\nthree".utf8), whole] {
      let pipe = Pipe()
      try pipe.fileHandleForWriting.write(contentsOf: Data(bytes))
      try pipe.fileHandleForWriting.close()
      let descriptor = pipe.fileHandleForReading.fileDescriptor
      let source = try ByteSource(rawDescriptor: descriptor, name: "-", closesDescriptor: false)
      let seen = try source.peek { try LineReader(source).next()?.bytes.count }
      #expect(seen == 3)
      let reader = LineReader(source)
      while try reader.next() != nil {}
      #expect(reader.lineNumber == 3)
      #expect(reader.consumedBytes == 13)
    }
  }

  @Test func aCutThatWasPeekedIsStillAnError() throws {
    let file = try InputScratchFile(InputGzip.oneTwo.dropLast(3))
    let source = try ByteSource(path: file.path)
    source.peek {
      let ahead = LineReader(source)
      while let line = try? ahead.next() { _ = line }
    }
    let reader = LineReader(source)
    #expect(try reader.next()?.number == 1)
    #expect(try reader.next()?.number == 2)
    let error = #expect(throws: InputError.self) { try reader.next() }
    #expect(error?.code == .compressedDataCut)
  }

  @Test func theProgressCountsStoredBytes() throws {
    let file = try InputScratchFile(InputGzip.oneTwo)
    let source = try ByteSource(path: file.path)
    let reader = LineReader(source)
    while try reader.next() != nil {}
    #expect(source.isCompressed)
    #expect(source.storedSize == Int64(InputGzip.oneTwo.count))
    #expect(source.storedBytesRead == Int64(InputGzip.oneTwo.count))
    #expect(reader.consumedBytes == 8)
  }
}
