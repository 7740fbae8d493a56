// Why: a journal of a run is a journal like any other: it replays without a difference, is the same each time,
// ends at an entry after a kill, and can be gone on with.

import Foundation
import Journal
import PageOwnership
import TestSupport
import Testing

@testable import CustodyCLI

@Suite struct RunCommandTests {
  private static let scenario = """
    host share hyp 0x41300; pin 0x41300
    host unshare hyp 0x41300            # pinned: refused
    host donate hyp 0x41400 4
    hyp donate host 0x41401 2
    host donate hyp 0x413ff 2           # the second page is the hypervisor's
    {"op":"host_share_ffa","args":["0x41500","2"]}
    host fault 0x42010; host fault 0x41800; host fault 0x41801
    """
  private static let guests = """
    host share guest 0 0x41600 0x200 512 rw
    guest mkyoung 0 0x200
    host donate guest 1 0x41300 0x100; guest share host 1 0x100; guest unshare host 1 0x100
    host force reclaim 0x41300; host donate guest 1 0x41301 0x100
    host unshare guest 0 0x200 512
    host unmap dev all; vm unpublish 1; vm teardown pgtable 1
    """

  private func sandbox(_ text: String) throws -> Sandbox {
    let sandbox = try Sandbox()
    try sandbox.write("s.txt", text)
    return sandbox
  }

  private func expectSound(_ sandbox: Sandbox, _ why: String) throws {
    for command in ["replay", "verify", "conform"] {
      let ran = try sandbox.custody(command, "--format", "json")
      #expect(ran.status == 0, "\(why): \(ran)")
    }
    let replay = try json(sandbox.custody("replay", "--format", "json").output) as? [String: Any]
    #expect((replay?["differences"] as? [Any])?.isEmpty == true, "\(why)")
  }

  private func dump(_ path: String) throws -> String {
    let sandbox = try Sandbox()
    return try sandbox.shell("sqlite3 '\(path)' .dump").output
  }

  @Test(arguments: Generation.allCases) func everyGenerationReplays(_ generation: Generation) throws {
    let hasDonations = generation != .linux6_1
    let hasSecureWorld = ![.linux6_1, .linux6_2].contains(generation)
    let lines = Self.scenario.split(separator: "\n").filter { line in
      (hasDonations || line.hasPrefix("host fault")) && (hasSecureWorld || !line.contains("ffa"))
    }
    let text = lines.joined(separator: "\n") + (generation == .linux7_1 ? "\n" + Self.guests : "")
    let sandbox = try sandbox(text)
    let ran = try sandbox.custody("run", "s.txt", "--generation", generation.rawValue, "--format", "json")
    #expect(ran.status == 0, "\(ran)")
    let report = try #require(try json(ran.output) as? [String: Any])
    #expect(report["fatal"] is NSNull && report["performed"] as? Int == report["steps"] as? Int, "\(ran)")
    try expectSound(sandbox, generation.rawValue)
  }

