// Why: what a person must find at a glance, and that JSON says the same.

import ArgumentParser
import PageOwnership
import Testing

@testable import CustodyCLI

@Suite struct ShowCommandTests {
  private func show(_ arguments: String..., width: Int? = 80) throws -> RecordingConsole {
    let journal = try SmallJournal()
    let recording = RecordingConsole(width: width)
    let command = try ShowCommand.parse(["-j", journal.path] + arguments)
    try command.run(on: recording.console)
    return recording
  }

  @Test func aCompletedTransitionWithItsChange() throws {
    let output = try show("T3").output
    #expect(output.hasPrefix("T3  host_share_hyp  completed\n  the host lends a page to the hypervisor\n"))
    #expect(output.contains("source     host 0x48163000"))
    #expect(output.contains("A2 function inner"))
    #expect(output.contains("A1 hypercall __pkvm_host_share_hyp(0x48163, 0xffffffffffffffff) →\n             -EPERM"))
    #expect(output.contains(".1  check  passed  source is owned"))
    #expect(output.contains("OWNED~"))
    #expect(output.contains("skipped: target is unmapped: only checked with EL2 debugging"))
    #expect(output.contains(".2  apply  done    lend"))
    #expect(output.contains("vmemmap   host 0x48163000 ×2  OWNED → SHARED_OWNED  0x0 → 0x1000000"))
    #expect(output.contains("\ncompleted, result 0\n"))
    #expect(!output.contains("__host_check_page_state_range"))
  }

  @Test func aRefusalNamesThePhaseThatDecided() throws {
    let output = try show("4").output
    #expect(output.contains("T4  host_donate_guest  refused -EPERM"))
    #expect(output.contains("target     guest:0x1000#2/0x80000000"))
    #expect(output.contains("-EPERM  wants OWNED, found SHARED_OWNED~"))
    #expect(output.contains("refused -EPERM: T4.1 \"source is owned\" did not hold, found SHARED_OWNED~"))
    #expect(!output.contains("\u{1b}"))
    #expect(output.contains("hostile \\u{1b}[2J\\u{202e} note"))
  }

  @Test func anOpenTransitionIsInDoubt() throws {
    let output = try show("T5").output
    #expect(output.contains("in doubt  lend"))
    #expect(output.contains("open: the journal ends inside, after T5.1 (lend, itself in doubt)"))
  }

  @Test func namesOnRequest() throws {
    #expect(
      try show("T3", "--names").output
        .contains("kernel: __host_check_page_state_range in __pkvm_host_share_hyp:1462"))
  }

  @Test(arguments: ["T3", "T4", "T5", "A1"]) func fitsEightyColumns(_ id: String) throws {
    for line in try show(id, "--names").lines { #expect(DisplayText.width(line) <= 80, "\(line)") }
  }

  @Test func anActivationListsWhatItCaused() throws {
    let lines = try show("A1").lines
    #expect(lines[0] == "A1  hypercall  __pkvm_host_share_hyp  result -EPERM")
    #expect(lines.contains("  A2 function inner(0x48163, 0xffffffffffffffff) → 0"))
    #expect(lines.contains("    T3 host_share_hyp 0x48163000 ×2 completed"))
    #expect(lines.contains("  T4 host_donate_guest 0x49000000 refused -EPERM: source is owned"))
  }

  @Test func aLetterChoosesBetweenEqualNumbers() throws {
    #expect(try show("5").output.hasPrefix("T5  "))
    #expect(try show("A5").output.hasPrefix("A5  guest call"))
    #expect(try show("2").output.hasPrefix("A2  "))
  }

  @Test func jsonSaysTheSame() throws {
    let object = try #require(try json(show("T4", "--format", "json").output) as? [String: Any])
    #expect(object["outcome"] as? String == "refused")
    #expect(object["errno"] as? String == "-EPERM")
    #expect((object["target"] as? [String: Any])?["space"] as? String == "guest:0x1000#2")
    let entries = try #require(object["entries"] as? [[String: Any]])
    #expect(entries.map { $0["seq"] as? Int } == [9, 10, 11])
    #expect(entries[1]["found"] as? String == "SHARED_OWNED")
    #expect(entries[1]["found_provenance"] as? String == "inferred")
    #expect(entries[1]["phase"] as? Int == 1)
  }

  @Test(arguments: ["T3", "A1"]) func jsonlIsARecordALine(_ id: String) throws {
    let records = try show(id, "--format", "jsonl").lines.map { try json($0) as? [String: Any] }
    #expect(records.count >= 4)
    for record in records { #expect(record?["record"] is String) }
  }

  @Test func whatIsNotThereIsUsage() throws {
    for id in ["T99", "A3", "99"] { #expect(status { _ = try show(id) } == ExitStatus.usage, "\(id)") }
    for wrong in ["", "X1", "T", "T1x", "T99999999999999999999"] {
      #expect(throws: (any Error).self) { try ShowCommand.parse([wrong]) }
    }
    #expect(throws: (any Error).self) { try ShowCommand.parse(["T1", "--format", "csv"]) }
  }
}
