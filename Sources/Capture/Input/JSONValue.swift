// Why: reads simdjson's tape in place: a value is a pointer pair and an index, nothing is built. simdjson
// has checked UTF-8, numbers, nesting and the tape's own shape; nothing is checked twice. Duplicate keys
// come as they stand. Not here: what a field means.
//
// A tape word holds its type in the top byte. Numbers take a second word. `{` and `[` hold the index
// behind their end, so skipping one is a jump.

/// The kinds of JSON value.
package enum JSONKind: Hashable, Sendable {
  /// `{…}`
  case object
  /// `[…]`
  case array
  /// `"…"`
  case string
  /// A number without fraction or exponent that fits 64 bits, signed or unsigned.
  case integer
  /// Any other number.
  case double
  /// `true` or `false`.
  case bool
  /// `null`
  case null
}

/// A value of a parsed line, valid until the parser's next call.
package struct JSONValue {
  let tape: UnsafePointer<UInt64>
  let strings: UnsafePointer<UInt8>
  let index: Int

  @inline(__always)
  private var word: UInt64 { tape[index] }
  @inline(__always)
  private var type: UInt8 { UInt8(truncatingIfNeeded: word >> 56) }

  private static let stringType = UInt8(ascii: "\"")
  private static let objectType = UInt8(ascii: "{")
  private static let arrayType = UInt8(ascii: "[")
  private static let signedType = UInt8(ascii: "l")
  private static let unsignedType = UInt8(ascii: "u")
  private static let doubleType = UInt8(ascii: "d")

  /// What it is.
  package var kind: JSONKind {
    switch type {
    case Self.objectType: .object
    case Self.arrayType: .array
    case Self.stringType: .string
    case Self.signedType, Self.unsignedType: .integer
    case Self.doubleType: .double
    case UInt8(ascii: "t"), UInt8(ascii: "f"): .bool
    default: .null
    }
  }

  /// Whether it is `null`.
  package var isNull: Bool { type == UInt8(ascii: "n") }

  /// The integer, if it is one and fits.
  package var int64: Int64? {
    // simdjson uses the unsigned type only for what does not fit the signed one.
    type == Self.signedType ? Int64(bitPattern: tape[index + 1]) : nil
  }

  /// The integer, if it is one and not negative.
  package var uint64: UInt64? {
    switch type {
    case Self.unsignedType: return tape[index + 1]
    case Self.signedType: return UInt64(exactly: Int64(bitPattern: tape[index + 1]))
    default: return nil
    }
  }

  /// The number, if it is one; an integer beyond 2^53 is rounded.
  package var double: Double? {
    switch type {
    case Self.doubleType: Double(bitPattern: tape[index + 1])
    case Self.signedType: Double(Int64(bitPattern: tape[index + 1]))
    case Self.unsignedType: Double(tape[index + 1])
    default: nil
    }
  }

  /// The truth value, if it is one.
  package var bool: Bool? {
    switch type {
    case UInt8(ascii: "t"): true
    case UInt8(ascii: "f"): false
    default: nil
    }
  }

  /// The text, if it is a string.
  @inline(__always)
  package var string: StringView? { type == Self.stringType ? text : nil }

  /// The number in a `"0x…"` string; nil for anything else. See ``StringView/hex``.
  package var hex: UInt64? { string?.hex }

  /// Whether it is the string `text`.
  @inline(__always)
  package func equals(_ text: StaticString) -> Bool { string?.equals(text) ?? false }

  /// A copy of the text, if it is a string.
  package func makeString() -> String? { string?.makeString() }

  /// The text of a word known to be a string: four bytes of length, then the bytes.
  @inline(__always)
  private var text: StringView {
    let start = strings + Int(word & 0x00FF_FFFF_FFFF_FFFF)
    let count = UnsafeRawPointer(start).loadUnaligned(as: UInt32.self)
    return StringView(UnsafeRawBufferPointer(start: start + 4, count: Int(count)))
  }
}

// MARK: - containers

extension JSONValue {
  /// The index of what follows this value: a jump, whatever is inside.
  @inline(__always)
  private var nextIndex: Int {
    switch type {
    case Self.objectType, Self.arrayType: Int(word & 0xFFFF_FFFF)
    case Self.signedType, Self.unsignedType, Self.doubleType: index + 2
    default: index + 1
    }
  }

  @inline(__always)
  private func at(_ index: Int) -> JSONValue { JSONValue(tape: tape, strings: strings, index: index) }

  /// Calls `body` for each field in the order of the text; does nothing if it is no object.
  @inline(__always)
  package func forEachField<Failure: Error>(
    _ body: (_ key: StringView, _ value: JSONValue) throws(Failure) -> Void
  ) throws(Failure) {
    guard type == Self.objectType else { return }
    let end = nextIndex - 1
    var cursor = index + 1
    while cursor < end {
      let value = at(cursor + 1)
      try body(at(cursor).text, value)
      cursor = value.nextIndex
    }
  }

  /// Calls `body` for each element in order; does nothing if it is no array.
  @inline(__always)
  package func forEachElement<Failure: Error>(_ body: (_ element: JSONValue) throws(Failure) -> Void) throws(Failure) {
    guard type == Self.arrayType else { return }
    let end = nextIndex - 1
    var cursor = index + 1
    while cursor < end {
      let value = at(cursor)
      try body(value)
      cursor = value.nextIndex
    }
  }

  /// The first field with this key, found by walking; nil if there is none or it is no object.
  package subscript(key: StaticString) -> JSONValue? {
    guard type == Self.objectType else { return nil }
    let end = nextIndex - 1
    var cursor = index + 1
    while cursor < end {
      let value = at(cursor + 1)
      if at(cursor).text.equals(key) { return value }
      cursor = value.nextIndex
    }
    return nil
  }

  /// How many fields or elements it has; 0 for a value that is no container. Counts up to 2^24 - 1.
  package var count: Int {
    guard type == Self.objectType || type == Self.arrayType else { return 0 }
    return Int(word >> 32 & 0xFF_FFFF)
  }
}
