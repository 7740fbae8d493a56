// Why: words that the house does not use, each with its reason and with what to write instead.

/// A word that is not used, where, and what to write instead.
struct BannedWord: Sendable {
  enum Place: Sendable {
    /// Anywhere in the text, comments and strings included.
    case text
    /// Only in code.
    case code
  }

  let word: String
  let place: Place
  let mend: String
  let applies: @Sendable (TidyFile) -> Bool
}

extension Rules {
  @Sendable private static func everywhere(_ file: TidyFile) -> Bool { true }
  @Sendable private static func inCode(_ file: TidyFile) -> Bool { file.isSwift }
  @Sendable private static func inSources(_ file: TidyFile) -> Bool { file.isSwift && file.isSource }
  @Sendable private static func inQuietSources(_ file: TidyFile) -> Bool {
    inSources(file) && !["CustodyCLI", "custody", "Benchmarks"].contains(file.target)
  }

  private static let marketing = [
    "blazing", "blazingly", "seamless", "seamlessly", "effortless", "effortlessly", "cutting-edge", "world-class",
    "best-in-class", "state-of-the-art", "lightning-fast", "revolutionary", "supercharge", "game-changing",
    "next-generation", "enterprise-grade",
  ]

  static let bannedWords: [BannedWord] =
    ["FIXME", "TODO", "XXX", "HACK"].map {
      BannedWord(word: $0, place: .text, mend: "notes rot in code; mend it now or file an issue", applies: everywhere)
    }
    + ["try!", "as!"].map {
      BannedWord(word: $0, place: .code, mend: "outside input must not trap; throw a typed error", applies: inSources)
    }
    + ["fatalError("].map {
      BannedWord(word: $0, place: .code, mend: "outside input must not trap; throw a typed error", applies: inSources)
    }
    + ["print("].map {
      BannedWord(
        word: $0, place: .code, mend: "only CustodyCLI writes to the user; return the value", applies: inQuietSources)
    }
    + ["sleep(", "usleep(", "nanosleep("].map {
      BannedWord(
        word: $0, place: .code,
        mend: "a sleep is too short on a slow machine and too long on every other; wait for"
          + " the event", applies: inCode)
    }
    + [("whitelist", "allowlist"), ("blacklist", "denylist")].map { word, better in
      BannedWord(word: word, place: .text, mend: "say what the list does: \(better)", applies: everywhere)
    }
    + marketing.map {
      BannedWord(word: $0, place: .text, mend: "say what it does, with a number that was measured", applies: everywhere)
    }

  /// Words of ``bannedWords``.
  static func words(_ file: TidyFile) -> [Finding] {
    let relevant = bannedWords.filter { $0.applies(file) }
    let inText = relevant.filter { $0.place == .text }
    let inCode = relevant.filter { $0.place == .code }
    return file.lines.indices.flatMap { index in
      find(inText, in: file.lines[index], file.path, index) + find(inCode, in: file.code[index], file.path, index)
    }
  }

  private static func find(_ words: [BannedWord], in line: String, _ path: String, _ index: Int) -> [Finding] {
    let bytes = Array(line.utf8)
    return words.filter { contains(bytes, word: Array($0.word.utf8)) }.map { banned in
      Finding(path: path, line: index + 1, message: "`\(banned.word)`: \(banned.mend)")
    }
  }

  /// Whether `word` stands in the line by itself; capital letters make no other word of a lower-case one.
  private static func contains(_ line: [UInt8], word: [UInt8]) -> Bool {
    guard line.count >= word.count else { return false }
    for start in 0...(line.count - word.count) where matches(line, start, word) {
      let isFree = start == 0 || !isWordByte(line[start - 1]) && line[start - 1] != UInt8(ascii: ".")
      let end = start + word.count
      let endsFree = end == line.count || !isWordByte(word[word.count - 1]) || !isWordByte(line[end])
      let isMember = start > 0 && line[start - 1] == UInt8(ascii: ".") && isWordByte(word[0])
      if endsFree, isFree || isMember && word.starts(with: Array("sleep".utf8)) { return true }
    }
    return false
  }

  private static func matches(_ line: [UInt8], _ start: Int, _ word: [UInt8]) -> Bool {
    for offset in word.indices {
      let found = line[start + offset]
      let isUpper = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(found)
      guard found == word[offset] || isUpper && found | 0x20 == word[offset] else { return false }
    }
    return true
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
    default: false
    }
  }
}
