// Why: the rules about the shape of a file: lines, functions, the reason at its top, documentation. Each
// message says what, why, and how to mend it.

/// The style law: each rule takes a file and tells its breaches.
enum Rules {
  static let longestLine = 120
  static let longestFunction = 70
  static let longestSource = 400
  static let longestTest = 600

  /// Lines that fit a split screen.
  static func lineLength(_ file: TidyFile) -> [Finding] {
    guard file.isSwift || file.isC || file.path.hasSuffix(".sql") || file.path.hasSuffix("/run") else { return [] }
    return file.lines.enumerated().filter { $1.utf8.count > longestLine && $1.count > longestLine }.map { index, line in
      Finding(
        path: file.path, line: index + 1,
        message: "the line has \(line.count) columns, \(longestLine) are allowed: two versions must fit side by side;"
          + " break the line")
    }
  }

  /// Functions that one glance takes in.
  static func functionLength(_ file: TidyFile) -> [Finding] {
    guard file.isSwift else { return [] }
    return FunctionScanner.bodies(in: file.code).filter { $0.lineCount > longestFunction }.map { body in
      Finding(
        path: file.path, line: body.line,
        message: "`\(body.name)` has \(body.lineCount) lines, \(longestFunction) are allowed: what does not fit a"
          + " screen is not reviewed; move a step into a function with a name")
    }
  }

  /// Files with one concern.
  static func fileLength(_ file: TidyFile) -> [Finding] {
    guard file.isSwift || file.isC else { return [] }
    let allowed = file.isTest ? longestTest : longestSource
    // The text after the last newline is no line.
    let count = file.lines.count - (file.lines.last == "" ? 1 : 0)
    guard count > allowed else { return [] }
    return [
      Finding(
        path: file.path, line: count,
        message: "the file has \(count) lines, \(allowed) are allowed: it has more than one concern; move one to"
          + " Type+Concern.swift")
    ]
  }

  /// Files that say why they exist.
  static func fileReason(_ file: TidyFile) -> [Finding] {
    guard file.isSource, file.isSwift || file.isC else { return [] }
    guard file.lines.first?.hasPrefix("// Why: ") != true else { return [] }
    return [
      Finding(
        path: file.path, line: 1,
        message: "the file does not begin with `// Why: `: a reader asks first why it exists and what is not in it;"
          + " say so in two or three lines")
    ]
  }

  private static let declarations: Set<Substring> = [
    "func", "var", "let", "init", "subscript", "struct", "class", "enum", "actor", "protocol", "typealias",
    "associatedtype", "macro",
  ]

  /// What other targets may use is documented.
  static func documentation(_ file: TidyFile) -> [Finding] {
    guard file.isSource, file.isSwift else { return [] }
    return file.code.indices.compactMap { index in
      guard let name = exportedName(file.code[index]), !isDocumented(file, index) else { return nil }
      return Finding(
        path: file.path, line: index + 1,
        message: "`\(name)` is seen by other targets and has no `///` comment: its user should not have to read its"
          + " body; say what it is, its unit, and what it throws")
    }
  }

  /// The keyword and name of a `package` or `public` declaration that begins on this line.
  private static func exportedName(_ code: String) -> String? {
    guard code.contains("package") || code.contains("public") else { return nil }
    let words = code.split { !($0.isLetter || $0.isNumber || "_.@~=<>!+-*/&|^%".contains($0)) }
    guard let keyword = words.firstIndex(where: declarations.contains) else { return nil }
    guard words[..<keyword].contains(where: { $0 == "package" || $0 == "public" || $0 == "open" }) else { return nil }
    // `package let package = …` of a manifest, and names that merely contain a keyword, come after it.
    return words[keyword...].prefix(2).joined(separator: " ")
  }

  private static func isDocumented(_ file: TidyFile, _ index: Int) -> Bool {
    var above = index - 1
    while above >= 0 {
      let line = file.lines[above].drop { $0 == " " }
      guard line.hasPrefix("@") else { return line.hasPrefix("///") }
      above -= 1
    }
    return false
  }
}
