// Why: finds the bodies of functions in masked code by their braces: no compiler is asked, so it is quick
// and good for the order of magnitude that the law is about.

/// The body of a function, initialiser or computed property.
struct FunctionBody {
  /// Its name, or the keyword that has none.
  let name: String
  /// The line of its opening brace, from 1.
  let line: Int
  /// How many lines lie between its braces; 1 if both are on one line.
  let lineCount: Int
}

/// Finds bodies in a file's masked code.
struct FunctionScanner {
  private struct Token {
    let text: Substring
    let line: Int
  }

  private let tokens: [Token]

  /// All bodies of a file in the order of their beginnings.
  static func bodies(in code: [String]) -> [FunctionBody] {
    let scanner = FunctionScanner(code)
    return scanner.tokens.indices.compactMap { scanner.body(startingAt: $0) }
  }

  private init(_ code: [String]) {
    var tokens: [Token] = []
    for (number, line) in code.enumerated() {
      var rest = line[...]
      while let first = rest.first {
        let isWord = Self.isWordCharacter(first)
        let text = isWord ? rest.prefix(while: Self.isWordCharacter) : rest.prefix(1)
        if first != " " { tokens.append(Token(text: text, line: number + 1)) }
        rest = rest.dropFirst(text.count)
      }
    }
    self.tokens = tokens
  }

  private static func isWordCharacter(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || character == "_"
  }

  private func body(startingAt index: Int) -> FunctionBody? {
    let isMember = index > 0 && tokens[index - 1].text == "."
    guard !isMember, index + 1 < tokens.count else { return nil }
    let next = tokens[index + 1].text
    switch tokens[index].text {
    case "func": return body(named: next, after: index + 1)
    case "init" where ["(", "?", "<"].contains(next): return body(named: "init", after: index)
    case "subscript" where ["(", "<"].contains(next): return body(named: "subscript", after: index)
    case "deinit": return body(named: "deinit", after: index)
    case "var": return body(named: next, after: index + 1, isProperty: true)
    default: return nil
    }
  }

  /// The braces that follow a head, unless something else comes first: then it has no body.
  private func body(named name: Substring, after start: Int, isProperty: Bool = false) -> FunctionBody? {
    var depth = 0
    for index in tokens.indices[(start + 1)...] {
      switch tokens[index].text {
      case "(", "[": depth += 1
      case ")", "]": depth -= 1
      case "{" where depth == 0: return measured(name, from: index)
      case "}" where depth == 0: return nil
      case "=" where depth == 0 && isProperty: return nil
      case "func", "var", "let", "init", "case", "struct", "enum", "class":
        if depth == 0 { return nil }
      default: break
      }
    }
    return nil
  }

  private func measured(_ name: Substring, from open: Int) -> FunctionBody? {
    var depth = 0
    for index in tokens.indices[open...] {
      if tokens[index].text == "{" { depth += 1 }
      if tokens[index].text == "}" { depth -= 1 }
      guard depth == 0 else { continue }
      let between = tokens[index].line - tokens[open].line - 1
      return FunctionBody(name: String(name), line: tokens[open].line, lineCount: max(1, between))
    }
    return nil
  }
}
