// Why: SARIF 2.1.0 is what code hosts and editors take findings in with. A journal is no source file, so the place of a
// finding is a logical one (the pages) beside the journal's path. Written as it comes: one result a line.

import Analysis
import Journal
import PageOwnership

/// A SARIF log with one run.
final class SARIFOutput: AuditOutput {
  private let words: FindingWords
  private let console: Console
  private var count = 0

  init(_ words: FindingWords, _ console: Console) {
    self.words = words
    self.console = console
  }

  func write(_ told: ToldFinding) throws {
    try begin()
    try console.write((count == 0 ? "\n" : ",\n") + result(told).encoded)
    count += 1
  }

  func finish(_ result: AuditResult) throws {
    try begin()
    let properties = JSONTree.object(AuditSummaryText(result).fields)
    try console.write("\n],\"columnKind\":\"unicodeCodePoints\",\"properties\":\(properties.encoded)}]}\n")
    try console.flush()
  }

  private var hasBegun = false

  private func begin() throws {
    guard !hasBegun else { return }
    hasBegun = true
    let driver = JSONTree.object([
      ("name", .text("custody")), ("rules", .array(AuditRule.all.map(rule))),
    ])
    try console.write(
      "{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[{\"tool\":"
        + JSONTree.object([("driver", driver)]).encoded + ",\"results\":[")
  }

  private func message(_ text: String) -> JSONTree { .object([("text", .text(text))]) }

  private func rule(_ rule: AuditRule) -> JSONTree {
    .object([
      ("id", .text(rule.id)), ("shortDescription", message(rule.title)), ("fullDescription", message(rule.explanation)),
      ("help", message("\(rule.meaning) (\(rule.source))")),
      ("defaultConfiguration", .object([("level", .text(rule.severity.rawValue))])),
      ("properties", .object([("group", .text(rule.group.rawValue))])),
    ])
  }

  private func result(_ told: ToldFinding) -> JSONTree {
    let found = told.finding
    var fields: [(String, JSONTree)] = [
      ("ruleId", .text(found.rule)),
      ("ruleIndex", .integer(Int64(AuditRule.all.firstIndex { $0.id == found.rule } ?? -1))),
      ("level", .text(found.isRacy ? "note" : found.severity.rawValue)),
      ("kind", .text(found.isRacy ? "review" : "fail")),
      ("message", message("\(words.moment(found)): expected \(found.expected); found \(found.found)")),
      ("locations", .array([location(found)])),
      ("partialFingerprints", .object([("custody/v1", .text(fingerprint(found)))])), ("properties", words.json(told)),
    ]
    // A result that is no failure has the level "none".
    if found.isRacy { fields[2].1 = .text("none") }
    if let waiver = told.waiver {
      fields.append(
        (
          "suppressions",
          .array([.object([("kind", .text("external")), ("justification", .text(waiver.reason))])])
        ))
    }
    return .object(fields)
  }

  private func location(_ found: AuditFinding) -> JSONTree {
    let path = JSONTree.object([("uri", .text(Self.uri(words.path)))])
    var fields: [(String, JSONTree)] = [("physicalLocation", .object([("artifactLocation", path)]))]
    if let place = words.place(found) {
      fields.append(("logicalLocations", .array([.object([("fullyQualifiedName", .text(place))])])))
    }
    return .object(fields)
  }

  private func fingerprint(_ found: AuditFinding) -> String {
    [found.rule, "\(found.seq.rawValue)", words.place(found) ?? ""].joined(separator: "/")
  }

  /// A path as the path of a URI: all but unreserved characters and slashes are escaped.
  static func uri(_ path: String) -> String {
    let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/".utf8)
    return path.utf8.map { byte in
      if plain.contains(byte) { return String(UnicodeScalar(byte)) }
      return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }.joined()
  }
}
