// Why: since when a page disagrees with a table is held against a look at each state, page by page; a snapshots file
// against the same snapshot in the journal.

import Analysis
import Foundation
import Journal
import PageOwnership
import PageTables
import TestSupport
import Testing

@testable import CustodyCLI

@Suite struct BisectSnapshotTests {
  private struct Place: Hashable {
    var space: SpaceID
    var page: PageFrame
    var what: String
  }

  private struct Since: Hashable {
    var seq: Int64
    var before: String
  }

  /// Since when each page that is told disagrees; of whole guests nothing.
  private func told(_ arguments: [String], in sandbox: Sandbox, _ names: ShowContext) throws -> [Place: Since] {
    let ran = try sandbox.custody(["bisect", "snapshot"] + arguments + ["--format", "jsonl"])
    #expect(ran.status == (ran.lines.isEmpty ? 0 : ExitStatus.differences), "\(ran)")
    let spaces = try JournalReader(at: sandbox.file("custody.db")).spaces().map(\.space)
    var found: [Place: Since] = [:]
    var last: Int64 = 0
    for line in ran.lines {
      let row = try #require(try json(line) as? [String: Any])
      guard let address = (row["address"] as? String).flatMap({ UInt64($0.dropFirst(2), radix: 16) }) else { continue }
      let space = try #require(spaces.first { $0.name == row["space"] as? String }?.id)
      let since = Since(
        seq: Int64(try #require(row["seq"] as? Int)), before: try #require(row["before"] as? String))
      #expect(since.seq >= last, "sorted by entry")
      last = since.seq
      for distance in 0..<UInt64(try #require(row["page_count"] as? Int)) {
        let place = Place(
          space: space, page: PageFrame(address >> 12 + distance), what: try #require(row["what"] as? String))
        #expect(found.updateValue(since, forKey: place) == nil, "\(place) is told twice")
      }
    }
    return found
  }

  /// Nil where one side does not know.
  private func isEqual(_ place: Place, _ one: OwnershipState, _ other: OwnershipState) -> Bool? {
    switch place.what {
    case "pins": one.pins(place.page).flatMap { mine in other.pins(place.page).map { $0 == mine } }
    case "share_count": one.shareCount(place.page).flatMap { mine in other.shareCount(place.page).map { $0 == mine } }
    default:
      one.holding(place.space, place.page).state == .unknown || other.holding(place.space, place.page).state == .unknown
        ? nil : one.holding(place.space, place.page) == other.holding(place.space, place.page)
    }
  }

  /// The same by looking at each page after each entry.
  private func naive(
    _ reader: JournalReader, _ table: OwnershipState, _ places: [Place], through last: SequenceNumber
  ) throws -> [Place: Since] {
    var replay = try JournalReplay(reader)
    var verdicts: [Bool?] = places.map { isEqual($0, replay.replay.image.ownership, table) }
    var since: [Place: Since] = [:]
    for (place, verdict) in zip(places, verdicts) where verdict == false {
      since[place] = Since(seq: 0, before: "unknown")
    }
    try replay.follow(through: last) { frame, _, replay in
      let state = replay.image.ownership
      for index in places.indices {
        let now = isEqual(places[index], state, table)
        if now != false { since[places[index]] = nil }
        if now == false, verdicts[index] != false {
          since[places[index]] = Since(
            seq: frame.entry.seq.rawValue, before: verdicts[index] == true ? "agreed" : "unknown")
        }
        verdicts[index] = now
      }
      return true
    }
    return since
  }

  private func places(_ pages: Range<UInt64>) -> [Place] {
    pages.flatMap { page in
      [(SpaceID.host, "state"), (.hyp, "state"), (.hyp, "pins"), (.host, "share_count")].map {
        Place(space: $0, page: PageFrame(page), what: $1)
      }
    }
  }

  @Test func entriesAreThoseOfALookAtEachState() throws {
    let seed = SeededRandom.seed(17)
    var random = SeededRandom(seed: seed)
    var count = 0
    for _ in 0..<10 {
      let sandbox = try Sandbox()
      let steps = (0..<40).map { _ -> String in
        let page = HexText.hex(0x41300 + UInt64(random.below(4)))
        let call = random.pick([
          "host share hyp", "host unshare hyp", "host donate hyp", "hyp donate host", "pin", "unpin",
        ])
        return call + " " + page
      }
      try sandbox.write("s.txt", steps.joined(separator: "\n"))
      #expect(try sandbox.custody("run", "-q", "s.txt", "--generation", "linux-7.1").status == 0)
      let reader = try JournalReader(at: sandbox.file("custody.db"))
      let head = try reader.headSeq().rawValue
      let saved = Int64.random(in: 1...head, using: &random)
      #expect(try sandbox.custody("replay", "--to", "\(saved)", "--save", "t.jsonl").status == 0)
      let last = SequenceNumber(Int64.random(in: 1...head, using: &random))
      let context = try ShowContext(reader)
      let table = try ObservedTable(SnapshotFileName(sandbox.file("t.jsonl")), context, at: last)
      let told = try told(["t.jsonl", "--at", "\(last.rawValue)"], in: sandbox, context)
      let window = UInt64(0x412f0)..<0x41310
      let expected = try naive(reader, table.ownership, places(window), through: last)
      let inside = told.filter { window.contains($0.key.page.rawValue) }
      #expect(inside == expected, "seed \(seed), table \(saved), entry \(last.rawValue), \(steps)")
      let outside = told.keys.filter { !window.contains($0.page.rawValue) }
      let rest = try naive(reader, table.ownership, Array(outside.prefix(200)), through: last)
      #expect(rest.allSatisfy { told[$0.key] == $0.value } && rest.count == min(200, outside.count), "seed \(seed)")
      count += inside.count
    }
    #expect(count > 10, "seed \(seed)")
  }

  @Test func aRecordedSnapshotIsComparedAtItsEntryOrAnother() throws {
    let sandbox = try #require(try ImportedJournals.journal("k73-nvhe"))
    let reader = try JournalReader(at: sandbox.file("custody.db"))
    let context = try ShowContext(reader)
    let same = try sandbox.custody("bisect", "snapshot", "4")
    #expect(same.status == 0 && same.output.contains("nothing differs"), "\(same)")
    let head = try reader.headSeq()
    let table = try SnapshotState(.observed(4), context)
    let told = try told(["4", "--at", "HEAD"], in: sandbox, context)
    let places = Array(told.keys.sorted { ($0.page, $0.space, $0.what) < ($1.page, $1.space, $1.what) }.prefix(150))
    #expect(places.count > 20)
    let expected = try naive(reader, table.ownership, places, through: head)
    for place in places { #expect(told[place] == expected[place], "\(place)") }
    let text = try sandbox.custody(["bisect", "snapshot", "4", "--at", "HEAD"], environment: ["COLUMNS": "80"])
    #expect(text.status == ExitStatus.differences && text.output.contains("against the history at entry"), "\(text)")
  }

  @Test func aFileIsTheSnapshotThatAnImportMakesOfIt() throws {
    let sandbox = try #require(try ImportedJournals.journal("k73-nvhe"))
    let file = try #require(Recordings.all.first { $0.name == "k73-nvhe" }).snapshots
    for number in [2, 4, 6] {
      let ran = try sandbox.custody("diff", "\(file)#\(number)", "snapshot:\(number)")
      #expect(ran.status == 0 && ran.output.contains("nothing differs"), "\(ran)")
    }
    for (first, second) in [("4", "HEAD"), ("HEAD", "4")] {
      let ran = try sandbox.custody(
        "diff", first == "4" ? file + "#4" : first, second == "4" ? file + "#4" : second, "--format", "csv")
      let whole = try sandbox.custody(
        "diff", first == "4" ? "snapshot:4" : first, second == "4" ? "snapshot:4" : second, "--format", "csv")
      func pages(_ ran: Ran) -> [Substring] { ran.lines.map { $0[...] }.filter { !$0.contains("guest") } }
      #expect(pages(ran) == pages(whole) && pages(ran).count > 10 && ran.status == ExitStatus.differences)
    }
    let moment = try JournalReader(at: sandbox.file("custody.db")).snapshots()[3].seq.rawValue - 1
    #expect(try sandbox.custody("bisect", "snapshot", file + "#4", "--at", "\(moment)").status == 0)
  }

  @Test func badInputIsRefused() throws {
    let sandbox = try #require(try ImportedJournals.journal("k73-nvhe"))
    let file = try #require(Recordings.all.first { $0.name == "k73-nvhe" }).snapshots
    let own = try Sandbox()
    let torn = try own.write("torn.jsonl", "{\"snap\":1,\"kind\":\"header\"\n")
    let empty = try own.write("empty.jsonl", "")
    for (table, status) in [
      ("99", ExitStatus.usage), ("own:1", ExitStatus.usage), (file + "#99", ExitStatus.usage),
      (file + "#0", ExitStatus.usage), (file + "#-1", ExitStatus.usage), (empty, ExitStatus.usage),
      (torn, ExitStatus.corrupt), ("custody.db", ExitStatus.corrupt), ("none.jsonl", ExitStatus.cannotOpen),
    ] {
      let ran = try sandbox.custody("bisect", "snapshot", table)
      #expect(ran.status == status && ran.output.isEmpty && !ran.errors.isEmpty, "\(table): \(ran)")
    }
    #expect(try sandbox.custody("diff", file + "#99", "HEAD").status == ExitStatus.usage)
    #expect(try sandbox.custody("diff", torn, "HEAD").status == ExitStatus.corrupt)
  }
}
