// Why: the answers and the exit status of `conform`: on real recordings, on one that was tampered with, and on
// vectors. Not here: what is judged, and how (ConformanceTests).

import Foundation
import TestSupport
import Testing

@Suite struct ConformCommandTests {
  private struct Summary: Decodable {
    struct Found: Decodable {
      var seq: Int64?
      var transition: Int64?
      var kind: String?
      var step: String?
      var recorded: String
      var rules: String
    }
    var cases: Int
    var operations: Int
    var agreeing: Int
    var differing: Int
    var racy: Int
    var unsupported: Int
    var physical_agreeing: Int
    var physical_differing: Int
    var disagreements: [Found]
  }

  private func imported(_ edit: (inout [String]) -> Void = { _ in }) throws -> Sandbox {
    let sandbox = try Sandbox()
    var text = RecordingText.small
    edit(&text.events)
    try text.write(to: sandbox)
    let ran = try sandbox.custody(Reference.arguments)
    #expect(ran.status == 0, "\(ran)")
    return sandbox
  }

  private func summary(_ sandbox: Sandbox, _ arguments: String..., status: Int32) throws -> Summary {
    let ran = try sandbox.custody(["conform", "--format", "json"] + arguments)
    #expect(ran.status == status, "\(ran)")
    return try JSONDecoder().decode(Summary.self, from: Data(ran.output.utf8))
  }

  @Test func aRealRecordingAgrees() throws {
    let sandbox = try imported()
    let all = try summary(sandbox, status: 0)
    #expect(all.differing == 0 && all.racy == 0 && all.disagreements.isEmpty && all.physical_differing == 0)
    #expect(all.agreeing + all.unsupported == all.operations && all.cases == 1)
    #expect(all.operations > 200 && all.physical_agreeing > 400)
    let text = try sandbox.custody("conform")
    #expect(text.status == 0 && text.output.contains("transitions held against the rules of linux-7.1"), "\(text)")
    #expect(try sandbox.custody("conform", "--format", "csv").output.hasPrefix("seq,transition,operation,kind,"))
    let part = try summary(sandbox, "--from", "T4879", "--to", "T4942", status: 0)
    #expect(part.operations > 0 && part.operations < all.operations)
  }

  @Test func aTurnedCheckIsNamed() throws {
    var index = 0
    let sandbox = try imported { events in
      index =
        events.firstIndex {
          $0.contains("\"fn\":\"__pkvm_host_share_guest\",\"step\":\"get_host_state\"")
        } ?? 0
      events[index] = events[index].replacing("\"result\":0,\"result_by\"", with: "\"result\":-1,\"result_by\"")
    }
    let found = try summary(sandbox, status: 1)
    #expect(found.differing == 1 && index > 0)
    let first = try #require(found.disagreements.first)
    #expect(first.kind == "check" && first.step == "get_host_state" && first.recorded == "failed -EPERM")
    #expect(first.rules.hasPrefix("passes"))
    let line = try sandbox.custody(
      "sql", "--format", "csv", "SELECT source_index FROM entry WHERE seq = \(first.seq ?? 0)")
    #expect(line.lines.last == "\(index)")
    let text = try sandbox.custody("conform", environment: ["COLUMNS": "80"])
    #expect(text.status == 1 && text.output.contains("get_host_state"), "\(text)")
  }

  @Test func otherRulesDiffer() throws {
    let found = try summary(imported(), "--generation", "linux-6.18", status: 1)
    #expect(found.disagreements.contains { $0.step == "host_stage2_set_owner_locked" && $0.rules.contains("0x4") })
  }

  @Test(arguments: [
    ["--generation", "linux-5.0"], ["--meta", "x"], ["--vectors", "a", "--from", "1"], ["--from", "9", "--to", "3"],
    ["--vectors", "unnamed.jsonl"],
  ])
  func misuse(_ arguments: [String]) throws {
    let ran = try imported().custody(["conform"] + arguments)
    #expect(ran.status == 2 && ran.output.isEmpty, "\(ran)")
  }

  @Test func vectorsThatAreNoneAreRefused() throws {
    let sandbox = try Sandbox()
    try sandbox.write("g2_x.jsonl", "{}\n")
    #expect(try sandbox.custody("conform", "--vectors", "g2_x.jsonl").status == 4)
    try sandbox.write("meta_g2.json", "[]")
    #expect(try sandbox.custody("conform", "--vectors", "g2_x.jsonl").status == 3)
  }

  @Test func vectorsAgree() throws {
    let folder = Recordings.root.appending(path: "Tests/Fixtures/vectors").path
    let sandbox = try Sandbox()
    let file = folder + "/g4b_d_pins.jsonl.gz"
    let found = try summary(sandbox, "--vectors", file, folder + "/g4b_e_debug.jsonl.gz", status: 0)
    #expect(found.cases > 2 && found.operations > found.cases && found.agreeing == found.operations)
    #expect(found.physical_agreeing > 0 && found.physical_differing == 0 && found.unsupported == 0)
    let wrong = try summary(sandbox, "--vectors", file, "--generation", "linux-6.14", status: 1)
    #expect(wrong.differing > 0 && !wrong.disagreements.isEmpty)
    #expect(try sandbox.custody("conform", "--vectors", file).output.contains("0 differ"))
  }
}
