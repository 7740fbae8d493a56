// Why: the files that the style law is about: everything in the package that git does not ignore. A file
// is read and masked once for all rules.

import Foundation
import Glibc

/// A file with its text, and with its code alone.
struct TidyFile {
  /// Relative to the package root, with `/`.
  let path: String
  /// The lines as they stand.
  let lines: [String]
  /// The same lines with comments and the content of strings blanked out.
  let code: [String]

  init(path: String, text: String) {
    self.path = path
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    code = path.hasSuffix(".md") || path.hasSuffix(".sql") ? lines : CodeMask.lines(of: text)
  }

  var isSwift: Bool { path.hasSuffix(".swift") }
  var isC: Bool { [".c", ".cpp", ".h"].contains { path.hasSuffix($0) } }
  var isSource: Bool { path.hasPrefix("Sources/") }
  var isTest: Bool { path.hasPrefix("Tests/") }

  /// The folder under Sources or Tests.
  var target: String {
    let parts = path.split(separator: "/")
    return parts.count > 2 ? String(parts[1]) : ""
  }
}

/// One breach of the law.
struct Finding: CustomStringConvertible {
  let path: String
  let line: Int
  let message: String

  var description: String { "\(path):\(line): \(message)" }
}

/// The checkout.
enum TidyTree {
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The names at the top level.
  static let topLevel = names(in: root)

  /// Paths of all files below the folders of the law, and of the files at the top.
  static let paths: [String] = {
    var found = topLevel.filter { !isFolder($0) }
    for folder in ["Sources", "Tests", "migrations", ".github", ".ci"] { found += walk(folder) }
    return found.sorted()
  }()

  /// The text files, read.
  static let files: [TidyFile] = paths.filter(isText).compactMap { path in
    guard let text = try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8) else { return nil }
    return TidyFile(path: path, text: text)
  }

  static let swift = files.filter(\.isSwift)

  /// The text of one file; nil if it is absent.
  static func text(_ path: String) -> String? {
    try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
  }

  private static let ignored: [String] = (text(".gitignore") ?? "").split(separator: "\n").map {
    $0.hasSuffix("/") ? String($0.dropLast()) : String($0)
  }

  private static func isText(_ path: String) -> Bool {
    guard !path.contains("/Fixtures/") else { return false }
    return [".swift", ".c", ".cpp", ".h", ".sql", ".md", "/run"].contains { path.hasSuffix($0) }
  }

  private static func isFolder(_ path: String) -> Bool {
    let attributes = try? FileManager.default.attributesOfItem(atPath: root.appendingPathComponent(path).path)
    // A symlink to a folder is not walked: its content has a place of its own.
    return attributes?[.type] as? FileAttributeType == .typeDirectory
  }

  private static func names(in folder: URL) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { name in name != ".git" && !ignored.contains { fnmatch($0, name, 0) == 0 } }
  }

  private static func walk(_ folder: String) -> [String] {
    names(in: root.appendingPathComponent(folder)).flatMap { name in
      let path = folder + "/" + name
      return isFolder(path) ? walk(path) : [path]
    }
  }
}
