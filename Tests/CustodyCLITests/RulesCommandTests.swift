// Why: the tables as printed, and the pages of the docs, which must be what the tables give.

import ArgumentParser
import Foundation
import PageOwnership
import TestSupport
import Testing
import TransitionRules

@testable import CustodyCLI

@Suite struct RulesCommandTests {
  private func rules(_ arguments: String..., width: Int? = nil) throws -> RecordingConsole {
    let recording = RecordingConsole(width: width, isTerminal: width != nil)
    try RulesCommand.parse(arguments).run(on: recording.console)
    return recording
  }

  @Test func checksAndAppliesInOrder() throws {
    let rows = try rules("host_unshare_hyp", "--generation", "linux-6.4", "--format", "jsonl").lines.map {
      try #require(try json($0) as? [String: String])
    }
    #expect(rows.map { $0["kind"] } == ["takes", "check", "check", "check", "check", "check", "apply", "apply"])
    #expect(
      rows.compactMap { $0["result"] }.dropFirst().prefix(5) == ["-ERANGE", "-EPERM", "-EBUSY", "-ERANGE", "-EPERM"])
    #expect(rows[5]["only"] == "EL2 debugging" && rows[5]["kernel_step"] == "hyp_ack_unshare")
    #expect(rows[6]["what"] == "end lend" && rows[6]["state"] == "OWNED")
  }

  @Test func everyGenerationPrintsEveryOperation() throws {
    for generation in Generation.allCases {
      let output = try rules("--generation", generation.rawValue, "--format", "csv").output
      for operation in RuleBook.of(generation).operations {
        #expect(output.contains("\n\(operation.rawValue),takes"), "\(generation) \(operation)")
        #expect(output.contains("\n\(operation.rawValue),apply"), "\(generation) \(operation)")
      }
    }
  }

  @Test func differencesOfTwoGenerations() throws {
    let lines = try rules(
      "hyp_donate_host", "--generation", "6.18", "--compare", "linux-7.1", "--format", "csv"
    ).lines
    #expect(lines.contains { $0.hasPrefix("+,hyp_donate_host,check,not pinned,source hyp") }, "\(lines)")
    #expect(!lines.contains { $0.hasPrefix("-,") }, "\(lines)")
    #expect(try rules("--generation", "6.14", "--compare", "6.14", "--format", "csv").lines.count == 1)
  }

  @Test func namesOfOperations() throws {
    let names = try rules("--names", "--format", "csv").output
    #expect(names.contains("host_donate_hyp,host donate hyp PFN [NR],__pkvm_host_donate_hyp,"))
    #expect(names.contains("vm_unpublish,vm unpublish VM,"))
    for operation in PageOwnership.Operation.allCases { #expect(names.contains(operation.rawValue + ",")) }
  }

  @Test func whereAnOperationIsMissing() throws {
    #expect(try rules("pin", "--generation", "linux-6.1").notes.contains("linux-6.1 has no pin: it is in linux-6.2"))
  }

  @Test(arguments: [80, 200]) func fitsTheTerminal(_ width: Int) throws {
    for line in try rules("host_share_guest", width: width).lines {
      #expect(DisplayText.width(line) <= width, "\(line)")
    }
  }

  @Test func wrongWordsAreUsage() {
    for wrong in [["steal"], ["--generation", "linux-9"], ["--page"], ["pin", "--page", "--names"]] {
      #expect(throws: (any Error).self) { try RulesCommand.parse(wrong) }
    }
  }

  @Test(arguments: PageOwnership.Operation.allCases)
  func thePageIsWhatTheTablesGive(_ operation: PageOwnership.Operation) throws {
    let path = "Sources/TransitionRules/TransitionRules.docc/Operations/\(operation.rawValue).md"
    let committed = try String(contentsOf: Recordings.root.appending(path: path), encoding: .utf8)
    let expected = RulePage.text(operation)
    let isSame = committed == expected
    #expect(isSame, "write it again: custody rules \(operation.rawValue) --page > \(path)")
  }
}
