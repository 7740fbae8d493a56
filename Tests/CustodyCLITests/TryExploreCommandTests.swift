// Why: what would happen, on fresh and on recorded states, without a trace; and scenarios that a search prints
// must do what it says when they are run.

import ArgumentParser
import Foundation
import PageOwnership
import TestSupport
import Testing

@testable import CustodyCLI

@Suite struct TryCommandTests {

  @Test func theDefaultMachine() throws {
    let output = try Sandbox().custody("try", "host donate hyp 0x41300 2; host share hyp 0x41301").output
    #expect(output.contains("host donate hyp 0x41300 2  would complete"), "\(output)")
    #expect(output.contains("host_s2 0x41300000 ×2  0x0 → 0x2000000000000002"), "\(output)")
    #expect(output.contains("host share hyp 0x41301  would be refused -EPERM: \"source is owned\" does not hold"))
    #expect(output.contains(".1  check FAILED  source is owned"), "\(output)")
  }

  @Test func aFatalStepEndsIt() throws {
    let ran = try Sandbox().custody(
      "try", "host share ffa 0x41300; host unshare hyp 0x41300; pin 1", "--generation", "6.4")
    #expect(ran.status == 0 && ran.output.contains("would be fatal: WARN at EL2"), "\(ran)")
    #expect(ran.output.contains("target is borrowed: only checked with EL2 debugging"), "\(ran)")
    #expect(!ran.output.contains("\npin"))
  }

  @Test func aRecordedState() throws {
    let sandbox = try Sandbox()
    let files = try #require(Recordings.shipped.first { $0.name == "k73-nvhe" })
    #expect(try sandbox.custody("import", "-q", files.events, "--snapshots", files.snapshots).status == 0)
    let before = sandbox.size("custody.db")
    // The guest lends the page at T4920 and has it for itself again after T4969.
    let lent = try sandbox.custody("try", "guest share host 0 0x40000", "--at", "T4942")
    #expect(lent.output.contains("would be refused -EPERM"), "\(lent)")
    #expect(lent.output.contains("found SHARED_OWNED"), "\(lent)")
    #expect(lent.output.contains("assumed: table pages and memcaches suffice"), "\(lent)")
    let own = try sandbox.custody("try", "guest share host 0 0x40000", "--at", "T4969")
    #expect(own.output.contains("would complete"), "\(own)")
    let rows = try sandbox.custody("try", "host donate hyp 0x42ceb", "--at", "T4942", "--format", "jsonl")
    #expect(rows.output.contains("\"check\":\"failed\""), "\(rows)")
    #expect(sandbox.size("custody.db") == before && sandbox.names == ["custody.db"])
  }

  /// What was recorded as refused or completed would be so, tried right before.
  @Test func whatWasRecordedWouldHappen() throws {
    let sandbox = try Sandbox()
    let files = try #require(Recordings.shipped.first { $0.name == "k73-nvhe" })
    #expect(try sandbox.custody("import", "-q", files.events, "--snapshots", files.snapshots).status == 0)
    let query = """
      SELECT first_seq - 1, printf('0x%x', page), page_count, outcome FROM "transition"
      WHERE operation = 'host_donate_hyp' LIMIT 8
      """
    let rows = try sandbox.custody("sql", "--format", "csv", query).lines.filter { $0.first?.isNumber == true }
    #expect(rows.count > 6)
    for row in rows {
      let words = row.split(separator: ",").map(String.init)
      let step = "host donate hyp \(words[1]) \(words[2])"
      let ran = try sandbox.custody("try", step, "--at", words[0], "--format", "jsonl")
      #expect(ran.output.contains("\"outcome\":\"\(words[3])\""), "\(row): \(ran)")
    }
  }

  @Test func wrongWordsAreUsage() throws {
    let sandbox = try Sandbox()
    for wrong in [["steal 1"], [""], ["pin 1", "--at", "5"], ["pin 1", "-j", "absent.db"]] {
      let ran = try sandbox.custody(["try"] + wrong)
      #expect((ran.status == 2 || ran.status == 4) && ran.output.isEmpty, "\(wrong): \(ran)")
    }
  }
}

@Suite struct ExploreCommandTests {
  private func explore(_ arguments: String...) throws -> Ran { try Sandbox().custody(["explore"] + arguments) }

  @Test func holesAndStatus() throws {
    let ran = try explore("--generation", "6.14", "--operations", "hyp,guest", "--format", "json")
    #expect(ran.status == 1)
    let report = try #require(try json(ran.output) as? [String: Any])
    let holes = try #require(report["holes"] as? [[String: Any]])
    #expect(holes.count == 1 && holes[0]["operation"] as? String == "host_share_guest")
    #expect(holes[0]["kind"] as? String == "fatal" && report["states"] as? Int == 57)
    let none = try explore("--operations", "hyp,guest")
    #expect(none.status == 0 && none.output.contains("no hole was found"), "\(none)")
  }

  @Test func aLimitIsSaid() throws {
    let ran = try explore("--limit", "50")
    #expect(ran.status == 5 && ran.errors.contains("more than 50 states"), "\(ran)")
  }

  @Test func wrongWordsAreUsage() {
    for wrong in [
      ["--pages", "5"], ["--guests", "4"], ["--operations", "steal"], ["--limit", "0"], ["--pages", "0"],
    ] {
      #expect(throws: (any Error).self) { try ExploreCommand.parse(wrong) }
    }
  }

  /// Every hole's scenario, run: fatal ones panic, the others complete.
  @Test(arguments: [Generation.linux6_4, .linux6_14, .linux7_1]) func scenariosDoWhatTheySay(
    _ generation: Generation
  ) throws {
    let ran = try explore("--generation", generation.rawValue, "--format", "json")
    let report = try #require(try json(ran.output) as? [String: Any])
    for hole in try #require(report["holes"] as? [[String: Any]]) {
      let steps = try #require(hole["steps"] as? [String])
      let sandbox = try Sandbox()
      let run = try sandbox.custody(
        "run", "-", "--generation", generation.rawValue, "--format", "json", input: steps.joined(separator: "\n"))
      let done = try #require(try json(run.output) as? [String: Any], "\(run)")
      #expect((done["fatal"] is NSNull) == (hole["kind"] as? String != "fatal"), "\(hole): \(run)")
      #expect(done["performed"] as? Int == steps.count)
      #expect(!run.output.contains("refused"), "\(hole): \(run)")
    }
  }

  @Test func theShortestWayIsAScenario() throws {
    let sandbox = try Sandbox()
    let ran = try sandbox.shell(
      "$CUSTODY explore --generation linux-6.4 --operations ffa,host_unshare_hyp --scenario"
        + " | $CUSTODY run - --generation linux-6.4")
    #expect(ran.status == 0 && ran.output.contains("the hypervisor panicked inside"), "\(ran)")
  }
}
