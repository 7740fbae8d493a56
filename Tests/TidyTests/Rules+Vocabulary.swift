// Why: the kernel's older words for the ends and phases of a transition hide who does what; the code says
// source, target, check and apply. Old names live in comments, strings and the catalogues of sites.

extension Rules {
  private static let better = [
    "initiator": "source", "completer": "target", "request": "check", "requests": "checks", "ack": "check",
    "acks": "checks", "complete": "apply", "initiate": "apply",
  ]

  /// Identifiers that speak of messages where pages change hands.
  static func vocabulary(_ file: TidyFile) -> [Finding] {
    guard file.isSwift, file.isSource, !file.path.contains("Catalogue") else { return [] }
    return file.code.indices.flatMap { index in
      identifiers(file.code[index]).compactMap { identifier in
        guard let part = parts(identifier).first(where: { isOld($0, in: identifier) }), let word = better[part] else {
          return nil
        }
        return Finding(
          path: file.path, line: index + 1,
          message: "`\(identifier)`: `\(part)` suggests that messages are passed; say what is checked or changed, as"
            + " in `\(word)`")
      }
    }
  }

  /// `complete` and `initiate` alone are everyday words; they are old names only before the kernel's nouns.
  private static func isOld(_ part: String, in identifier: Substring) -> Bool {
    guard part == "complete" || part == "initiate" else { return better[part] != nil }
    let rest = parts(identifier)
    return rest.first == part && rest.count > 1 && ["share", "unshare", "donation"].contains(rest[1])
  }

  private static func identifiers(_ code: String) -> [Substring] {
    code.split { !($0.isLetter || $0.isNumber || $0 == "_") }
  }

  /// The words of a name in camel or snake case, in lower case.
  private static func parts(_ identifier: Substring) -> [String] {
    var parts: [String] = []
    var current = ""
    for character in identifier {
      if character == "_" || character.isUppercase {
        if !current.isEmpty { parts.append(current) }
        current = ""
      }
      if character != "_" { current += character.lowercased() }
    }
    return current.isEmpty ? parts : parts + [current]
  }
}
