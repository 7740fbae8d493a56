// Why: what `audit` and `watch` print and how they end: clean recordings, a journal with a known hole, limits, waivers,
// saved violations, and the documents that other tools take in. Not here: the rules (AnalysisTests).

import Foundation
import TestSupport
import Testing

@Suite struct AuditCommandTests {
  private static let hole = "host share hyp 0x42010; host share hyp 0x41300; host share hyp 0x42011"

  /// A journal of 6.2, which takes unmapped devices for memory: two findings of I11.
  private func holed() throws -> Sandbox {
    let sandbox = try Sandbox()
    try sandbox.write("s.txt", Self.hole)
    #expect(try sandbox.custody("run", "s.txt", "--generation", "linux-6.2").status == 0)
    return sandbox
  }

  private func object(_ text: String) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func aRealRecordingIsClean() throws {
    let sandbox = try #require(try ImportedJournals.journal("k73-nvhe"))
    let ran = try sandbox.custody("audit", environment: ["COLUMNS": "80"])
    #expect(ran.status == 0 && ran.errors.isEmpty, "\(ran)")
    #expect(ran.output.contains("0 violations") && ran.output.contains("not judgeable here: I14"))
    #expect(ran.output.contains("UNKNOWN    entries 1 to"))
    #expect(ran.lines.allSatisfy { $0.count <= 80 }, "\(ran.output)")
    let json = try object(sandbox.custody("audit", "--format", "json").output)
    #expect((json["findings"] as? [Any])?.isEmpty == true && json["pages_unknown"] as? Int == 0)
    #expect((json["pages_judged"] as? Int ?? 0) > 200_000)
  }

