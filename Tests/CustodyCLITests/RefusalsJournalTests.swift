// Why: what is no journal, or not one for this program, is refused in words by every command, and is not
// touched.

import Foundation
import Testing

@Suite struct RefusalsJournalTests {
  private let sandbox: Sandbox
  private static let commands = [
    ["log"], ["show", "1"], ["sql", "SELECT 1"], ["replay"], ["verify"], ["doctor"],
    ["import", "r.events.jsonl", "--resume"],
  ]

  init() throws {
    sandbox = try Sandbox()
    try RecordingText.small.write(to: sandbox)
  }

  // Expects all commands to refuse `x.db` and to leave it alone.
  private func refuse(_ status: Int32, _ words: String) throws {
    let names = sandbox.names
    let bytes = FileManager.default.contents(atPath: sandbox.file("x.db"))
    for command in Self.commands {
      let ran = try sandbox.custody(command + ["-j", "x.db"])
      #expect(ran.status == status && ran.errors.contains(words), "\(command): \(ran)")
      #expect(ran.errors.components(separatedBy: "hint:").count <= 2, "\(ran.errors)")
      if command != ["doctor"] { #expect(ran.output.isEmpty, "\(command)") }
    }
    #expect(sandbox.names == names)
    #expect(FileManager.default.contents(atPath: sandbox.file("x.db")) == bytes)
    guard bytes != nil || names.contains("x.db") else { return }
    let second = try sandbox.custody("import", "r.events.jsonl", "-j", "x.db")
    #expect(second.status == 4 && second.errors.contains("x.db exists already"), "\(second)")
    #expect(second.errors.contains("hint: choose another path") && second.errors.contains("--resume"))
    #expect(FileManager.default.contents(atPath: sandbox.file("x.db")) == bytes)
  }

  // A journal with four bytes of its header changed.
  private func writeJournal(_ offset: Int, _ number: UInt8) throws {
    let shipped = try ShippedJournal.sandbox.get()
    var bytes = try Data(contentsOf: URL(filePath: shipped.file("custody.db")))
    bytes.replaceSubrange(offset..<offset + 4, with: [0, 0, 0, number])
    try sandbox.write("x.db", bytes)
  }

  @Test func nothing() throws { try refuse(4, "x.db: no such journal") }

  @Test func aTextFile() throws {
    try sandbox.write("x.db", "hello\n")
    try refuse(3, "is not a journal")
  }

  @Test func aLongTextFile() throws {
    try sandbox.write("x.db", String(repeating: "hello world ", count: 2000))
    try refuse(3, "is not a journal")
  }

  @Test func anEmptyFile() throws {
    try sandbox.write("x.db", "")
    try refuse(3, "x.db is empty")
  }

  @Test func aFolder() throws {
    try FileManager.default.createDirectory(atPath: sandbox.file("x.db"), withIntermediateDirectories: false)
    try refuse(3, "x.db is a folder")
  }

  @Test func aDatabaseOfAnotherApplication() throws {
    try writeJournal(68, 7)
    try refuse(3, "a SQLite database of another application")
  }

  @Test func aJournalOfANewerProgram() throws {
    try writeJournal(60, 99)
    try refuse(3, "x.db has schema 99, this program knows")
  }

  @Test func aJournalThatIsCut() throws {
    let shipped = try ShippedJournal.sandbox.get()
    let bytes = try Data(contentsOf: URL(filePath: shipped.file("custody.db")))
    for size in [100, 4096, bytes.count / 2] {
      try sandbox.write("x.db", bytes.prefix(size))
      for command in Self.commands {
        let ran = try sandbox.custody(command + ["-j", "x.db"])
        #expect(ran.status == 3 && !ran.errors.isEmpty, "\(size) \(command): \(ran)")
      }
    }
  }

  @Test func aSecondImportIntoTheSameJournal() throws {
    #expect(try sandbox.custody(Reference.arguments).status == 0)
    let bytes = FileManager.default.contents(atPath: sandbox.file("custody.db"))
    let second = try sandbox.custody(Reference.arguments)
    #expect(second.status == 4 && second.errors.contains("a journal takes one import"), "\(second)")
    let resumed = try sandbox.custody(Reference.arguments + ["--resume"])
    #expect(resumed.status == 2 && resumed.errors.contains("there is nothing to resume"), "\(resumed)")
    #expect(FileManager.default.contents(atPath: sandbox.file("custody.db")) == bytes)
    #expect(!sandbox.names.contains { $0.hasPrefix("custody.db-") }, "\(sandbox.names)")
  }
}
