// Why: labelled lines look the same wherever a command tells about one thing.

/// A label and a text, aligned.
enum HeaderLine {
  /// The lines with their ends; text that is wider than the place goes on below itself, broken at blanks.
  static func text(_ label: String, _ text: String, indent: Int = 13, width: Int?) -> String {
    var lines = [""]
    let room = width.map { max(20, $0 - indent) } ?? .max
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      let last = lines[lines.count - 1]
      if last.isEmpty {
        lines[lines.count - 1] = String(word)
      } else if DisplayText.width(last) + 1 + DisplayText.width(String(word)) > room {
        lines.append(String(word))
      } else {
        lines[lines.count - 1] = last + " " + word
      }
    }
    let head = ("  " + label).padded(to: indent)
    let margin = String(repeating: " ", count: indent)
    return lines.enumerated().map { ($0 == 0 ? head : margin) + $1 + "\n" }.joined()
  }
}

extension String {
  /// The text with blanks up to a width.
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
