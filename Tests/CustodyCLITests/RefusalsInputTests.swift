// Why: wrong words on the command line of an import, each with its status and a sentence, and without a
// journal where nothing was read.

import Foundation
import Testing

@Suite struct RefusalsInputTests {
  private let sandbox: Sandbox

  init() throws {
    sandbox = try Sandbox()
    try RecordingText.small.write(to: sandbox)
  }

  private func refuse(_ arguments: [String], _ status: Int32, _ words: String...) throws {
    let before = sandbox.names
    let ran = try sandbox.custody(["import"] + arguments)
    #expect(ran.status == status && ran.output.isEmpty, "\(arguments): \(ran)")
    for word in words { #expect(ran.errors.contains(word), "\(arguments): \(ran.errors)") }
    #expect(sandbox.names == before, "\(arguments)")
  }

  @Test func filesThatAreNotThere() throws {
    try refuse(["none.events.jsonl"], 4, "none.events.jsonl: no such file", "hint:")
    try refuse(["."], 4, "is a directory")
    try refuse(["r.events.jsonl", "--snapshots", "none"], 4, "none: no such file")
    try refuse(["r.events.jsonl", "--snapshots", "."], 4, "is a directory")
    try refuse(["r.events.jsonl", "--facts", "none"], 4, "none: no such file")
    try refuse(["r.events.jsonl", "-j", "none/j.db"], 4, "the folder none does not exist")
    try refuse(["r.events.jsonl", "-j", "r.events.jsonl/j.db"], 4, "j.db")
  }

  @Test func wrongOptions() throws {
    try refuse([], 2, "events")
    try refuse(["-", "--snapshots", "-"], 2, "standard input")
    try refuse(["r.events.jsonl", "--generation", "linux-9"], 2, "linux-9", "linux-7.1")
    try refuse(["r.events.jsonl", "--region", "0x0+0=memory"], 2, "region")
    try refuse(["r.events.jsonl", "--region", "everything"], 2, "region")
    try refuse(["r.events.jsonl", "--input-format", "kutrace"], 2, "pkvm-recording")
    try refuse(["r.events.jsonl", "--group-size", "0"], 2, "--group-size")
    try refuse(["r.events.jsonl", "--group-size", "-5"], 2, "group-size")
    try refuse(["r.events.jsonl", "--group-size", "99999999999999999999"], 2, "group-size")
  }

  @Test func factsThatAreNone() throws {
    for (text, word) in [
      ("garbage", "not a JSON object"), ("[]", "not a JSON object"), ("", "not a JSON object"),
      ("{\"generation\":\"linux-9\"}", "linux-9"), ("{\"page_shift\":16}", "page shift"),
      ("{\"hyp_physvirt_offset\":\"0xzz\"}", "hyp_physvirt_offset"), ("{\"memory_regions\":[{}]}", "memory region"),
      (String(repeating: "[", count: 100_000), "not a JSON object"),
    ] {
      try sandbox.write("facts.json", text)
      try refuse(["r.events.jsonl", "--facts", "facts.json"], 3, "facts.json", word)
    }
    try sandbox.write("r.summary.json", "garbage")
    try refuse(["r.events.jsonl"], 3, "r.summary.json")
  }

  @Test func aGenerationThatNothingProves() throws {
    try sandbox.write("x.events.jsonl", "")
    try refuse(["x.events.jsonl"], 3, "x.events.jsonl", "generation", "hint: give --generation")
    try refuse(["/dev/null"], 3, "generation")
  }

  @Test func anEmptyRecordingOfAKnownMachineIsAnEmptyJournal() throws {
    try sandbox.write("x.events.jsonl", "")
    let ran = try sandbox.custody("import", "x.events.jsonl", "--generation", "linux-7.1")
    #expect(ran.status == 0 && ran.errors.isEmpty, "\(ran)")
    for command in [["replay"], ["verify"], ["log"], ["doctor"]] {
      #expect(try sandbox.custody(command).status == 0, "\(command)")
    }
  }
}