  @Test func aHoleIsFoundAndNamed() throws {
    let sandbox = try holed()
    let ran = try sandbox.custody("audit")
    #expect(ran.status == 1 && ran.output.contains("I11 error  only memory changes hands"), "\(ran)")
    #expect(ran.output.contains("0x42010000 of host") && ran.output.contains("custody show T2"))
    let rows = try sandbox.custody("audit", "--format", "jsonl")
    let first = try object(#require(rows.lines.first))
    #expect(rows.lines.count == 2 && first["rule"] as? String == "I11" && first["page"] as? String == "0x42010000")
    #expect(first["operation"] as? String == "host_share_hyp" && first["racy"] as? Int == 0)
    #expect(try sandbox.custody("audit", "--format", "csv").output.hasPrefix("rule,severity,seq,transition,operation,"))
    #expect(try sandbox.custody("audit", "--format", "markdown").output.hasPrefix("| rule | severity |"))
    #expect(try sandbox.custody("audit", "--first", "--format", "jsonl").lines.count == 1)
    #expect(try sandbox.custody("audit", "--check", "I1,i2").status == 0)
    #expect(try sandbox.custody("audit", "--skip", "I11").status == 0)
    #expect(try sandbox.custody("audit", "--from", "T4", "--format", "jsonl").lines.count == 1)
    #expect(try sandbox.custody("audit", "--to", "T4", "--format", "jsonl").lines.count == 1)
  }

  @Test(arguments: [
    ("k73-panic-young", ["fatal"]), ("k61-scenarios", ["I25", "I25"]), ("k612-scenarios", []),
    ("cut-k73-torn-donate_hyp", []),
  ])
  func recordingsHaveTheirFindings(_ name: String, _ rules: [String]) throws {
    guard let sandbox = try ImportedJournals.journal(name) else { return }
    let ran = try sandbox.custody("audit", "--format", "jsonl")
    let found = try ran.lines.compactMap { try object($0)["rule"] as? String }
    #expect(found == rules && ran.status == (rules.isEmpty ? 0 : 1), "\(ran)")
  }

  @Test(arguments: [
    ["--check", "I99"], ["--check", "I14"], ["--check", "I1", "--skip", "I2"], ["--explain", "nothing"],
    ["--save", "--first"], ["--from", "9", "--to", "3"], ["--check", ","], ["--format", "xml"],
  ])
  func misuse(_ arguments: [String]) throws {
    let ran = try holed().custody(["audit"] + arguments)
    #expect(ran.status == 2 && ran.output.isEmpty, "\(ran)")
  }

  @Test func rulesExplainThemselves() throws {
    let sandbox = try Sandbox()
    let list = try sandbox.custody("audit", "--list")
    #expect(list.status == 0 && list.output.contains("skipped-check") && list.output.contains("not judgeable"))
    let one = try sandbox.custody("audit", "--explain", "i5")
    #expect(one.status == 0 && one.output.hasPrefix("I5  ") && one.output.contains("source"))
    #expect(try sandbox.custody("audit", "--explain", "I14").output.contains("no entry records a lock"))
    let json = try object(sandbox.custody("audit", "--explain", "I17", "--format", "json").output)
    #expect(json["id"] as? String == "I17" && (json["not_judgeable"] as? [Any])?.count == 1)
  }

  @Test func violationsAreSavedAndCompared() throws {
    let sandbox = try holed()
    #expect(try sandbox.custody("audit", "--save").status == 1)
    let rows = try sandbox.custody("sql", "--format", "csv", "SELECT rule, page, operation FROM violation ORDER BY id")
    #expect(rows.lines == ["I11,270352,host_share_hyp", "I11,270353,host_share_hyp"], "\(rows)")
    #expect(try sandbox.custody("verify").status == 0)
    #expect(try sandbox.shell("sqlite3 custody.db \"UPDATE violation SET page = 5 WHERE id = 2\"").status == 0)
    let ran = try sandbox.custody("verify")
    #expect(ran.status == 3 && ran.output.contains("violation") && ran.output.contains("audit --save"), "\(ran)")
    #expect(try sandbox.custody("audit", "--save").status == 1)
    #expect(try sandbox.custody("verify").status == 0)
  }

  @Test func waiversAcceptAndGoStale() throws {
    let sandbox = try holed()
    try sandbox.write(
      "w.txt", "# accepted\nI11 0x42010000-0x42010000 - the bench's own device\nI1 * 2020-01-01 long past\n")
    let ran = try sandbox.custody("audit", "--waivers", "w.txt")
    #expect(ran.status == 1 && ran.output.contains("I11 waived") && ran.output.contains("the bench's own device"))
    #expect(ran.output.contains("1 violations, 1 waived") && ran.output.contains("waiver of line 3 (I1)"), "\(ran)")
    try sandbox.write("w.txt", "I11 * 2999-12-31 all of it\n")
    #expect(try sandbox.custody("audit", "--waivers", "w.txt").status == 0)
    try sandbox.write("w.txt", "I11 * 2020-12-31 expired\n")
    #expect(try sandbox.custody("audit", "--waivers", "w.txt").output.contains("2 violations"))
    for bad in ["I11 * -", "I99 * - why", "I11 0x5-0x1 - why", "I11 * tomorrow why", "I11 5 - why"] {
      try sandbox.write("w.txt", "\n" + bad)
      let refused = try sandbox.custody("audit", "--waivers", "w.txt")
      #expect(refused.status == 3 && refused.errors.contains("w.txt, line 2"), "\(refused)")
    }
    #expect(try sandbox.custody("audit", "--waivers", "nothing.txt").status == 4)
  }
}

@Suite struct AuditDocumentTests {
  private func holed(_ arguments: String...) throws -> Ran {
    let sandbox = try Sandbox()
    try sandbox.write("s.txt", "host share hyp 0x42010; host share hyp 0x42011")
    try sandbox.write("w.txt", "I11 0x42011000 - <known> & \"accepted\"\n")
    #expect(try sandbox.custody("run", "s.txt", "--generation", "linux-6.2", "-j", "a b&.db").status == 0)
    return try sandbox.custody(["audit", "-j", "a b&.db"] + arguments)
  }

