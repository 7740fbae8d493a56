// Why: the one form of a SHA-256 in journals and on the command line. Not here: what is hashed (SealRecord).

import Crypto

/// A SHA-256: a head of the chain, or the digest of a part of it.
package struct ChainHash: Hashable, Sendable, CustomStringConvertible {
  private let words: (UInt64, UInt64, UInt64, UInt64)

  init(_ bytes: some Sequence<UInt8>) {
    var all: [UInt64] = [0, 0, 0, 0]
    for (index, byte) in bytes.prefix(32).enumerated() { all[index / 8] |= UInt64(byte) << UInt64(index % 8 * 8) }
    words = (all[0], all[1], all[2], all[3])
  }

  /// Reads 64 lower-case hexadecimal digits; nil for anything else.
  package init?(_ text: some StringProtocol) {
    guard let bytes = HexBytes.read(text), bytes.count == 32 else { return nil }
    self.init(bytes)
  }

  /// The 32 bytes.
  var bytes: [UInt8] { withBytes { Array($0) } }

  /// Gives the 32 bytes to `body`.
  func withBytes<T>(_ body: (UnsafeRawBufferPointer) -> T) -> T {
    // Stored with the first byte lowest, also where the machine does not.
    var little = (words.0.littleEndian, words.1.littleEndian, words.2.littleEndian, words.3.littleEndian)
    return withUnsafeBytes(of: &little, body)
  }

  /// 64 lower-case hexadecimal digits.
  package var description: String { HexBytes.text(bytes) }

  /// Whether two hashes are equal.
  package static func == (left: ChainHash, right: ChainHash) -> Bool { left.words == right.words }

  /// Mixes the hash into another.
  package func hash(into hasher: inout Hasher) { withBytes { hasher.combine(bytes: $0) } }
}

/// Bytes as hexadecimal digits.
enum HexBytes {
  /// Two lower-case digits a byte.
  static func text(_ bytes: some Sequence<UInt8>) -> String {
    var text = ""
    for byte in bytes { text += (byte < 16 ? "0" : "") + String(byte, radix: 16) }
    return text
  }

  /// The bytes of lower-case digits; nil for anything else.
  static func read(_ text: some StringProtocol) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 48...57: digit - 48
    case 97...102: digit - 87
    default: nil
    }
  }
}
