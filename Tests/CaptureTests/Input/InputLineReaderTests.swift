// Why: where lines begin and end, what they may weigh, and the digest of what was read.

import Foundation
import Glibc
import Testing

@testable import Capture

@Suite struct InputLineReaderTests {
  private func reader(_ bytes: some Sequence<UInt8>, limit: Int = 1 << 20) throws -> (LineReader, InputScratchFile) {
    let file = try InputScratchFile(bytes)
    return (LineReader(try ByteSource(path: file.path), maximumLineBytes: limit), file)
  }

  private func hex(_ digest: [UInt8]) -> String {
    digest.map { String(UInt32($0) + 256, radix: 16).dropFirst() }.joined()
  }

  @Test func placesAndEnds() throws {
    let (reader, file) = try reader(Array("one\r\n\n\r\ntw\ro\nlast\r".utf8))
    var found: [String] = []
    while let line = try reader.next() {
      let text = String(decoding: line.bytes, as: UTF8.self).debugDescription
      found.append("\(line.number) \(line.offset) \(line.isTerminated) \(text)")
    }
    // A "\r" belongs to a line end only before "\n".
    #expect(
      found == ["1 0 true \"one\"", "2 5 true \"\"", "3 6 true \"\"", "4 8 true \"tw\\ro\"", "5 13 false \"last\\r\""])
    #expect(reader.consumedBytes == 18)
    withExtendedLifetime(file) {}
  }

  @Test func nulBytesAndInvalidTextAreLines() throws {
    let bytes: [UInt8] = [0, 0, 0x0A, 0xFF, 0xFE, 0x0A]
    let (reader, file) = try reader(bytes)
    #expect(try reader.next().map { Array($0.bytes) } == [0, 0])
    #expect(try reader.next().map { Array($0.bytes) } == [0xFF, 0xFE])
    #expect(try reader.next() == nil)
    withExtendedLifetime(file) {}
  }

  @Test func theDigestCoversWholeLines() throws {
    let (reader, file) = try reader(Array("one\ntwo\n".utf8))
    #expect(hex(reader.prefixDigest()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    _ = try reader.next()
    #expect(hex(reader.prefixDigest()) == "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806")
    _ = try reader.next()
    #expect(hex(reader.prefixDigest()) == "c3f9c8c283a2b1f2f1896f27a01cbe3cddc0c9d93f752e4639035a0f5b36f6e8")
    #expect(try reader.next() == nil)
    #expect(hex(reader.prefixDigest()) == "c3f9c8c283a2b1f2f1896f27a01cbe3cddc0c9d93f752e4639035a0f5b36f6e8")
    withExtendedLifetime(file) {}
  }

  @Test func theDigestSurvivesManyBuffers() throws {
    let text = (0..<100_000).map { "line number \($0)\n" }.joined()
    // By sha256sum, of the first 54,321 lines: 1 MB, several buffers.
    let expected = "e8e6b51f47119983b5caea139c19e48860e19fe53ec2a8e5b46ad65b9490ca16"
    for asked in [[54_321], [1, 20_000, 54_321]] {
      let (reader, file) = try reader(Array(text.utf8))
      for count in asked {
        while reader.lineNumber < count { _ = try reader.next() }
        _ = reader.prefixDigest()
      }
      #expect(hex(reader.prefixDigest()) == expected)
      withExtendedLifetime(file) {}
    }
  }

  @Test(arguments: ["", "\r"]) func theLimitIsExact(carriage: String) throws {
    let (reader, file) = try reader(Array("12345678\(carriage)\n123456789\(carriage)\nok\n".utf8), limit: 8)
    #expect(try reader.next()?.bytes.count == 8)
    let error = #expect(throws: InputError.self) { try reader.next() }
    #expect(error?.code == .lineTooLong)
    #expect(error?.line == 2)
    #expect(error?.offset == Int64(9 + carriage.utf8.count))
    let after = try #require(try reader.next())
    #expect(after.number == 3)
    #expect(String(decoding: after.bytes, as: UTF8.self) == "ok")
    withExtendedLifetime(file) {}
  }

  @Test func aLineOfAHundredMegabytesTakesLittleMemory() throws {
    let file = try InputScratchFile("first\n")
    let handle = try #require(FileHandle(forWritingAtPath: file.path))
    try handle.truncate(atOffset: 100_000_000)
    try handle.seekToEnd()
    try handle.write(contentsOf: Data("\nlast".utf8))
    let reader = LineReader(try ByteSource(path: file.path), maximumLineBytes: 1 << 20)
    #expect(try reader.next()?.number == 1)
    let error = #expect(throws: InputError.self) { try reader.next() }
    #expect(error?.code == .lineTooLong)
    #expect(error?.line == 2)
    #expect(error?.offset == 6)
    #expect(reader.source.storedBytesRead <= 2 << 20)
    let last = try #require(try reader.next())
    #expect(last.number == 3)
    #expect(last.offset == 100_000_001)
    #expect(!last.isTerminated)
    #expect(try reader.next() == nil)
    #expect(reader.capacity <= 1 << 20 + 2)
  }

  @Test func longLinesWithinTheLimitAreWhole() throws {
    let long = String(repeating: "abcdefg", count: 200_000)
    let (reader, file) = try reader(Array("\(long)\n\(long)x".utf8), limit: long.utf8.count + 1)
    #expect(try reader.next().map { String(decoding: $0.bytes, as: UTF8.self) } == long)
    #expect(try reader.next().map { String(decoding: $0.bytes, as: UTF8.self) } == long + "x")
    withExtendedLifetime(file) {}
  }

  @Test func thePaddingIsReadable() throws {
    let (reader, file) = try reader(Array(String(repeating: "x", count: 256 << 10).utf8))
    let line = try #require(try reader.next())
    let start = try #require(line.bytes.baseAddress)
    let behind = UnsafeRawBufferPointer(start: start + line.bytes.count, count: LineReader.paddingBytes)
    #expect(behind.allSatisfy { $0 != UInt8(ascii: "x") })
    withExtendedLifetime(file) {}
  }

  @Test func errorsOfTheSourceStay() throws {
    let (reader, file) = try reader(InputGzip.oneTwo.dropLast(3))
    _ = try reader.next()
    _ = try reader.next()
    for _ in 0..<3 {
      let error = #expect(throws: InputError.self) { try reader.next() }
      #expect(error?.code == .compressedDataCut)
      #expect(error?.line == 3)
      #expect(error?.offset == 8)
    }
    withExtendedLifetime(file) {}
  }

  @Test func aFailedReadIsFinal() throws {
    let pipe = Pipe()
    let descriptor = pipe.fileHandleForReading.fileDescriptor
    // An empty pipe that must not block fails to read; later it could be read.
    #expect(fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0)
    let reader = LineReader(try ByteSource(rawDescriptor: descriptor, name: "-", closesDescriptor: false))
    #expect(throws: InputError.self) { try reader.next() }
    try pipe.fileHandleForWriting.write(contentsOf: Data("late\n".utf8))
    let error = #expect(throws: InputError.self) { try reader.next() }
    #expect(error?.code == .readFailed)
    #expect(error?.line == 1)
  }

  @Test func errorsNameTheirPlace() {
    let error = InputError(.malformed, "not valid JSON", file: "a.jsonl", line: 3, offset: 77)
    #expect(error.description == "a.jsonl:3: not valid JSON (byte 77)")
    #expect(error.concernsContent)
    #expect(InputError(.notFound, "no such file", file: "a").description == "a: no such file")
    #expect(InputError(.malformed, "cut", line: 2).description == "line 2: cut")
  }
}
