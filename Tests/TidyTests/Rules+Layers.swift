// Why: the five floors, so that nothing low depends on anything high. The build checks that imports are
// declared (`--explicit-target-dependency-import-check`); this checks that the right ones are.

extension Rules {
  /// Which of our targets each target may import.
  private static let floors: [String: Set<String>] = [
    "PageOwnership": [],
    "PageTables": ["PageOwnership"],
    "Capture": ["PageOwnership", "PageTables", "CSimdJSON", "CZlib"],
    "TransitionRules": ["PageOwnership", "PageTables"],
    "Analysis": ["PageOwnership", "PageTables", "TransitionRules"],
    "Report": ["PageOwnership", "PageTables"],
    "Journal": ["PageOwnership", "CSQLiteConfig"],
    "CustodyCLI": ["PageOwnership", "PageTables", "Capture", "TransitionRules", "Analysis", "Report", "Journal"],
    "custody": ["CustodyCLI"],
  ]

  /// Who may import what others must not.
  private static let reserved: [String: Set<String>] = [
    "GRDB": ["Journal"], "GRDBSQLite": ["Journal"], "SQLite3": [], "ArgumentParser": ["CustodyCLI", "custody"],
  ]

  /// Imports that go up, or round a floor.
  static func layers(_ file: TidyFile) -> [Finding] {
    guard file.isSource, file.isSwift else { return [] }
    return imports(file).compactMap { module, line in
      guard let reason = objection(to: module, in: file.target) else { return nil }
      return Finding(path: file.path, line: line, message: "`import \(module)`: \(reason)")
    }
  }

  private static func objection(to module: String, in target: String) -> String? {
    guard let allowed = floors[target] else { return nil }
    if target == "PageOwnership" || target == "PageTables" {
      return allowed.contains(module)
        ? nil : "floor 0 is pure: no files, clocks or platform in it; take what you need as an argument"
    }
    if let users = reserved[module], !users.contains(target) {
      let only = users.isEmpty ? "nobody (GRDBSQLite is the SQLite in use)" : users.sorted().joined(separator: " and ")
      return "only \(only) may; ask it for plain values"
    }
    let isOurs = floors[module] != nil || ["CSimdJSON", "CZlib", "CSQLiteConfig"].contains(module)
    guard isOurs, !allowed.contains(module) else { return nil }
    return "\(target) lies below or beside it (see CONTRIBUTING.md); move the code up, or pass the value in"
  }

  /// Tests are written in Swift Testing.
  static func testImports(_ file: TidyFile) -> [Finding] {
    guard file.isTest, file.isSwift else { return [] }
    return imports(file).filter { $0.module == "XCTest" }.map { _, line in
      Finding(path: file.path, line: line, message: "`import XCTest`: one test framework, one total; import Testing")
    }
  }

  private static func imports(_ file: TidyFile) -> [(module: String, line: Int)] {
    file.code.enumerated().compactMap { index, line in
      let words = line.split(separator: " ")
      guard let keyword = words.firstIndex(of: "import"), keyword + 1 < words.count else { return nil }
      let before = words[..<keyword]
      guard before.allSatisfy({ $0.hasPrefix("@") || ["package", "public", "internal", "private"].contains($0) }) else {
        return nil
      }
      // `import struct Foundation.URL` names the module after a kind.
      let kinds: Set<Substring> = ["struct", "class", "enum", "func", "var", "protocol", "typealias", "let"]
      let path = kinds.contains(words[keyword + 1]) ? words.last ?? "" : words[keyword + 1]
      return (String(path.prefix { $0 != "." }), index + 1)
    }
  }
}
