// Why: the index, the spans, an own snapshot with its tail and a naive replay give one answer, for every page of
// every space at the sampled entries, on every recording that is here; and on recordings with lines removed,
// where the answer must never be a wrong certainty. CUSTODY_INDEX_POINTS=n asks n points of each recording.

import Analysis
import Foundation
import Journal
import PageOwnership
import PageTables
import TestSupport
import Testing

@testable import CustodyCLI

@Suite struct IndexTruthTests {
  private static let wanted = ProcessInfo.processInfo.environment["CUSTODY_INDEX_POINTS"].flatMap { Int($0) }
  private static let recordings = wanted == nil ? Recordings.shipped : Recordings.all
  private static let names = recordings.map(\.name)

  @Test(arguments: names) func fourAccountsAgree(name: String) throws {
    let files = try #require(Self.recordings.first { $0.name == name })
    let sandbox = try Sandbox()
    let ran = try sandbox.custody("import", "-q", files.events, "--snapshots", files.snapshots)
    #expect(ran.status == 0, "\(ran)")
    try Self.compare(sandbox, name, moments: Self.wanted == nil ? 6 : 50)
  }

  /// Compares at random entries, and around deaths, snapshots and the end.
  private static func compare(_ sandbox: Sandbox, _ name: String, moments: Int) throws {
    var random = SeededRandom(seed: SeededRandom.seed(7))
    let reader = try JournalReader(at: sandbox.file("custody.db"))
    let head = try reader.headSeq()
    var truth = try #require(try IndexTruth(reader))
    var chosen: Set<SequenceNumber> = [SequenceNumber(1), head]
    let notable =
      try reader.spaces().flatMap { [$0.bornSeq, $0.diedSeq].compactMap { $0 } }
      + reader.snapshots().map(\.seq) + reader.gaps().map(\.seq)
    while chosen.count < moments {
      let isNotable = !notable.isEmpty && random.below(3) == 0
      let seq = isNotable ? random.pick(notable).rawValue : Int64(random.below(Int(head.rawValue))) + 1
      chosen.insert(SequenceNumber(min(max(1, seq - Int64(random.below(2))), head.rawValue)))
    }
    let points = max(1, (wanted ?? 20_000) / moments)
    try truth.compare(at: chosen.sorted(), points: points, &random)
    #expect(truth.differences == [], "\(name), seed \(random.seed)")
    #expect(truth.pointCount == points * chosen.count)
  }

  @Test(arguments: names, 0..<(wanted == nil ? 1 : 4)) func linesThatAreMissing(name: String, round: Int) throws {
    var random = SeededRandom(seed: SeededRandom.seed(70) &+ UInt64(round))
    let files = try #require(Self.recordings.first { $0.name == name })
    let sandbox = try Sandbox()
    let whole = try sandbox.custody("import", "-q", files.events, "--snapshots", files.snapshots, "-j", "whole.db")
    #expect(whole.status == 0, "\(whole)")
    let count = try JournalReader(at: sandbox.file("whole.db")).number("SELECT count(*) FROM entry_row") ?? 0
    let start = 2 + random.below(Int(count) * 3 / 4)
    let removed = start..<start + 1 + random.below(random.pick([2, 20, 400]))
    let cut = try sandbox.shell(
      """
      gzip -dc '\(files.events)' | sed '\(removed.lowerBound),\(removed.upperBound - 1)d' > r.events.jsonl
      cp '\(files.summary)' r.summary.json
      """)
    #expect(cut.status == 0, "\(cut)")
    let ran = try sandbox.custody("import", "-q", "r.events.jsonl", "--snapshots", files.snapshots)
    #expect(ran.status == 0, "\(ran)")
    try Self.compare(sandbox, "\(name) without \(removed)", moments: 4)
    let verified = try sandbox.custody("verify")
    #expect(verified.status == 0, "\(name) without \(removed), seed \(random.seed): \(verified)")
    try Self.compareWithWhole(sandbox, removed, &random)
  }

  // At the same source line: known is what it really was, right after the gap nothing is, and a snapshot ends that.
  private static func compareWithWhole(_ sandbox: Sandbox, _ removed: Range<Int>, _ random: inout SeededRandom) throws {
    let readers = try ["custody.db", "whole.db"].map { try JournalReader(at: sandbox.file($0)) }
    let gap = try #require(try readers[0].gaps().first).seq
    let atGap = try SpanList(readers[0], at: gap)
    for space in [SpaceID.host, .hyp] {
      #expect(atGap.list(space).allSatisfy { $0.holding == IndexedHolding(state: .unknown, owner: .unknown) })
    }
    for distance in [1, 20, 300, 3_000] {
      let line = Int64(removed.upperBound + random.below(distance))
      let places = try readers.map { try $0.number(entry(of: line)) }
      guard let cut = places[0], let full = places[1] else { continue }
      let said = try SpanList(readers[0], at: SequenceNumber(cut))
      let really = try SpanList(readers[1], at: SequenceNumber(full))
      for space in [SpaceID.host, .hyp] {
        for span in said.list(space) where span.holding.state != .unknown {
          let state = really.find(space, span.pages.first)?.holding.state
          let isTrue = state == span.holding.state || state == .unknown
          #expect(isTrue, "line \(line), seed \(random.seed): \(span), in truth \(String(describing: state))")
        }
      }
    }
    if let snapshot = try readers[0].snapshots().first(where: { $0.seq > gap })?.seq {
      let known = try SpanList(readers[0], at: snapshot).find(.host, PageFrame(0x48000))
      #expect(known?.holding.state != .unknown)
    }
  }

  // The last entry that a source line made.
  private static func entry(of line: Int64) -> String {
    """
    SELECT max(first_seq + \(line) - first_index) FROM source_run r WHERE first_index <= \(line)
      AND first_seq = (SELECT max(first_seq) FROM source_run WHERE first_index <= \(line))
      AND first_seq + \(line) - first_index <= (SELECT max(seq) FROM entry_row)
    """
  }
}
