// Why: each filter on a journal whose transitions differ in exactly what the filters ask.

import ArgumentParser
import PageOwnership
import Testing

@testable import CustodyCLI

@Suite struct LogCommandTests {
  private func log(_ arguments: String..., width: Int? = nil) throws -> RecordingConsole {
    let journal = try SmallJournal()
    let recording = RecordingConsole(width: width, isTerminal: width != nil)
    let command = try LogCommand.parse(["-j", journal.path] + arguments)
    try command.run(on: recording.console)
    return recording
  }

  private func ids(_ arguments: [String]) throws -> [Int] {
    let journal = try SmallJournal()
    let recording = RecordingConsole()
    let command = try LogCommand.parse(["-j", journal.path, "--format", "jsonl"] + arguments)
    try command.run(on: recording.console)
    return try recording.lines.compactMap { (try json($0) as? [String: Any])?["id"] as? Int }
  }

  @Test(
    arguments: [
      ([], [3, 4, 5]), (["--reverse"], [5, 4, 3]), (["-n", "2"], [4, 5]), (["-n", "2", "--reverse"], [5, 4]),
      (["-n", "0"], []), (["--operation", "host_share_hyp"], [3]), (["--operation", "__pkvm_host_donate_guest"], [4]),
      (["--operation", "pin"], []), (["--operation", "pin", "--operation", "guest_share_host"], [5]),
      (["--outcome", "refused"], [4]), (["--outcome", "open"], [5]), (["--outcome", "no-effect"], []),
      (["--cpu", "1"], [5]), (["--cpu", "0"], [3, 4]), (["--parent", "A1"], [3, 4]), (["--parent", "2"], [3]),
      (["--parent", "A5"], [5]), (["--parent", "A77"], []), (["--guest", "guest:0x1000#1"], [5]),
      (["--guest", "0x1000#2"], [4]), (["--guest", "guest:0x1000"], [4]),
      (["--page", "0x48163fff"], [3]), (["--page", "0x48164000"], [3]), (["--page", "0x48165000"], []),
      (["--page", "pfn:0x49000"], [4]), (["--page", "pfn:0xffffffffffffffff"], []),
      (["--page", "guest:0x1000#2/0x80000000"], [4]), (["--page", "guest:0x1000#1/0x80000000"], []),
      (["--outcome", "open", "--outcome", "refused", "--cpu", "0"], [4]),
    ] as [([String], [Int])])
  func filters(_ arguments: [String], _ expected: [Int]) throws {
    #expect(try ids(arguments) == expected)
  }

  @Test func aRefusalShowsErrnoAndCondition() throws {
    let lines = try log("--outcome", "refused").lines
    #expect(lines.count == 2)
    #expect(lines[1].hasPrefix("T4  9..11"))
    #expect(lines[1].contains("0x49000000"))
    #expect(lines[1].contains("0x1000#2/0x80000000"))
    #expect(lines[1].contains("refused -EPERM: source is owned"))
    #expect(lines[1].hasSuffix("A1 __pkvm_host_share_hyp"))
  }

  @Test func timesAndCountsOfPages() throws {
    let lines = try log("--operation", "host_share_hyp").lines
    #expect(lines[1].contains("18.0854"))
    #expect(lines[1].contains("0x48163000 ×2"))
  }

  @Test(arguments: [40, 80, 200]) func fitsTheTerminal(_ width: Int) throws {
    for line in try log(width: width).lines where width >= 80 { #expect(DisplayText.width(line) <= width) }
    #expect(try log(width: width).output.contains("T4"))
  }

  @Test func csvHasTheNamesOfTheView() throws {
    let lines = try log("--format", "csv", "--outcome", "refused").lines
    #expect(lines[0].hasPrefix("id,activation,function,operation,source_space,source_address,"))
    #expect(lines[1].hasPrefix("4,1,__pkvm_host_share_hyp,host_donate_guest,host,0x49000000,guest:0x1000#2,"))
    #expect(lines[1].contains(",refused,-1,-EPERM,10,source is owned,"))
  }

  @Test func aGuestWithoutIncarnationIsTheLast() throws {
    #expect(try log("--guest", "guest:0x1000").notes.contains("guest:0x1000#2 here, the last of 2"))
  }

  @Test func nothingFoundIsSaid() throws {
    #expect(try log("--operation", "pin").notes == "no transition matches\n")
  }

  @Test func wrongWordsAreUsage() throws {
    #expect(status { _ = try log("--guest", "guest:0x2000") } == ExitStatus.usage)
    #expect(status { _ = try log("--guest", "guest:0x1000#9") } == ExitStatus.usage)
    for wrong in [["--operation", "steal"], ["--outcome", "maybe"], ["--page", "here"], ["--page", "guest:0x1000"]] {
      #expect(throws: (any Error).self) { try LogCommand.parse(wrong) }
    }
    #expect(throws: (any Error).self) { try LogCommand.parse(["-n", "-1"]) }
  }

  @Test func aMissingJournalCannotBeOpened() throws {
    let command = try LogCommand.parse(["-j", "/nonexistent/custody.db"])
    #expect(status { try command.run(on: RecordingConsole().console) } == ExitStatus.cannotOpen)
  }

  @Test func somethingElseIsNoJournal() throws {
    let journal = try SmallJournal()
    let command = try LogCommand.parse(["-j", try journal.file("text", "not a journal\n")])
    #expect(status { try command.run(on: RecordingConsole().console) } == ExitStatus.corrupt)
  }
}
