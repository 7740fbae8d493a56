// Why: strings of a parsed line compared and converted where they lie, without an allocation each.

import Glibc

/// Bytes of a string that somebody else keeps: valid as long as the parsed line is.
package struct StringView {
  /// The UTF-8 text.
  package let bytes: UnsafeRawBufferPointer

  /// Views bytes that must outlive the view.
  package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Whether the text is exactly `text`.
  @inline(__always)
  package func equals(_ text: StaticString) -> Bool {
    guard text.hasPointerRepresentation else { return makeString() == text.description }
    guard bytes.count == text.utf8CodeUnitCount, let base = bytes.baseAddress else {
      return bytes.isEmpty && text.utf8CodeUnitCount == 0
    }
    return memcmp(base, text.utf8Start, bytes.count) == 0
  }

  /// Whether two views hold the same text.
  package func equals(_ other: StringView) -> Bool {
    bytes.count == other.bytes.count && bytes.elementsEqual(other.bytes)
  }

  /// Lets `switch key { case "phase": … }` compare without an allocation.
  @inline(__always)
  package static func ~= (pattern: StaticString, view: StringView) -> Bool { view.equals(pattern) }

  /// A copy of the text that stays.
  package func makeString() -> String { String(decoding: bytes, as: UTF8.self) }

  /// The number that `0x` and 1 to 16 hex digits name; nil for any other text.
  package var hex: UInt64? {
    guard bytes.count > 2, bytes.count <= 18, bytes[0] == UInt8(ascii: "0"), bytes[1] == UInt8(ascii: "x") else {
      return nil
    }
    var value: UInt64 = 0
    for byte in bytes[2...] {
      guard let digit = Self.hexDigit(byte) else { return nil }
      value = value << 4 | digit
    }
    return value
  }

  /// Whether it is `0x` and 17 to 32 hex digits: a number that does not fit 64 bits.
  package var isLongHex: Bool {
    guard (19...34).contains(bytes.count), bytes[0] == UInt8(ascii: "0"), bytes[1] == UInt8(ascii: "x") else {
      return false
    }
    return bytes[2...].allSatisfy { Self.hexDigit($0) != nil }
  }

  @inline(__always)
  private static func hexDigit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte &- UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte &- UInt8(ascii: "a") &+ 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte &- UInt8(ascii: "A") &+ 10)
    default: nil
    }
  }
}
