// Why: commands that write are killed and started again until they come through. Here is what each begins with, what
// may be found after a death, and what must be there in the end. Not here: the killing (`KillLoopTests.swift`).

import Foundation
import Journal
import KillAt
import PageOwnership
import Testing

/// A command that writes to `custody.db`.
struct KilledCommand: Sendable {
  let name: String
  /// The files that it begins with.
  let files: [String: Data]
  /// What is typed, by whether the journal is there already.
  let arguments: @Sendable (_ exists: Bool) -> [String]
  /// The statuses of one that comes through: 2 says that the last one had died behind its work.
  var statuses: Set<Int32> = [0]
  /// The last entries that may be found.
  let boundaries: Set<Int64>
  /// What the journal holds in the end.
  let dump: String
  /// The system calls of one that nobody kills.
  let callCount: Int

  /// All of them.
  static let all = Result { try [importing(), recovering("--forward"), recovering("--back"), migrating(), indexing()] }

  private static func importing() throws -> KilledCommand {
    let groupSize = 256
    let reference = try Reference.shared.get()
    let sandbox = try Sandbox(inMemory: true)
    try RecordingText.small.write(to: sandbox)
    let words = Reference.arguments + ["--group-size", "\(groupSize)"]
    let files = try sandbox.contents()
    let end = try undisturbed(files, words)
    return KilledCommand(
      name: "import", files: files, arguments: { words + ($0 ? ["--resume"] : []) }, statuses: [0, 2],
      boundaries: reference.boundaries(groupSize), dump: end.dump, callCount: end.calls)
  }

  private static let scenario = "host share hyp 0x41300; pin 0x41300; host donate hyp 0x41400 4; host share hyp 0x41500"

  /// A journal that ends inside a donation of four pages.
  private static func recovering(_ direction: String) throws -> KilledCommand {
    let whole = try Sandbox(inMemory: true)
    try whole.write("s.txt", scenario)
    #expect(try whole.custody("run", "-q", "s.txt").status == 0)
    let reader = try JournalReader(at: whole.file("custody.db"))
    let inside = try reader.number(
      """
      SELECT min(seq) FROM change WHERE seq > (SELECT first_seq FROM "transition" WHERE operation = 'host_donate_hyp')
      """)
    let sandbox = try Sandbox(inMemory: true)
    try sandbox.write("s.txt", scenario)
    let ran = try sandbox.custody("run", "s.txt", "--crash-after", "\(try #require(inside))")
    #expect(ran.signal == SIGKILL, "\(ran)")
    return try command("recover " + direction, sandbox, ["recover", direction])
  }

  private static func migrating() throws -> KilledCommand {
    let sandbox = try ran()
    try sandbox.returnToFirstSchema()
    return try command("migrate", sandbox, ["migrate", "-q"])
  }

  private static func indexing() throws -> KilledCommand {
    try command("index", ran(), ["index", "-q", "--rebuild"])
  }

  private static func ran() throws -> Sandbox {
    let sandbox = try Sandbox(inMemory: true)
    try sandbox.write("s.txt", scenario)
    #expect(try sandbox.custody("run", "-q", "s.txt").status == 0)
    return sandbox
  }

  private static func command(_ name: String, _ sandbox: Sandbox, _ words: [String]) throws -> KilledCommand {
    let files = try sandbox.contents()
    let before = try JournalReader(at: sandbox.file("custody.db")).headSeq().rawValue
    let end = try undisturbed(files, words)
    return KilledCommand(
      name: name, files: files, arguments: { _ in words }, boundaries: [before, end.head], dump: end.dump,
      callCount: end.calls)
  }

  // Nobody kills this one.
  private static func undisturbed(
    _ files: [String: Data], _ words: [String]
  ) throws -> (dump: String, head: Int64, calls: Int) {
    let sandbox = try Sandbox(inMemory: true)
    for (name, bytes) in files { try sandbox.write(name, bytes) }
    let ran = KillLoopTests.run(words, in: sandbox.path, at: -1)
    #expect(ran.status == 0, "\(words): \(ran)")
    let head = try JournalReader(at: sandbox.file("custody.db")).headSeq().rawValue
    return (try dump(sandbox.file("custody.db")), head, Int(ran.calls))
  }

  /// Every row but those that tell how the last writer ended.
  static func dump(_ path: String) throws -> String { try Reference.dump(path, except: ["writer_state"]) }
}

extension Sandbox {
  /// The bytes of all files but locks, shared memory and captured output.
  func contents() throws -> [String: Data] {
    var contents: [String: Data] = [:]
    for name in names where !name.hasSuffix("-lock") && !name.hasSuffix("-shm") {
      contents[name] = try Data(contentsOf: URL(filePath: file(name)))
    }
    return contents
  }
}
