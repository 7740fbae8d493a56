// Why: what `diff` tells of two moments is held against whole states rebuilt at both, page by page, and its causes
// against a replay that watches those pages.

import Analysis
import Foundation
import Journal
import PageOwnership
import PageTables
import TestSupport
import Testing

@testable import CustodyCLI

@Suite struct DiffCommandTests {
  private let sandbox: Sandbox
  private var path: String { sandbox.file("custody.db") }

  init() throws { sandbox = try #require(try ImportedJournals.journal("k73-nvhe")) }

  private struct Place: Hashable {
    var space: SpaceID
    var page: PageFrame
    var what: String
  }

  private struct Row {
    var place: Place
    var before: String
    var after: String
    var seq: Int64?
  }

  /// The rows, one a page; those of whole guests have page 0.
  private func rows(_ arguments: [String], in sandbox: Sandbox) throws -> [Row] {
    let ran = try sandbox.custody(["diff"] + arguments + ["--format", "jsonl"])
    #expect(ran.status == (ran.lines.isEmpty ? 0 : ExitStatus.differences), "\(ran)")
    let spaces = try JournalReader(at: sandbox.file("custody.db")).spaces().map(\.space)
    return try ran.lines.flatMap { line -> [Row] in
      let row = try #require(try json(line) as? [String: Any])
      let space = try #require(spaces.first { $0.name == row["space"] as? String }?.id)
      let address = (row["address"] as? String).flatMap { UInt64($0.dropFirst(2), radix: 16) } ?? 0
      return (0..<UInt64(row["page_count"] as? Int ?? 1)).map { distance in
        Row(
          place: Place(space: space, page: PageFrame(address >> 12 + distance), what: row["what"] as? String ?? ""),
          before: row["before"] as? String ?? "", after: row["after"] as? String ?? "",
          seq: (row["seq"] as? Int).map(Int64.init))
      }
    }
  }

  private func value(_ place: Place, _ state: OwnershipState) -> String {
    switch place.what {
    case "pins": state.pins(place.page).map { "\($0)" } ?? "unknown"
    case "share_count": state.shareCount(place.page).map { "\($0)" } ?? "unknown"
    case "guest": state.spaces.contains(place.space) ? "lives" : ""
    default: "\(state.holding(place.space, place.page))"
    }
  }

  /// Page by page, what differs between two states and is known in both.
  private func naive(_ before: OwnershipState, _ after: OwnershipState) -> Set<Place> {
    var found: Set<Place> = []
    let spaces = Set(before.spaces).union(after.spaces)
    for space in spaces where before.spaces.contains(space) != after.spaces.contains(space) {
      found.insert(Place(space: space, page: PageFrame(0), what: "guest"))
    }
    for page in (0x40000..<0x80000).lazy.map({ PageFrame($0) }) {
      for space in spaces where before.spaces.contains(space) && after.spaces.contains(space) {
        let (one, other) = (before.holding(space, page), after.holding(space, page))
        if one != other, one.state != .unknown, other.state != .unknown {
          found.insert(Place(space: space, page: page, what: "state"))
        }
      }
      if let one = before.pins(page), let other = after.pins(page), one != other {
        found.insert(Place(space: .hyp, page: page, what: "pins"))
      }
      if let one = before.shareCount(page), let other = after.shareCount(page), one != other {
        found.insert(Place(space: .host, page: page, what: "share_count"))
      }
    }
    return found
  }

  private func compare(_ first: Int64, _ second: Int64, in sandbox: Sandbox) throws -> Int {
    let reader = try JournalReader(at: sandbox.file("custody.db"))
    let (low, high) = (SequenceNumber(min(first, second)), SequenceNumber(max(first, second)))
    let rows = try rows(["\(first)", "\(second)"], in: sandbox)
    var replay = try JournalReplay(reader)
    try replay.run(through: low)
    let start = replay.replay.image.ownership
    var last = start
    var causes: [Place: Int64] = [:]
    try replay.follow(through: high) { frame, _, replay in
      let now = replay.image.ownership
      for row in rows where value(row.place, now) != value(row.place, last) {
        causes[row.place] = frame.entry.seq.rawValue
      }
      last = now
      return true
    }
    let places = rows.map(\.place)
    #expect(Set(places).count == places.count, "no page is listed twice")
    let expected = first <= second ? naive(start, last) : naive(last, start)
    // The comparison by brute force looks at the machine's memory; a guest's pages lie elsewhere.
    let listed = places.filter { $0.page.rawValue == 0 || (0x40000..<0x80000).contains($0.page.rawValue) }
    #expect(Set(listed) == expected, "\(first) \(second)")
    for row in rows {
      #expect(value(row.place, start) != value(row.place, last), "\(row)")
      #expect(row.seq == causes[row.place], "\(first) \(second): \(row)")
    }
    return rows.count
  }

  @Test func differencesAndCausesAreThoseOfAReplay() throws {
    var random = SeededRandom(seed: SeededRandom.seed(6))
    let head = try JournalReader(at: path).headSeq().rawValue
    var count = try compare(17673, head, in: sandbox) + compare(head, 17673, in: sandbox)
    for _ in 0..<2 {
      let first = Int64.random(in: 15000...head, using: &random)
      let second = min(head, max(1, first + Int64.random(in: -300...300, using: &random)))
      count += try compare(first, second, in: sandbox)
    }
    #expect(count > 20, "seed \(random.seed)")
  }

  @Test func withoutAnIndexTheAnswerIsTheSame() throws {
    let bare = try Sandbox()
    try FileManager.default.copyItem(atPath: path, toPath: bare.file("custody.db"))
    let dropped = try bare.shell("sqlite3 custody.db 'UPDATE ownership_index SET seq = 0'")
    #expect(dropped.status == 0, "\(dropped)")
    let arguments = ["diff", "T4942", "HEAD", "--format", "csv"]
    let (one, other) = (try sandbox.custody(arguments), try bare.custody(arguments))
    #expect(one.output == other.output && one.status == ExitStatus.differences && one.lines.count > 20)
  }

  @Test func twoJournalsAreComparedAsTwoMoments() throws {
    let pair = try Sandbox()
    try FileManager.default.copyItem(atPath: path, toPath: pair.file("a.db"))
    try FileManager.default.copyItem(atPath: path, toPath: pair.file("b@c.db"))
    #expect(try pair.custody("diff", "a.db", "b@c.db").status == 0)
    let ran = try pair.custody("diff", "a.db@T4942", "b@c.db@HEAD", "--format", "jsonl")
    let alone = try sandbox.custody("diff", "T4942", "HEAD", "--format", "jsonl")
    let rows = try ran.lines.map { try #require(try json($0) as? [String: Any]) }
    let others = try alone.lines.map { try #require(try json($0) as? [String: Any]) }
    // Here runs are cut where either side has another cause.
    func causes(_ rows: [[String: Any]], _ key: String) -> [String: Int?] {
      var found: [String: Int?] = [:]
      for row in rows where row["what"] as? String != "guest" {
        let address = (row["address"] as? String).flatMap { Int($0.dropFirst(2), radix: 16) } ?? 0
        for page in 0..<(row["page_count"] as? Int ?? 0) {
          found["\(row["space"] ?? "") \(row["what"] ?? "") \(address >> 12 + page)"] = row[key] as? Int
        }
      }
      return found
    }
    #expect(causes(rows, "after_seq") == causes(others, "seq") && rows.count > 20)
    #expect(rows.allSatisfy { ($0["before_seq"] as? Int).map { $0 <= 17673 } ?? true })
  }

  @Test func aSnapshotStandsForItsMoment() throws {
    for number in 2...6 {
      let seq = try JournalReader(at: path).snapshots()[number - 1].seq.rawValue
      #expect(try sandbox.custody("diff", "snapshot:\(number)", "\(seq - 1)").status == 0)
    }
    let ran = try sandbox.custody("diff", "snapshot:5", "snapshot:6", "--stat", "--format", "csv")
    #expect(ran.status == ExitStatus.differences)
    let whole = try sandbox.custody("snapshot", "diff", "5", "6", "--format", "jsonl")
    let hosts = whole.lines.count { $0.contains(#""space":"host""#) && $0.contains(#""what":"state""#) }
    #expect(ran.lines.contains { $0.hasPrefix("host,state,") && $0.hasSuffix(",\(hosts)") }, "\(ran)")
  }

  @Test(arguments: [
    ["foo", "HEAD"], ["99999999", "HEAD"], ["HEAD"], ["snapshot:99", "HEAD"], ["snapshot:x", "HEAD"],
    ["@nothing", "HEAD"],
  ])
  func whatIsNotThereIsUsage(_ arguments: [String]) throws {
    let ran = try sandbox.custody(["diff"] + arguments)
    #expect(ran.status == ExitStatus.usage && ran.output.isEmpty && !ran.errors.isEmpty, "\(ran)")
  }

  @Test func aFileThatIsMissingCannotBeOpened() throws {
    #expect(try sandbox.custody("diff", "no.db", "HEAD").status == ExitStatus.cannotOpen)
  }

  @Test func guestsOfTwoStatesAreMatchedByTheCaller() throws {
    func guest(_ number: Int32) -> Space {
      Space(
        id: SpaceID(rawValue: number), kind: .guest, handle: VMHandle(rawValue: 0x1000), incarnation: 1,
        isProtected: true)
    }
    var (one, other) = (OwnershipState(), OwnershipState())
    one.addSpace(guest(3), isEmpty: true)
    other.addSpace(guest(7), isEmpty: true)
    let alike = OwnershipDiff(from: one, to: other) { $0 == guest(3).id ? guest(7).id : $0 }
    #expect(alike.differences.isEmpty)
    let strangers = OwnershipDiff(from: one, to: other)
    #expect(strangers.differences.map(\.what) == [.onlyBefore, .onlyAfter])
    #expect(strangers.differences.map(\.space) == [guest(3).id, guest(7).id])
  }
}
