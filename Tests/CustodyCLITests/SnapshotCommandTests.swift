// Why: snapshots are listed, shown and compared as states; a replay and the recording itself are the judges.

import ArgumentParser
import Foundation
import Journal
import PageOwnership
import TestSupport
import Testing

@testable import CustodyCLI

@Suite struct SnapshotCommandTests {
  private let sandbox: Sandbox
  private var path: String { sandbox.file("custody.db") }

  init() throws { sandbox = try #require(try ImportedJournals.journal("k73-nvhe")) }

  private func rows(_ arguments: String...) throws -> [[String: Any]] {
    let ran = try sandbox.custody(["snapshot"] + arguments + ["--format", "json"])
    return try json(ran.output) as? [[String: Any]] ?? []
  }

  @Test func allAreListed() throws {
    let list = try rows("list")
    #expect(list.map { $0["name"] as? String } == ["1", "2", "3", "4", "5", "6"])
    #expect(list.allSatisfy { $0["origin"] as? String == "observed" })
    let table = try sandbox.custody("snapshot", "list")
    #expect(table.lines.count == 7 && table.lines[1].contains("finalize_pkvm"), "\(table)")
  }

  @Test func aStateIsShownAsRanges() throws {
    // Pages of each space that are held or given away, as the snapshot's own rows have them.
    let shown = try rows("show", "4")
    let reader = try JournalReader(at: path)
    var words: [UInt64: UInt64] = [:]
    try reader.forEachSnapshotRange(of: 4) { range in
      guard range.table == .vmemmap else { return }
      for page in range.pages.first.rawValue..<range.pages.end.rawValue { words[page] = range.raw }
    }
    let names = ["OWNED", "SHARED_OWNED", "SHARED_BORROWED", "NOPAGE"]
    var compared = 0
    for row in shown where row["space"] as? String == "host" {
      let address = try #require((row["address"] as? String).flatMap { UInt64($0.dropFirst(2), radix: 16) })
      for page in address >> 12..<address >> 12 + UInt64(row["page_count"] as? Int ?? 0) {
        guard let word = words[page] else { continue }
        compared += 1
        #expect(row["state"] as? String == names[Int(word >> 24 & 3)])
      }
    }
    #expect(compared == words.count, "every page of memory is the host's or given away")
    let raw = try rows("show", "4", "--raw")
    #expect(raw.contains { $0["table"] as? String == "host_s2" } && raw.count > 100)
  }

  @Test func aSnapshotAgreesWithTheReplayBeforeIt() throws {
    for number in 2...6 {
      let ran = try sandbox.custody("snapshot", "diff", "\(number)")
      #expect(ran.status == 0 && ran.output.contains("nothing differs"), "\(number): \(ran)")
    }
  }

  @Test func twoSnapshotsDifferByWhatHappenedBetweenThem() throws {
    let ran = try sandbox.custody("snapshot", "diff", "5", "6", "--format", "jsonl")
    #expect(ran.status == ExitStatus.differences)
    let reader = try JournalReader(at: path)
    let seqs = try reader.snapshots().map(\.seq)
    let context = try ShowContext(reader)
    let (before, after) = (try SnapshotState(.observed(5), context), try SnapshotState(.observed(6), context))
    #expect(before.seq == seqs[4] && after.seq == seqs[5])
    var listed: Set<UInt64> = []
    for line in ran.lines {
      let row = try #require(try json(line) as? [String: Any])
      guard row["space"] as? String == "host", row["what"] as? String == "state",
        let address = (row["address"] as? String).flatMap({ UInt64($0.dropFirst(2), radix: 16) })
      else { continue }
      for page in 0..<UInt64(row["page_count"] as? Int ?? 0) { listed.insert(address >> 12 + page) }
    }
    var expected: Set<UInt64> = []
    for page in UInt64(0x40000)..<0x80000 {
      let one = before.ownership.holding(.host, PageFrame(page))
      if one != after.ownership.holding(.host, PageFrame(page)) { expected.insert(page) }
    }
    #expect(listed == expected && !expected.isEmpty)
    #expect(try sandbox.custody("snapshot", "diff", "6", "--at", "T4942").status == ExitStatus.differences)
    #expect(try sandbox.custody("snapshot", "diff", "6", "6").status == 0)
  }

  @Test func ownSnapshotsAgreeWithTheReplay() throws {
    guard let large = try ImportedJournals.journal("k73-volume") else { return }
    let list = try large.custody("snapshot", "list", "--format", "jsonl")
    let names = try list.lines.compactMap { try (json($0) as? [String: Any])?["name"] as? String }
    let own = names.filter { $0.hasPrefix("own:") }
    #expect(own.first == "own:50000" && own.count >= 4)
    let ran = try large.custody("snapshot", "diff", "own:50000")
    #expect(ran.status == 0 && ran.output.contains("nothing differs"), "\(ran)")
    #expect(try large.custody("snapshot", "show", "own:50000").status == 0)
    #expect(try large.custody("snapshot", "show", "own:50000", "--raw").status == ExitStatus.usage)
  }

  @Test(arguments: [
    ["show", "99"], ["show", "own:7"], ["show", "x"], ["diff", "99"], ["diff", "1", "2", "--at", "5"], ["diff"],
    ["show"],
  ])
  func whatIsNotThereIsUsage(_ arguments: [String]) throws {
    let ran = try sandbox.custody(["snapshot"] + arguments)
    #expect(ran.status == ExitStatus.usage && ran.output.isEmpty && !ran.errors.isEmpty, "\(ran)")
  }
}
