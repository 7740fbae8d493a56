// Why: arguments and registers stand in journals as words, `name=value name=value`, and every rule asks for some of
// them: found in the bytes, without splitting the text. Not here: which names there are.

extension String {
  /// The value of the first word `NAME=…` in a text of words between spaces, as written; nil if there is none.
  package func value(named name: String) -> Substring? {
    let found = utf8.withContiguousStorageIfAvailable { text in
      name.utf8.withContiguousStorageIfAvailable { Self.place(of: $0, in: text) } ?? nil
    }
    // Only a text that is not held as UTF-8 is copied.
    guard let place = found else { return String(decoding: Array(utf8), as: UTF8.self).value(named: name) }
    return place.map {
      self[utf8.index(startIndex, offsetBy: $0.lowerBound)..<utf8.index(startIndex, offsetBy: $0.upperBound)]
    }
  }

  /// That value as a number: `0x…`, or decimal digits; nil if there is none, or it is no number of 64 bits.
  package func number(named name: String) -> UInt64? {
    guard let text = value(named: name) else { return nil }
    return text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
  }

  // Where the value stands behind its name, in bytes.
  private static func place(
    of name: UnsafeBufferPointer<UInt8>, in text: UnsafeBufferPointer<UInt8>
  ) -> Range<Int>? {
    var word = 0
    while word < text.count {
      let end = text[word...].firstIndex(of: UInt8(ascii: " ")) ?? text.count
      let sign = word + name.count
      if sign < end, text[sign] == UInt8(ascii: "="), text[word..<sign].elementsEqual(name) { return sign + 1..<end }
      word = end + 1
    }
    return nil
  }
}
