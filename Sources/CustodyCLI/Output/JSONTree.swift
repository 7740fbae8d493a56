// Why: JSON with keys in our order and integers that stay integers, without a copy of each value. Not
// here: reading JSON (Capture).

import Journal

/// A JSON value.
enum JSONTree: Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  case real(Double)
  case text(String)
  case array([JSONTree])
  case object([(String, JSONTree)])

  /// A text or null.
  init(_ text: String?) { self = text.map { .text($0) } ?? .null }

  /// A number or null.
  init(_ number: Int64?) { self = number.map { .integer($0) } ?? .null }

  /// A cell: blobs in hex, numbers that JSON does not have as null.
  init(_ cell: Cell) {
    switch cell {
    case .null: self = .null
    case .integer(let number): self = .integer(number)
    case .real(let number): self = .real(number)
    case .text(let text): self = .text(text)
    case .blob(let bytes): self = .text(HexText.bytes(bytes))
    }
  }

  /// The value in one line.
  var encoded: String {
    var text = ""
    encode(into: &text)
    return text
  }

  private func encode(into text: inout String) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let number): text += "\(number)"
    case .real(let number): text += number.isFinite ? "\(number)" : "null"
    case .text(let value): Self.quote(value, into: &text)
    case .array(let values): Self.list(values, "[", "]", into: &text) { $0.encode(into: &$1) }
    case .object(let fields):
      Self.list(fields, "{", "}", into: &text) { field, text in
        Self.quote(field.0, into: &text)
        text += ":"
        field.1.encode(into: &text)
      }
    }
  }

  private static func list<Element>(
    _ elements: [Element], _ start: String, _ end: String, into text: inout String,
    _ encode: (Element, inout String) -> Void
  ) {
    text += start
    for (index, element) in elements.enumerated() {
      if index > 0 { text += "," }
      encode(element, &text)
    }
    text += end
  }

  /// A string literal; what could steer a terminal is escaped too.
  private static func quote(_ value: String, into text: inout String) {
    text += "\""
    if value.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x5c }) {
      text += value
    } else {
      for scalar in value.unicodeScalars { quote(scalar, into: &text) }
    }
    text += "\""
  }

  private static func quote(_ scalar: Unicode.Scalar, into text: inout String) {
    switch scalar {
    case "\"": text += "\\\""
    case "\\": text += "\\\\"
    case "\n": text += "\\n"
    case "\r": text += "\\r"
    case "\t": text += "\\t"
    case _ where DisplayText.isUnsafe(scalar):
      let digits = String(scalar.value, radix: 16)
      text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: text.unicodeScalars.append(scalar)
    }
  }
}

/// Writes rows as objects: one array, or one a line.
final class JSONRowWriter: RowWriter {
  private let keys: [String]
  private let console: Console
  private let isArray: Bool
  private var count = 0

  /// Makes a writer.
  init(_ columns: [Column], to console: Console, isArray: Bool) {
    keys = Self.distinct(columns.map(\.name))
    self.console = console
    self.isArray = isArray
  }

  /// Names as keys: a name that comes again gets a number.
  static func distinct(_ names: [String]) -> [String] {
    var used: Set<String> = []
    return names.map { name in
      var key = name
      var number = 2
      while !used.insert(key).inserted {
        key = "\(name)_\(number)"
        number += 1
      }
      return key
    }
  }

  func write(_ row: [Cell]) throws {
    let object = JSONTree.object(Array(zip(keys, row.map { JSONTree($0) }))).encoded
    if isArray {
      try console.write((count == 0 ? "[\n" : ",\n") + object)
    } else {
      try console.write(object + "\n")
    }
    count += 1
  }

  func finish() throws {
    if isArray { try console.write(count == 0 ? "[]\n" : "\n]\n") }
    try console.flush()
  }
}
