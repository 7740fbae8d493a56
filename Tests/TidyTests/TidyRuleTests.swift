// Why: a rule that never fires is no rule: each is shown one text that it must let pass and one that it
// must refuse.

import Testing

@Suite struct TidyRuleTests {
  private func source(_ text: String, _ path: String = "Sources/Capture/A.swift") -> TidyFile {
    TidyFile(path: path, text: text)
  }

  @Test func masksCommentsAndStrings() {
    let text = #"""
      let a = "x { \(f("}", b: [1])) }" // {
      /* { /* } */ { */ let b = """
        { "quoted" }
        """
      let c = #"raw " \( { "#
      let d = "\\"; let e = "\"{"
      """#
    let code = CodeMask.lines(of: text)
    #expect(code.count == 6)
    #expect(!code.joined().contains { "{}xr".contains($0) })
    #expect(code[0].hasPrefix("let a = \"") && code[0].contains("\""))
    #expect(code[1].hasSuffix("let b = \"\"\""))
    #expect(code[5].contains("let e"))
  }

  @Test func findsBodies() {
    let text = """
      protocol P { func none(); var x: Int { get } }
      struct S {
        let a = [1].map { $0 }
        var b: Int { 1 }
        var c = { 2 }()
        init(_ f: () -> Void = { }) {
          self.b
        }
        func g<T>(x: [T]) where T: P {
          if true {
            x
          }
        }
        deinit { }
        subscript(i: Int) -> Int {
          get { 1 }
          set { }
        }
        func h() { self.init(f: 1) }
      }
      """
    let bodies = FunctionScanner.bodies(in: CodeMask.lines(of: text))
    let found = bodies.map { "\($0.name) \($0.line) \($0.lineCount)" }
    #expect(found == ["x 1 1", "b 4 1", "init 6 1", "g 9 3", "deinit 14 1", "subscript 15 2", "h 19 1"])
  }

  @Test func lineLength() {
    #expect(Rules.lineLength(source(String(repeating: "é", count: 120))).isEmpty)
    #expect(Rules.lineLength(source("x\n" + String(repeating: "x", count: 121))).map(\.line) == [2])
  }

  @Test func functionLength() {
    let body = { (count: Int) in "func f() {\n" + String(repeating: "  x()\n", count: count) + "}\n" }
    #expect(Rules.functionLength(source(body(70))).isEmpty)
    #expect(Rules.functionLength(source("\n" + body(71))).map(\.line) == [2])
  }

  @Test func fileLength() {
    let lines = { (count: Int) in String(repeating: "\n", count: count) }
    #expect(Rules.fileLength(source(lines(400))).isEmpty)
    #expect(Rules.fileLength(source(lines(401))).count == 1)
    #expect(Rules.fileLength(source(lines(600), "Tests/A/A.swift")).isEmpty)
    #expect(Rules.fileLength(source(lines(601), "Tests/A/A.swift")).count == 1)
  }

  @Test func fileReason() {
    #expect(Rules.fileReason(source("// Why: it is needed.\n")).isEmpty)
    #expect(Rules.fileReason(source("import A\n// Why: late.\n")).count == 1)
    #expect(Rules.fileReason(source("int x;\n", "Sources/C/a.c")).count == 1)
  }

  @Test func documentation() {
    let good = """
      package import A
      /// A.
      @frozen
      package struct A {
        /// B.
        package private(set) var b = "package let"
        var package = 1
        func f() { let package = package }
      }
      // package func in a comment
      """
    #expect(Rules.documentation(source(good)).isEmpty)
    for bad in [
      "package func f()", "public let a = 1", "@inlinable package static func ==(a: A, b: A)",
      "// A.\npackage enum A {}",
      "/// A.\n\npackage init()", "package final class A {}",
    ] { #expect(Rules.documentation(source(bad)).count == 1, "\(bad)") }
  }

  @Test func words() {
    let good = [
      "let template = \"XXXXXX\"", "blueprint(1)", "// no print( here", "let s = \"try! this\"", "value.print(1)",
      "hackathon()", "try x()", "a as? B", "let sleepers = 1",
    ]
    for text in good { #expect(Rules.words(source(text)).isEmpty, "\(text)") }
    let bad = [
      "// TODO: later", "/* FIXME */", "let a = try! x()", "a as! B", "fatalError(\"x\")", "print(1)", "sleep(1)",
      "await Task.sleep(1)", "// a whitelist", "/// Seamless.", "let a = \"HACK\"", "// XXX",
    ]
    for text in bad { #expect(Rules.words(source(text)).count == 1, "\(text)") }
    #expect(Rules.words(source("print(1)", "Sources/CustodyCLI/A.swift")).isEmpty)
    #expect(Rules.words(source("print(1); let a = try! b()", "Tests/A/A.swift")).isEmpty)
    #expect(Rules.words(source("A blazing tool.", "README.md")).count == 1)
  }

  @Test func vocabulary() {
    for good in [
      "let acknowledged = 1", "let back = 1", "// initiator", "f(\"ack\")", "complete()", "isRequested", "package",
    ] {
      #expect(Rules.vocabulary(source(good)).isEmpty, "\(good)")
    }
    for bad in ["let initiator = 1", "func ackShare()", "struct ShareRequest {}", "completer_addr", "initiateShare()"] {
      #expect(Rules.vocabulary(source(bad)).count == 1, "\(bad)")
    }
    #expect(Rules.vocabulary(source("case ack", "Sources/Capture/SiteCatalogue.swift")).isEmpty)
  }

  @Test func layers() {
    let good = [
      ("PageTables", "package import PageOwnership"), ("Capture", "import Foundation"), ("Journal", "import GRDB"),
      ("CustodyCLI", "import ArgumentParser"), ("custody", "import CustodyCLI"), ("Capture", "// import GRDB"),
      ("CustodyCLI", "internal import Journal"),
    ]
    for (target, text) in good {
      #expect(Rules.layers(source(text, "Sources/\(target)/A.swift")).isEmpty, "\(target) \(text)")
    }
    let bad = [
      ("PageOwnership", "import PageTables"), ("PageOwnership", "import Foundation"), ("PageTables", "import Glibc"),
      ("Capture", "import Journal"), ("Analysis", "@preconcurrency import GRDB"), ("CustodyCLI", "import GRDB"),
      ("Journal", "import ArgumentParser"), ("Journal", "import struct Capture.Line"), ("Capture", "import Analysis"),
      ("Analysis", "import CZlib"), ("custody", "package import Journal"),
    ]
    for (target, text) in bad {
      #expect(Rules.layers(source(text, "Sources/\(target)/A.swift")).count == 1, "\(target) \(text)")
    }
  }

  @Test func testImports() {
    #expect(Rules.testImports(source("import Testing", "Tests/A/A.swift")).isEmpty)
    #expect(Rules.testImports(source("@testable import XCTest", "Tests/A/A.swift")).count == 1)
  }

  @Test func topLevel() {
    #expect(Rules.topLevel(["Package.swift", "Sources", ".ci", "LICENSE"]).isEmpty)
    #expect(Rules.topLevel(["docs", "Package.swift", "Makefile"]).map(\.path) == ["Makefile", "docs"])
  }

  @Test func machinePaths() {
    for good in ["return .invalid", "frame == .invalid // 100 % @ home", "\"/tmp\" + name", "a/working/b"] {
      #expect(Rules.machinePaths(source(good)).isEmpty, "\(good)")
    }
    for bad in [
      "\"/work/main\"", "\"/farm\"", "/opt/swift/usr", "\"/tmp/x\"", "https://a.invalid/x", "me@host.invalid",
    ] {
      #expect(Rules.machinePaths(source(bad)).count == 1, "\(bad)")
    }
    #expect(Rules.machinePaths(source("\"/tmp/x\"", "Tests/A/A.swift")).isEmpty)
  }

  @Test func migrations() {
    #expect(Rules.migrations(["v0001-journal.sql"], registry: "PackageResources.v0001_journal_sql").isEmpty)
    #expect(Rules.migrations(["v0002-index.sql"], registry: "v0001_journal_sql").count == 1)
    for bad in ["0001-a.sql", "v1-a.sql", "v0001.sql", "v0001-A.sql", "v0001-a.txt", "v0001-.sql", "notes.md"] {
      #expect(Rules.migrations([bad], registry: bad).count == 1, "\(bad)")
    }
  }

  @Test func readmeCommands() {
    let good = "a\n<!-- ci: main -->\n```sh\nx\n```\n<!-- ci: test -->\n\n```sh\ny\n```\n"
    #expect(Rules.readmeCommands(good).isEmpty)
    #expect(Rules.readmeCommands("<!-- ci: main -->\n```sh\nx\n```\n").count == 1)
    #expect(Rules.readmeCommands("<!-- ci: main -->\nwords\n<!-- ci: test -->\n```\ny\n```\n").count == 2)
    #expect(Rules.readmeCommands(good + good).count == 2)
  }
}
