// Why: where things are: the closed top level, the migrations, the two commands of the README, and no
// trace of the machine that somebody worked on.

extension Rules {
  private static let topLevelNames: Set<String> = [
    "Package.swift", "Sources", "Tests", "migrations", "README.md", "LICENSE",
  ]

  /// Nothing new at the top.
  static func topLevel(_ names: [String]) -> [Finding] {
    names.filter { !$0.hasPrefix(".") && !topLevelNames.contains($0) }.sorted().map { name in
      Finding(
        path: name, line: 1,
        message: "the top level is closed: whoever opens the repository sees six names; put it into a target, a DocC"
          + " catalogue or a dot folder")
    }
  }

  /// Paths and hosts that exist on one machine only.
  static func machinePaths(_ file: TidyFile) -> [Finding] {
    let places = ["/work/", "/farm", "/opt/swift"] + (file.isSource ? ["/tmp/"] : [])
    return file.lines.enumerated().flatMap { index, line -> [Finding] in
      let found = places.filter { line.contains($0) } + (namesInvalidHost(line) ? [".invalid"] : [])
      return found.map { place in
        Finding(
          path: file.path, line: index + 1,
          message: "`\(place)` exists on one machine only; derive the path from #filePath or take it as an argument")
      }
    }
  }

  /// `.invalid` behind `://` or `@` without a space between them; alone it may be a case of an enum.
  private static func namesInvalidHost(_ line: String) -> Bool {
    line.contains(".invalid")
      && line.split(separator: " ").contains { word in
        guard let host = word.firstRange(of: ".invalid") else { return false }
        return word[..<host.lowerBound].contains("://") || word[..<host.lowerBound].dropFirst().contains("@")
      }
  }

  /// Names of migrations, and whether the registry knows each.
  static func migrations(_ names: [String], registry: String) -> [Finding] {
    names.flatMap { name -> [Finding] in
      guard isMigrationName(name) else {
        return [
          Finding(
            path: "migrations/" + name, line: 1,
            message: "migrations are named vNNNN-name.sql, in lower case: they run in the order of their names")
        ]
      }
      let embedded = String(name.map { $0 == "-" || $0 == "." ? "_" : $0 })
      guard !registry.contains(embedded) else { return [] }
      return [
        Finding(
          path: "migrations/" + name, line: 1,
          message: "`\(embedded)` is not in the registry in Sources/Journal: it would never run; add it there")
      ]
    }
  }

  private static func isMigrationName(_ name: String) -> Bool {
    let digits = name.dropFirst().prefix(4)
    let rest = name.dropFirst(5)
    guard name.hasPrefix("v"), digits.count == 4, digits.allSatisfy(\.isNumber) else { return false }
    guard rest.hasPrefix("-"), rest.hasSuffix(".sql"), rest.count > 5 else { return false }
    return rest.dropLast(4).allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "-") }
  }

  /// The command blocks that `.ci/run` takes from the README.
  static func readmeCommands(_ text: String) -> [Finding] {
    ["main", "test"].compactMap { name in
      let after = text.components(behind: "<!-- ci: \(name) -->\n")
      guard after.count != 1 || !after[0].drop(while: { $0 == "\n" }).hasPrefix("```sh\n") else { return nil }
      return Finding(
        path: "README.md", line: 1,
        message: "there must be one `<!-- ci: \(name) -->` with a ```sh block right below: .ci/run runs what the"
          + " README says, so that it stays true")
    }
  }
}

extension String {
  /// What follows each occurrence of `separator`.
  fileprivate func components(behind separator: String) -> [Substring] {
    ranges(of: separator).map { self[$0.upperBound...] }
  }
}
