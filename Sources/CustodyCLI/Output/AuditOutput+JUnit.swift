// Why: JUnit's XML is what build servers show: a test case for each rule, failed with its findings. The counts stand
// before the cases, so it is written at the end.

import Analysis
import Journal
import PageOwnership

/// A JUnit report with one suite.
final class JUnitOutput: AuditOutput {
  private let words: FindingWords
  private let console: Console
  private var told: [String: [ToldFinding]] = [:]

  init(_ words: FindingWords, _ console: Console) {
    self.words = words
    self.console = console
  }

  func write(_ told: ToldFinding) throws { self.told[told.finding.rule, default: []].append(told) }

  func finish(_ result: AuditResult) throws {
    let failed = AuditRule.all.count { !failures($0).isEmpty }
    let skipped = Unjudgeable.all.count
    let counts = "tests=\"\(AuditRule.all.count + skipped)\" failures=\"\(failed)\""
    try console.write("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
    try console.write("<testsuites name=\"custody audit\" \(counts) errors=\"0\" time=\"0\">\n")
    try console.write(
      "  <testsuite name=\"\(Self.escaped(words.path))\" \(counts) errors=\"0\" skipped=\"\(skipped)\" time=\"0\">\n")
    for rule in AuditRule.all { try write(rule) }
    for item in Unjudgeable.all {
      try open("not judgeable: \(item.title)", item.id, isEmpty: false)
      try console.write("      <skipped message=\"\(Self.escaped(item.reason))\"/>\n    </testcase>\n")
    }
    try console.write("    <system-out>\(Self.escaped(AuditSummaryText(result).text))</system-out>\n")
    try console.write("  </testsuite>\n</testsuites>\n")
    try console.flush()
  }

  private func failures(_ rule: AuditRule) -> [ToldFinding] {
    told[rule.id]?.filter { $0.waiver == nil && !$0.finding.isRacy } ?? []
  }

  private func write(_ rule: AuditRule) throws {
    let failures = failures(rule)
    try open(rule.title, rule.id, isEmpty: failures.isEmpty)
    guard !failures.isEmpty else { return }
    let message = "\(failures.count) violations: \(rule.meaning)"
    try console.write("      <failure message=\"\(Self.escaped(message))\" type=\"\(rule.severity.rawValue)\">")
    for told in failures {
      let found = told.finding
      let place = words.place(found).map { ", \($0)" } ?? ""
      try console.write(
        Self.escaped("\(words.moment(found))\(place): expected \(found.expected); found \(found.found)\n"))
    }
    try console.write("</failure>\n    </testcase>\n")
  }

  private func open(_ title: String, _ id: String, isEmpty: Bool) throws {
    let end = isEmpty ? "/>\n" : ">\n"
    try console.write(
      "    <testcase name=\"\(Self.escaped("\(id): \(title)"))\" classname=\"custody.audit\" time=\"0\"\(end)")
  }

  /// Text as XML takes it: controls that XML 1.0 does not have are left out.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      case _ where scalar.value < 0x20 || scalar.value == 0xfffe || scalar.value == 0xffff: continue
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