  /// By the schema of SARIF 2.1.0, as far as its objects are used: required keys, allowed keys, allowed words.
  @Test func sarifIsWellFormed() throws {
    let ran = try holed("--format", "sarif", "--waivers", "w.txt")
    #expect(ran.status == 1)
    let log = try SchemaObject(JSONSerialization.jsonObject(with: Data(ran.output.utf8)), "log")
    try log.allows(
      ["$schema", "version", "runs", "inlineExternalProperties", "properties"], requires: ["version", "runs"])
    #expect(log["version"] as? String == "2.1.0")
    let run = try SchemaObject(log.list("runs").first, "run")
    try run.allows(
      ["tool", "results", "columnKind", "properties", "artifacts", "invocations", "language"], requires: ["tool"])
    #expect(["utf16CodeUnits", "unicodeCodePoints"].contains(run["columnKind"] as? String))
    let driver = try SchemaObject(try SchemaObject(run["tool"], "tool")["driver"], "driver")
    try driver.allows(["name", "rules", "version", "informationUri", "properties"], requires: ["name"])
    let rules = try driver.list("rules").map { try SchemaObject($0, "rule") }
    for rule in rules { try check(rule) }
    #expect(Set(rules.compactMap { $0["id"] as? String }).count == rules.count && rules.count > 30)
    let results = try run.list("results").map { try SchemaObject($0, "result") }
    #expect(results.count == 2)
    for result in results { try check(result, rules) }
    #expect(results.count { $0["suppressions"] != nil } == 1)
  }

  private func check(_ rule: SchemaObject) throws {
    try rule.allows(
      ["id", "name", "shortDescription", "fullDescription", "help", "helpUri", "defaultConfiguration", "properties"],
      requires: ["id"])
    for key in ["shortDescription", "fullDescription", "help"] {
      let message = try SchemaObject(rule[key], key)
      try message.allows(["text", "markdown", "properties"], requires: ["text"])
    }
    let level = try SchemaObject(rule["defaultConfiguration"], "configuration")["level"] as? String
    #expect(["none", "note", "warning", "error"].contains(level))
  }

  private func check(_ result: SchemaObject, _ rules: [SchemaObject]) throws {
    try result.allows(
      [
        "ruleId", "ruleIndex", "level", "kind", "message", "locations", "partialFingerprints", "properties",
        "suppressions",
      ], requires: ["message"])
    try SchemaObject(result["message"], "message").allows(["text", "markdown", "id", "arguments"], requires: ["text"])
    let index = try #require(result["ruleIndex"] as? Int)
    #expect(rules.indices.contains(index) && rules[index]["id"] as? String == result["ruleId"] as? String)
    let kind = try #require(result["kind"] as? String)
    #expect(["notApplicable", "pass", "fail", "review", "open", "informational"].contains(kind))
    #expect(kind == "fail" || result["level"] as? String == "none")
    #expect((result["partialFingerprints"] as? [String: String])?.isEmpty == false)
    for place in try result.list("locations") {
      let location = try SchemaObject(place, "location")
      try location.allows(["id", "physicalLocation", "logicalLocations", "message", "properties"], requires: [])
      let physical = try SchemaObject(location["physicalLocation"], "physicalLocation")
      let artifact = try SchemaObject(physical["artifactLocation"], "artifactLocation")
      let uri = try #require(artifact["uri"] as? String)
      #expect(uri.hasSuffix("a%20b%26.db") && URL(string: uri) != nil)
      for name in try location.list("logicalLocations") {
        try SchemaObject(name, "logicalLocation").allows(["name", "fullyQualifiedName", "kind"], requires: [])
      }
    }
    for accepted in result["suppressions"] as? [Any] ?? [] {
      let suppression = try SchemaObject(accepted, "suppression")
      try suppression.allows(["kind", "justification", "status", "guid", "location"], requires: ["kind"])
      #expect(["inSource", "external"].contains(suppression["kind"] as? String))
    }
  }

