// Why: a state that was saved must be the state that was: the recording's own events, with the saved state among its
// snapshots, replay without a difference, and a journal made of the saved state alone has the same hash.

import Foundation
import Journal
import PageOwnership
import TestSupport
import Testing

@testable import CustodyCLI

@Suite struct ReplaySaveTests {
  private func report(_ sandbox: Sandbox, _ arguments: String...) throws -> [String: Any] {
    let ran = try sandbox.custody(["replay", "--format", "json"] + arguments)
    #expect(ran.status == 0, "\(ran)")
    return try #require(try json(ran.output) as? [String: Any])
  }

  // The recording's snapshots with one more at its place.
  private func merged(_ recorded: String, _ saved: String) throws -> String {
    let place = try #require(Self.afterEvent(saved.prefix { $0 != "\n" }))
    var text = ""
    var isIn = false
    for line in recorded.split(separator: "\n") {
      if !isIn, let after = Self.afterEvent(line), after > place {
        text += saved
        isIn = true
      }
      text += line + "\n"
    }
    return isIn ? text : text + saved
  }

  private static func afterEvent(_ line: some StringProtocol) -> Int? {
    guard let found = line.firstRange(of: "\"after_event\":") else { return nil }
    return Int(line[found.upperBound...].prefix { $0.isNumber || $0 == "-" })
  }

  @Test(arguments: Recordings.shipped.map(\.name))
  func aSavedStateIsWhatTheEventsGive(_ name: String) throws {
    let files = try #require(Recordings.shipped.first { $0.name == name })
    let sandbox = try #require(try ImportedJournals.journal(name))
    let reader = try JournalReader(at: sandbox.file("custody.db"))
    let seq = try reader.headSeq().rawValue * 98 / 100
    let own = try Sandbox()
    let saved = own.file("saved.jsonl")
    let hash = try report(sandbox, "--to", "\(seq)", "--save", saved)["state_hash"] as? String
    let recorded = try own.shell("gzip -dc '\(files.snapshots)'").output
    try own.write("all.jsonl", try merged(recorded, String(contentsOfFile: saved, encoding: .utf8)))
    let ran = try own.custody(
      "import", "-q", files.events, "--snapshots", "all.jsonl", "--facts", files.summary)
    #expect(ran.status == 0, "\(ran)")
    let whole = try report(own)
    let before = try report(sandbox)
    #expect(try whole["snapshots_compared"] as? Int == #require(before["snapshots_compared"] as? Int) + 1)
    #expect(whole["state_hash"] as? String == before["state_hash"] as? String)
    // The saved state alone.
    try own.write("none.jsonl", "")
    let alone = try own.custody(
      "import", "-q", "none.jsonl", "--snapshots", saved, "--facts", files.summary, "-j", "alone.db")
    #expect(alone.status == 0, "\(alone)")
    let again = own.file("again.jsonl")
    #expect(try own.custody("replay", "-j", "alone.db", "--save", again).status == 0)
    let lines = try [saved, again].map { try String(contentsOfFile: $0, encoding: .utf8).split(separator: "\n") }
    #expect(lines[0].count > 50 && lines[0].dropFirst() == lines[1].dropFirst(), "\(name) at \(seq)")
    // A guest's incarnation is part of the hash, and a file names handles alone.
    let guests = try reader.spaces().filter { $0.space.id.isGuest && $0.bornSeq.rawValue <= seq }
    if guests.allSatisfy({ $0.space.incarnation == 1 && $0.diedSeq.map { $0.rawValue > seq } ?? true }) {
      #expect(try report(own, "-j", "alone.db")["state_hash"] as? String == hash)
    }
  }

  @Test(arguments: Generation.allCases) func everyGenerationReadsItsOwn(_ generation: Generation) throws {
    let sandbox = try Sandbox()
    let share = "host share hyp 0x41300" + (generation == .linux6_1 ? "" : "; pin 0x41300")
    let steps =
      generation == .linux7_1 ? share + "; host donate guest 1 0x41310 0x100; host share guest 0 0x41400 0x7 2" : share
    try sandbox.write("s.txt", steps)
    #expect(try sandbox.custody("run", "-q", "s.txt", "--generation", generation.rawValue).status == 0)
    let hash = try report(sandbox, "--save", "a.jsonl")["state_hash"] as? String
    let offset = try #require(try JournalReader(at: sandbox.file("custody.db")).facts().hypVAOffset.value)
    let regions = try JournalReader(at: sandbox.file("custody.db")).facts().regions.value ?? []
    let memory = regions.map { region in
      "{\"start\":\"\(HexText.hex(region.pages.first.address))\",\"size\":\"\(HexText.hex(region.pages.count << 12))\","
        + "\"kind\":\"\(region.kind.rawValue)\"}"
    }
    try sandbox.write("none.jsonl", "")
    try sandbox.write(
      "facts.json",
      "{\"facts\":{\"generation\":\"\(generation.rawValue)\",\"hyp_physvirt_offset\":\"\(HexText.hex(offset))\","
        + "\"page_shift\":12,\"memory_regions\":[\(memory.joined(separator: ","))]}}")
    let ran = try sandbox.custody(
      "import", "-q", "none.jsonl", "--snapshots", "a.jsonl", "--facts", "facts.json", "-j", "b.db")
    #expect(ran.status == 0, "\(ran)")
    #expect(try report(sandbox, "-j", "b.db", "--save", "b.jsonl")["state_hash"] as? String == hash)
  }

  @Test func whatIsUnknownIsNotSaved() throws {
    let sandbox = try ShippedJournal.sandbox.get()
    let own = try Sandbox()
    let early = try sandbox.custody("replay", "--to", "100", "--save", own.file("x"))
    #expect(early.status == 2 && early.errors.contains("not wholly known: nobody saw host_s2 of host"), "\(early)")
    #expect(early.errors.contains("snapshot 1, entry"), "\(early)")
    #expect(own.names.isEmpty)
    // Device space was unmapped whole, which no line tells in full.
    let device = try sandbox.custody("replay", "--to", "14003", "--save", own.file("device"))
    #expect(device.status == 0 && device.errors.contains("nobody saw host_s2 of device space at 0x0"), "\(device)")
    let header = try String(contentsOfFile: own.file("device"), encoding: .utf8).prefix { $0 != "\n" }
    #expect(header.contains("\"unknown\":[{\"table\":\"host_s2\",\"start\":\"0x0\""), "\(header)")
    try own.write("there", "mine")
    let there = try sandbox.custody("replay", "--save", own.file("there"))
    #expect(there.status == 2 && there.errors.contains("exists already"), "\(there)")
    let nowhere = try sandbox.custody("replay", "--save", own.file("no/where"))
    #expect(nowhere.status == 4, "\(nowhere)")
    #expect(try String(contentsOfFile: own.file("there"), encoding: .utf8) == "mine")
  }
}
