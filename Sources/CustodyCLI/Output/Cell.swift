// Why: one value of a row and one column, as all formats take them. Not here: how a format writes them.

import Journal

/// One value of a row: the one that the journal's queries return.
typealias Cell = SQLCell

extension SQLCell {
  /// An integer or nothing.
  init(_ number: Int64?) { self = number.map { .integer($0) } ?? .null }

  /// A text or nothing.
  init(_ text: String?) { self = text.map { .text($0) } ?? .null }

  /// The value as plain text: blobs in hex, nothing as the empty text.
  var plain: String {
    switch self {
    case .null: ""
    case .integer(let number): "\(number)"
    case .real(let number): "\(number)"
    case .text(let text): text
    case .blob(let bytes): HexText.bytes(bytes)
    }
  }

  /// Whether a column of such values is aligned on the right.
  var isNumber: Bool {
    switch self {
    case .integer, .real: true
    default: false
    }
  }
}

/// A column of rows.
struct Column {
  /// Its name, also the key in JSON.
  var name: String
  /// Aligned on the right; nil: if it holds nothing but numbers.
  var isTrailing: Bool?
  /// How narrow it may be cut; nil: never cut.
  var minimum: Int?
  /// Columns with the highest rank go first when a terminal is too narrow; nil: never.
  var dropRank: Int?
  /// The ink of its values.
  var ink: (@Sendable (String) -> Console.Ink?)?

  /// Makes a column.
  init(
    _ name: String, isTrailing: Bool? = nil, minimum: Int? = nil, dropRank: Int? = nil,
    ink: (@Sendable (String) -> Console.Ink?)? = nil
  ) {
    self.name = name
    self.isTrailing = isTrailing
    self.minimum = minimum
    self.dropRank = dropRank
    self.ink = ink
  }
}
