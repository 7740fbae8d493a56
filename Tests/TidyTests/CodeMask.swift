// Why: rules about code must not trip over words in comments and strings. This knows Swift's comments
// (nested) and strings (multi-line, raw, with interpolations) well enough; C's are a subset. Not here:
// regex literals, which the house does not use.

/// Blanks out comments and the content of strings.
struct CodeMask {
  private var bytes: [UInt8]
  private var index = 0

  /// The lines of `text` with only code left; interpolations count as content.
  static func lines(of text: String) -> [String] {
    var mask = CodeMask(bytes: Array(text.utf8))
    mask.code(until: nil)
    return mask.bytes.split(separator: newline, omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  private static let newline = UInt8(ascii: "\n")
  private static let quote = UInt8(ascii: "\"")
  private static let hash = UInt8(ascii: "#")
  private static let slash = UInt8(ascii: "/")
  private static let star = UInt8(ascii: "*")
  private static let backslash = UInt8(ascii: "\\")
  private static let open = UInt8(ascii: "(")
  private static let close = UInt8(ascii: ")")

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private func byte(_ offset: Int) -> UInt8 {
    index + offset < bytes.count ? bytes[index + offset] : 0
  }

  /// Passes over `count` bytes, blanking them; newlines stay, so that line numbers do.
  private mutating func blank(_ count: Int) {
    for place in index..<min(index + count, bytes.count) where bytes[place] != Self.newline {
      bytes[place] = UInt8(ascii: " ")
    }
    index += count
  }

  /// Passes over code; inside an interpolation up to the parenthesis that ends it.
  private mutating func code(until end: UInt8?) {
    var depth = 0
    while index < bytes.count {
      switch byte(0) {
      case Self.slash where byte(1) == Self.slash: lineComment()
      case Self.slash where byte(1) == Self.star: blockComment()
      case Self.quote: string(hashes: 0)
      case Self.hash where startsRawString: string(hashes: hashCount(0))
      case end where depth == 0: return
      case Self.open:
        depth += 1
        index += 1
      case Self.close:
        depth -= 1
        index += 1
      default: index += 1
      }
    }
  }

  private mutating func lineComment() {
    while index < bytes.count, byte(0) != Self.newline { blank(1) }
  }

  private mutating func blockComment() {
    var depth = 0
    repeat {
      if byte(0) == Self.slash, byte(1) == Self.star {
        depth += 1
        blank(2)
      } else if byte(0) == Self.star, byte(1) == Self.slash {
        depth -= 1
        blank(2)
      } else {
        blank(1)
      }
    } while depth > 0 && index < bytes.count
  }

  private func hashCount(_ offset: Int) -> Int {
    var count = 0
    while byte(offset + count) == Self.hash { count += 1 }
    return count
  }

  private var startsRawString: Bool { byte(hashCount(0)) == Self.quote }

  /// Passes over a string. Its quotes stay, its content goes.
  private mutating func string(hashes: Int) {
    index += hashes
    let isLong = byte(1) == Self.quote && byte(2) == Self.quote
    let quotes = isLong ? 3 : 1
    index += quotes
    while index < bytes.count {
      if byte(0) == Self.backslash, hashCount(1) >= hashes {
        escape(hashes: hashes)
      } else if endsString(quotes: quotes, hashes: hashes) {
        index += quotes + hashes
        return
      } else if !isLong, byte(0) == Self.newline {
        return
      } else {
        blank(1)
      }
    }
  }

  private func endsString(quotes: Int, hashes: Int) -> Bool {
    for offset in 0..<quotes where byte(offset) != Self.quote { return false }
    return hashCount(quotes) >= hashes
  }

  private mutating func escape(hashes: Int) {
    blank(1 + hashes)
    guard byte(0) == Self.open else { return blank(1) }
    blank(1)
    let start = index
    code(until: Self.close)
    let end = index
    index = start
    blank(end - start + 1)
  }
}
