// Why: recorded words come twice, raw and decoded; the raw word counts, and a line whose two accounts
// disagree is malformed. Not here: what a word means for ownership (PageTables).

import PageOwnership
import PageTables

/// Reads raw words out of recorded JSON and holds the decoded fields beside them against the raw ones.
struct WordReader {
  let encoding: TableEncoding
  let generation: Generation
  let census = LeafCensus()

  init(generation: Generation) {
    self.generation = generation
    encoding = TableEncoding(generation)
  }

  /// A leaf: `{"level":…,"pte":"0x…", …decoded}`; nil for `null`. Throws a message.
  func leaf(_ value: JSONValue, _ table: TableKind, isDecoded: Bool) throws(WordError) -> LeafWord? {
    if value.isNull { return nil }
    guard value.kind == .object, let level = value["level"]?.int64, (-1...3).contains(level) else {
      throw WordError("a leaf has no `level` from -1 to 3")
    }
    guard let raw = value["pte"]?.hex else { throw WordError("a leaf has no hexadecimal `pte`") }
    let leaf = LeafWord(level: Int8(level), raw: raw)
    try checkShape(leaf, table)
    if isDecoded { try check(value, leaf, table) }
    return leaf
  }

  /// A `struct hyp_page`: as many hex digits as the structure has bytes, in memory order.
  func frame(_ value: JSONValue?, _ name: StaticString) throws(WordError) -> UInt64 {
    guard let bytes = value?.string?.bytes, bytes.count == encoding.frameByteCount * 2 else {
      throw WordError("`\(name)` is not \(encoding.frameByteCount * 2) hexadecimal digits")
    }
    var word: UInt64 = 0
    for position in stride(from: 0, to: bytes.count, by: 2) {
      guard let high = Self.digit(bytes[position]), let low = Self.digit(bytes[position + 1]) else {
        throw WordError("`\(name)` is not hexadecimal")
      }
      word |= (high << 4 | low) << UInt64(position * 4)
    }
    return word
  }

  private static func digit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte) &- 48
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte) &- 87
    default: nil
    }
  }
}

/// A raw word that cannot be read, or that its decoded twin contradicts.
struct WordError: Error {
  var message: String
  init(_ message: String) { self.message = message }
}

// MARK: - the vmemmap's decoded twins

extension WordReader {
  /// Holds `{"refcount":…,"order":…,"host":…,"hyp":…,"share":…}` against the raw word.
  func checkFrame(_ value: JSONValue, _ word: UInt64) throws(WordError) {
    try value.forEachField { (key: StringView, field: JSONValue) throws(WordError) in
      guard let expected = frameField(key, word) else { return }
      guard matches(field, expected) else { throw contradiction(key, field, "raw word", text(expected)) }
    }
    try checkHiddenBytes(word)
  }

  /// Holds `{"host":["OWNED","NOPAGE"]}` against the raw words before and after: all that differ, no others.
  func checkFields(_ value: JSONValue?, old: UInt64, new: UInt64) throws(WordError) {
    guard let value, value.kind == .object else { throw WordError("a vmemmap change has no `fields`") }
    var seen = 0
    try value.forEachField { (key: StringView, field: JSONValue) throws(WordError) in
      guard let before = frameField(key, old), let after = frameField(key, new) else { return }
      seen += 1
      var position = 0
      try field.forEachElement { (element: JSONValue) throws(WordError) in
        let expected = position == 0 ? before : after
        position += 1
        guard matches(element, expected) else { throw contradiction(key, element, "raw word", text(expected)) }
      }
      guard position == 2 else { throw WordError("`fields` has no pair for `\(key.makeString())`") }
    }
    let names: [StaticString] = ["refcount", "order", "host", "hyp", "share"]
    var differing = 0
    for name in names where frameField(name, old) != frameField(name, new) { differing += 1 }
    guard differing == seen else {
      throw WordError("`fields` names \(seen) fields, but \(differing) differ between the raw words")
    }
    try checkHiddenBytes(old)
    try checkHiddenBytes(new)
  }

  // ≤ 6.13 has a 16-bit order of which recorders decode the low byte: 0xffff is the only large value.
  private func checkHiddenBytes(_ word: UInt64) throws(WordError) {
    guard encoding.frameByteCount == 4 else { return }
    let low = word >> 16 & 0xff
    let high = word >> 24 & 0xff
    guard high == (low == 0xff ? 0xff : 0) else { throw WordError("the raw word has an order of \(word >> 16)") }
  }

  private enum Field: Equatable {
    case number(Int64)
    case name(String)
  }

  private func text(_ field: Field) -> String {
    switch field {
    case .number(let number): "\(number)"
    case .name(let name): name
    }
  }

  private func matches(_ value: JSONValue, _ field: Field) -> Bool {
    switch field {
    case .number(let number): return value.int64 == number
    case .name(let name):
      guard let bytes = value.string?.bytes else { return false }
      return bytes.elementsEqual(name.utf8)
    }
  }

  private func frameField(_ key: StaticString, _ word: UInt64) -> Field? {
    key.withUTF8Buffer { frameField(StringView(UnsafeRawBufferPointer($0)), word) }
  }

  private func frameField(_ key: StringView, _ word: UInt64) -> Field? {
    switch key {
    case "refcount": return .number(Int64(word & 0xffff))
    case "order": return .number(Int64(word >> 16 & 0xff))
    case "share": return encoding.frameByteCount == 8 ? .number(Int64(word >> 32)) : nil
    case "host": return encoding.frameByteCount == 8 ? stateField(hostNumber(word)) : nil
    case "hyp": return encoding.keepsHypStateInDescriptors ? nil : stateField(word >> 28 & 15 ^ 3)
    default: return nil
    }
  }

  private func hostNumber(_ word: UInt64) -> UInt64 {
    encoding.keepsHypStateInDescriptors ? word >> 24 & 0xff : word >> 24 & 15
  }

  private func stateField(_ number: UInt64) -> Field {
    switch number {
    case 0: .name("OWNED")
    case 1: .name("SHARED_OWNED")
    case 2: .name("SHARED_BORROWED")
    case 3: .name("NOPAGE")
    case 4: .name(generation == .linux6_14 ? "NOPAGE" : "POISON")
    default: .number(Int64(number))
    }
  }

  func contradiction(_ key: StringView, _ value: JSONValue, _ what: String, _ expected: String) -> WordError {
    let said = value.makeString() ?? value.int64.map { "\($0)" } ?? value.bool.map { "\($0)" } ?? "something else"
    return WordError("the decoded `\(key.makeString())` says \(said), the \(what) says \(expected)")
  }
}