  @Test func theSameScenarioMakesTheSameJournal() throws {
    let sandbox = try sandbox(Self.scenario + "\n" + Self.guests)
    for name in ["a.db", "b.db"] { #expect(try sandbox.custody("run", "-q", "s.txt", "-j", name).status == 0) }
    #expect(try sandbox.custody("run", "-q", "s.txt", "-j", "c.db", "--durable-each").status == 0)
    let first = try dump(sandbox.file("a.db"))
    #expect(first.count > 10_000)
    #expect(try dump(sandbox.file("b.db")) == first && dump(sandbox.file("c.db")) == first)
  }

  @Test func aKillLeavesWhatWasCommitted() throws {
    let whole = try sandbox(Self.scenario)
    #expect(try whole.custody("run", "-q", "s.txt").status == 0)
    let reader = try JournalReader(at: whole.file("custody.db"))
    let head = try reader.headSeq().rawValue
    for seq in stride(from: 1, through: head, by: 4) {
      let sandbox = try sandbox(Self.scenario)
      let ran = try sandbox.custody("run", "s.txt", "--crash-after", "\(seq)")
      #expect(ran.signal == SIGKILL, "\(seq): \(ran)")
      #expect(try JournalReader(at: sandbox.file("custody.db")).headSeq().rawValue == seq)
      try expectSound(sandbox, "after \(seq)")
      let rest = try sandbox.custody("run", "s.txt")
      let open = try sandbox.custody("log", "--outcome", "open").output.contains("open")
      #expect(rest.status == (open ? 2 : 0), "\(seq): \(rest)")
      #expect(open == rest.errors.contains("recover"), "\(seq): \(rest)")
    }
  }

  @Test func aJournalIsGoneOnWith() throws {
    let lines = (Self.scenario + "\n" + Self.guests).split(separator: "\n").map(String.init)
    let whole = try sandbox(lines.joined(separator: "\n"))
    #expect(try whole.custody("run", "-q", "s.txt").status == 0)
    let parts = try Sandbox()
    for line in lines {
      try parts.write("s.txt", line)
      let ran = try parts.custody("run", "s.txt")
      #expect(ran.status == 0, "\(line): \(ran)")
    }
    try expectSound(parts, "in parts")
    let hash = { (sandbox: Sandbox) in
      (try json(sandbox.custody("replay", "--format", "json").output) as? [String: Any])?["state_hash"] as? String
    }
    #expect(try hash(whole) == hash(parts))
    let query = "SELECT operation, outcome, result FROM \"transition\" ORDER BY id"
    #expect(try whole.custody("sql", query).output == parts.custody("sql", query).output)
  }

  @Test func aFatalStepStopsTheMachine() throws {
    let sandbox = try sandbox("host share ffa 0x41300\nhost unshare hyp 0x41300\nhost share hyp 0x41301\n")
    let ran = try sandbox.custody("run", "s.txt", "--generation", "linux-6.4")
    #expect(ran.status == 0)
    #expect(ran.output.contains("the hypervisor panicked inside T3 (line 2: host unshare hyp 0x41300): WARN at EL2"))
    #expect(ran.output.contains("1 step was not performed"), "\(ran)")
    #expect(try sandbox.custody("log", "--outcome", "fatal").output.contains("T3 "))
    try expectSound(sandbox, "after a panic")
    let again = try sandbox.custody("run", "s.txt")
    #expect(again.status == 2 && again.errors.contains("panicked inside T3"), "\(again)")
  }

  @Test func whatCannotBePerformedLeavesNoTrace() throws {
    for (text, words) in [
      ("host donate hyp 1\nsteal 2", "s.txt:2: `steal` is no operation"),
      ("host share hyp 1; host donate guest 9 1 1", "line 1: host donate guest 9 0x1 0x1: there is no such guest"),
    ] {
      let sandbox = try sandbox(text)
      let ran = try sandbox.custody("run", "s.txt")
      #expect(ran.status != 0 && ran.errors.contains(words), "\(ran)")
      #expect(sandbox.names == ["s.txt"])
    }
    let old = try sandbox("host donate hyp 1")
    let ran = try old.custody("run", "s.txt", "--generation", "linux-6.1")
    #expect(ran.status == 2 && ran.errors.contains("linux-6.1 has no such operation"), "\(ran)")
  }

  @Test func anImportIsNotDrivenOn() throws {
    let sandbox = try sandbox("host share hyp 0x41300")
    let files = try #require(Recordings.shipped.first { $0.name == "cut-k612-do_donate" })
    #expect(try sandbox.custody("import", "-q", files.events, "--snapshots", files.snapshots).status == 0)
    let ran = try sandbox.custody("run", "s.txt")
    #expect(ran.status == 2 && ran.errors.contains("was not made by `custody run`"), "\(ran)")
  }

  @Test func otherRulesThanTheJournals() throws {
    let sandbox = try sandbox("host share hyp 0x41300")
    #expect(try sandbox.custody("run", "-q", "s.txt", "--generation", "6.4").status == 0)
    for other in [["--generation", "7.1"], ["--el2-debug"], ["--machine", "s.txt"]] {
      #expect(try sandbox.custody(["run", "s.txt"] + other).status == 2)
    }
    #expect(try sandbox.custody("run", "-", input: "host unshare hyp 0x41300\n").status == 0)
  }

  @Test func aMachineFromAFile() throws {
    let sandbox = try sandbox("host share hyp 0x40014; host share hyp 0x41300")
    let file = Recordings.root.appending(path: "Tests/Fixtures/vectors/meta_g1.json").path
    let ran = try sandbox.custody("run", "s.txt", "--generation", "6.4", "--machine", file, "--format", "json")
    let report = try #require(try json(ran.output) as? [String: Any], "\(ran)")
    let outcomes = (report["outcomes"] as? [[String: Any]])?.compactMap { $0["outcome"] as? String }
    #expect(outcomes == ["completed", "refused -EPERM"])
    try expectSound(sandbox, "a machine from a file")
    let wrong = try sandbox.custody("run", "s.txt", "-j", "x.db", "--machine", file)
    #expect(wrong.status == 2 && wrong.errors.contains("linux-6.4"), "\(wrong)")
  }
}
