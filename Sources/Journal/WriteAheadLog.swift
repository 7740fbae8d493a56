// Why: SQLite reads a write-ahead log up to the first frame that does not verify and is silent about the rest:
// a flipped bit there takes whole groups away. Here the rest is looked at. Reads the log alone, never the
// database: closing a second descriptor on that would drop SQLite's locks.
// Format: sqlite.org/fileformat2.html, "The WAL File Format".

import Glibc

/// What a write-ahead log holds behind its last valid commit.
struct WriteAheadLog: Hashable, Sendable {
  /// Frames up to the last valid commit.
  var validFrames = 0
  /// Frames behind it that carry the log's salt, or half of it.
  var leftFrames = 0
  /// Whether one of those ends a group: SQLite does not see that commit.
  var hidesCommit = false
  /// Whether the log's head cannot be read, so that nothing in it counts.
  var isHeadDamaged = false

  /// Looks at the log beside a database; nil if there is none, or nothing in it.
  init?(beside path: String) throws(JournalError) {
    let descriptor = open(path + "-wal", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw .system(errno, "cannot read \(path)-wal")
    }
    defer { close(descriptor) }
    var head = [UInt8](repeating: 0, count: 32)
    guard pread(descriptor, &head, 32, 0) == 32 else { return nil }
    guard let reader = FrameReader(head) else {
      var status = stat()
      isHeadDamaged = fstat(descriptor, &status) == 0 && status.st_size > 32 + 512 && head.contains { $0 != 0 }
      return
    }
    read(descriptor, reader)
  }

  private mutating func read(_ descriptor: Int32, _ reader: FrameReader) {
    var reader = reader
    var frame = [UInt8](repeating: 0, count: 24 + reader.pageSize)
    var offset = 32
    var pending = 0
    var isValid = true
    while pread(descriptor, &frame, frame.count, offset) == frame.count {
      offset += frame.count
      isValid = isValid && reader.accepts(frame)
      if isValid {
        pending += 1
        guard FrameReader.isCommit(frame) else { continue }
        validFrames += pending
        pending = 0
      } else if reader.hasSalt(frame) {
        leftFrames += 1
        hidesCommit = hidesCommit || FrameReader.isCommit(frame)
      }
    }
    leftFrames += pending
  }
}

/// The running checksum of a log.
private struct FrameReader {
  let pageSize: Int
  private let isBigEndian: Bool
  private let salts: [UInt8]
  private var sum: (UInt32, UInt32)

  init?(_ head: [UInt8]) {
    let magic = Self.word(head, 0)
    let size = Int(Self.word(head, 8))
    guard magic & ~1 == 0x377f_0682, size.nonzeroBitCount == 1, (512...65_536).contains(size) else { return nil }
    isBigEndian = magic & 1 == 1
    pageSize = size
    salts = Array(head[16..<24])
    sum = Self.sum((0, 0), head[0..<24], isBigEndian)
    guard sum == (Self.word(head, 24), Self.word(head, 28)) else { return nil }
  }

  /// Whether a frame goes on where the last one ended.
  mutating func accepts(_ frame: [UInt8]) -> Bool {
    guard frame[8..<16].elementsEqual(salts), Self.word(frame, 0) > 0 else { return false }
    let before = Self.sum(sum, frame[0..<8], isBigEndian)
    let after = Self.sum(before, frame[24...], isBigEndian)
    guard after == (Self.word(frame, 16), Self.word(frame, 20)) else { return false }
    sum = after
    return true
  }

  // Frames of an earlier round have neither half.
  func hasSalt(_ frame: [UInt8]) -> Bool {
    frame[8..<12].elementsEqual(salts[0..<4]) || frame[12..<16].elementsEqual(salts[4..<8])
  }

  static func isCommit(_ frame: [UInt8]) -> Bool { word(frame, 4) != 0 }

  private static func word(_ bytes: [UInt8], _ place: Int) -> UInt32 {
    bytes[place..<place + 4].reduce(0) { $0 << 8 | UInt32($1) }
  }

  private static func sum(
    _ start: (UInt32, UInt32), _ bytes: ArraySlice<UInt8>, _ isBigEndian: Bool
  ) -> (UInt32, UInt32) {
    bytes.withUnsafeBytes { raw in
      var (first, second) = start
      for place in stride(from: 0, to: raw.count - 7, by: 8) {
        let left = raw.loadUnaligned(fromByteOffset: place, as: UInt32.self)
        let right = raw.loadUnaligned(fromByteOffset: place + 4, as: UInt32.self)
        first = first &+ (isBigEndian ? UInt32(bigEndian: left) : UInt32(littleEndian: left)) &+ second
        second = second &+ (isBigEndian ? UInt32(bigEndian: right) : UInt32(littleEndian: right)) &+ first
      }
      return (first, second)
    }
  }
}