  /// By the schema that build servers use for JUnit: elements, attributes, counts.
  @Test func junitIsWellFormed() throws {
    let ran = try holed("--format", "junit", "--waivers", "w.txt")
    let root = try #require(XMLReading(ran.output).root, "\(ran.output)")
    #expect(ran.status == 1 && root.name == "testsuites")
    let suite = try #require(root.children.first)
    #expect(
      root.children.count == 1 && suite.name == "testsuite" && suite.attributes["name"]?.hasSuffix("a b&.db") == true)
    let cases = suite.children.filter { $0.name == "testcase" }
    let failures = cases.filter { $0.children.contains { $0.name == "failure" } }
    let skipped = cases.filter { $0.children.contains { $0.name == "skipped" } }
    for element in [root, suite] {
      #expect(element.attributes["tests"] == "\(cases.count)" && element.attributes["failures"] == "\(failures.count)")
      #expect(element.attributes["errors"] == "0")
    }
    #expect(suite.attributes["skipped"] == "\(skipped.count)" && failures.count == 1 && !skipped.isEmpty)
    for element in cases {
      #expect(Set(element.attributes.keys) == ["name", "classname", "time"] && element.children.count <= 1)
    }
    let failure = try #require(failures.first?.children.first)
    #expect(
      failure.attributes["type"] == "error" && failure.text.contains("0x42010000") && !failure.text.contains("42011"))
    #expect(Set(suite.children.map(\.name)) == ["testcase", "system-out"])
  }
}

@Suite struct WatchCommandTests {
  private static let first = "host share hyp 0x41300; host share hyp 0x42010"

  private func sandbox() throws -> Sandbox {
    let sandbox = try Sandbox()
    try sandbox.write("s.txt", Self.first)
    try sandbox.write("t.txt", "host share hyp 0x42011; host share hyp 0x41301")
    #expect(try sandbox.custody("run", "s.txt", "--generation", "linux-6.2").status == 0)
    return sandbox
  }

  @Test func aClosedJournalIsToldToItsEnd() throws {
    let sandbox = try sandbox()
    let ran = try sandbox.custody(
      "watch", "--until-closed", "--exec", "echo $CUSTODY_RULE $CUSTODY_TRANSITION >> out.txt")
    #expect(ran.status == 1 && ran.lines.count == 1, "\(ran)")
    #expect(ran.lines.first?.hasPrefix("I11 error: entry ") == true && ran.output.contains("0x42010000 of host"))
    #expect(try String(contentsOfFile: sandbox.file("out.txt"), encoding: .utf8) == "I11 T4\n")
    let clean = try sandbox.custody("watch", "--until-closed", "--skip", "I11", "--json")
    #expect(clean.status == 0 && clean.output.isEmpty, "\(clean)")
    let failing = try sandbox.custody("watch", "--until-closed", "--exec", "exit 7")
    #expect(failing.status == 1 && failing.errors.contains("ended with 7"), "\(failing)")
    #expect(try sandbox.custody("watch", "--interval", "0").status == 2)
  }

  @Test func whatAWriterAddsIsToldAndAnInterruptEndsIt() throws {
    let sandbox = try sandbox()
    let running = try sandbox.start(["watch", "--interval", "5", "--exec", "echo x >> told.txt"])
    running.spin { sandbox.size("told.txt") == 2 }
    #expect(try sandbox.custody("run", "t.txt").status == 0)
    running.spin { sandbox.size("told.txt") == 4 }
    running.send(SIGINT)
    let ran = running.wait()
    #expect(ran.status == 130 && ran.lines.count == 2, "\(ran)")
    #expect(ran.lines.last?.contains("0x42011000 of host") == true)
  }
}
