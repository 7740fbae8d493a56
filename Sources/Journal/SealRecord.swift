// Why: the canonical bytes that the chain hashes: records of a tag, a bitmap of the columns that are not
// NULL, and their values at fixed widths. Written in place and hashed in large pieces, because this is on
// the append path. Not here: which columns (`SealRecord+Rows.swift` for the writer, ChainScan for the reader).

import Crypto

/// What a record is about; the first byte of it.
enum SealTag: UInt8 {
  case entry = 0x45  // E
  case note = 0x4e  // N
  case sourceRun = 0x52  // R
  case gap = 0x47  // G
  case change = 0x43  // C
  case observation = 0x4f  // O
  case activation = 0x41  // A
  case transition = 0x54  // T
  case activationEnd = 0x61  // a
  case transitionEnd = 0x74  // t
  case spaceEnd = 0x44  // D
  case snapshot = 0x53  // S
  case snapshotRange = 0x72  // r
  case space = 0x42  // B
  case site = 0x73  // s
  case anchor = 0x48  // H
  case seal = 0x4b  // K
  case leaf = 0x4c  // L
  case fact = 0x46  // F
  case region = 0x4d  // M
  case importState = 0x49  // I
  case writerState = 0x57  // W
}

/// Gathers records and hashes them. Not a class: a checked access for every column would cost more than the column.
struct SealHasher: ~Copyable {
  private var hash = SHA256()
  private var buffer: UnsafeMutableRawPointer
  private var capacity = 1 << 16
  private var count = 0
  private var bitmapPlace = 0
  private var bitmap: UInt16 = 0
  private var bit: UInt16 = 1
  private var mark: UInt64 = 0

  /// Hashing in pieces of this size costs no more than in one.
  private static let pieceSize = 1 << 15
  /// A tag, a bitmap, a digest and sixteen numbers take less.
  private static let recordRoom = 256

  /// Begins with the name of what is hashed, ended by a zero byte: no two kinds of hash can be mixed up.
  init(_ domain: StaticString) {
    buffer = .allocate(byteCount: capacity, alignment: 8)
    begin(domain)
  }

  deinit { buffer.deallocate() }

  /// Starts over.
  mutating func restart(_ domain: StaticString) {
    hash = SHA256()
    count = 0
    begin(domain)
  }

  private mutating func begin(_ domain: StaticString) {
    raw(UnsafeRawBufferPointer(start: domain.utf8Start, count: domain.utf8CodeUnitCount))
    buffer.storeBytes(of: 0, toByteOffset: count, as: UInt8.self)
    count += 1
  }

  /// Adds bytes that are no record.
  mutating func raw(_ bytes: UnsafeRawBufferPointer) {
    makeRoom(bytes.count + Self.recordRoom)
    if let start = bytes.baseAddress { (buffer + count).copyMemory(from: start, byteCount: bytes.count) }
    count += bytes.count
  }

  /// Adds a hash.
  @inline(__always)
  mutating func raw(_ hash: ChainHash) { hash.withBytes { raw($0) } }

  /// Adds a number that is no column.
  @inline(__always)
  mutating func raw(_ number: Int64) {
    makeRoom(Self.recordRoom)
    store(number)
  }

  /// Begins a record.
  @inline(__always)
  mutating func begin(_ tag: SealTag) {
    if count > Self.pieceSize { flush() }
    buffer.storeBytes(of: tag.rawValue, toByteOffset: count, as: UInt8.self)
    bitmapPlace = count + 1
    count += 3
    bitmap = 0
    bit = 1
  }

  /// Adds a column that is a number.
  @inline(__always)
  mutating func add(_ value: Int64) {
    store(value)
    bitmap |= bit
    bit &<<= 1
  }

  /// Adds a column that may be NULL.
  @inline(__always)
  mutating func add(_ value: Int64?) {
    if let value { add(value) } else { bit &<<= 1 }
  }

  /// Adds a column that is text, or NULL if there is no address.
  mutating func add(text: UnsafeRawBufferPointer) {
    guard let start = text.baseAddress else {
      bit &<<= 1
      return
    }
    makeRoom(text.count + Self.recordRoom)
    store(Int64(text.count))
    (buffer + count).copyMemory(from: start, byteCount: text.count)
    count += text.count
    bitmap |= bit
    bit &<<= 1
  }

  /// Adds a column that is text.
  mutating func add(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      // An empty text may have no address, and no address means NULL.
      withUnsafeBytes(of: 0 as UInt8) { nothing in
        let isEmpty = bytes.isEmpty
        add(text: isEmpty ? UnsafeRawBufferPointer(rebasing: nothing[..<0]) : UnsafeRawBufferPointer(bytes))
      }
    }
  }

  /// Adds a column that is text or NULL.
  mutating func add(_ text: String?) {
    if let text { add(text) } else { bit &<<= 1 }
  }

  /// Ends a record.
  @inline(__always)
  mutating func end() {
    (buffer + bitmapPlace).storeBytes(of: bitmap.littleEndian, as: UInt16.self)
    var place = bitmapPlace - 1
    // What lies behind the record is overwritten by the next one.
    (buffer + count).storeBytes(of: 0, as: UInt64.self)
    while place < count {
      mark = (mark ^ (buffer + place).loadUnaligned(as: UInt64.self).littleEndian) &* 0x9e37_79b9_7f4a_7c15
      mark ^= mark >> 32
      place += 8
    }
  }

  /// One byte of the records since the last call: it tells which entry is not what it was.
  @inline(__always)
  mutating func takeMark() -> UInt8 {
    defer { mark = 0 }
    return UInt8(truncatingIfNeeded: mark >> 56)
  }

  /// The hash of everything so far, followed by a number; more may be added afterwards.
  mutating func value(endingWith number: Int64) -> ChainHash {
    flush()
    var copy = hash
    withUnsafeBytes(of: number.littleEndian) { copy.update(bufferPointer: $0) }
    return ChainHash(copy.finalize())
  }

  @inline(__always)
  private mutating func store(_ value: Int64) {
    (buffer + count).storeBytes(of: value.littleEndian, as: Int64.self)
    count += 8
  }

  @inline(__always)
  private mutating func makeRoom(_ needed: Int) {
    if count &+ needed > capacity { grow(needed) }
  }

  // A record stays in one piece until it ends, because its bitmap is filled in last.
  @inline(never)
  private mutating func grow(_ needed: Int) {
    let wanted = (count + needed) * 2
    let larger = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 8)
    larger.copyMemory(from: buffer, byteCount: count)
    buffer.deallocate()
    buffer = larger
    capacity = wanted
  }

  @inline(never)
  private mutating func flush() {
    hash.update(bufferPointer: UnsafeRawBufferPointer(start: buffer, count: count))
    count = 0
  }
}
