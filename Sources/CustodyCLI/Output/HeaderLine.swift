// Why: labelled lines look the same wherever a command tells about one thing.

/// A label and a text, aligned.
enum HeaderLine {
  /// The lines with their ends; text that is wider than the place goes on below itself.
  static func text(_ label: String, _ text: String, indent: Int = 13, width: Int?) -> String {
    let head = ("  " + label).padded(to: indent)
    let margin = String(repeating: " ", count: indent)
    let lines = lines(text, room: width.map { $0 - indent } ?? .max)
    return lines.enumerated().map { ($0 == 0 ? head : margin) + $1 + "\n" }.joined()
  }

  /// The text in lines of a width, broken at blanks; a longer word stays whole.
  static func lines(_ text: String, room: Int) -> [String] {
    let room = max(20, room)
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      if !line.isEmpty, DisplayText.width(line) + 1 + DisplayText.width(String(word)) > room {
        lines.append(line)
        line = String(word)
      } else {
        line += line.isEmpty ? String(word) : " " + word
      }
    }
    return lines + [line]
  }
}

extension String {
  /// The text with blanks up to a width.
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
