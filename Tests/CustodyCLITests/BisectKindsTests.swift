// Why: each search names the entry that a look at every entry names, and none where there is none.

import Analysis
import Journal
import PageOwnership
import PageTables
import TestSupport
import Testing

@testable import CustodyCLI

@Suite struct BisectKindsTests {
  private func sandbox(_ steps: String, _ generation: String = "linux-7.1") throws -> Sandbox {
    let sandbox = try Sandbox()
    try sandbox.write("s.txt", steps)
    #expect(try sandbox.custody("run", "-q", "s.txt", "--generation", generation).status == 0)
    return sandbox
  }

  /// The number behind "entry".
  private func entry(_ ran: Ran) -> Int64? {
    let words = ran.output.split(whereSeparator: { $0 == " " || $0 == "\n" })
    return words.indices.first { words[$0] == "entry" && words.index(after: $0) < words.endIndex }
      .flatMap { Int64(words[$0 + 1]) }
  }

  @Test func pagesAgreeWithALookAtEveryEntry() throws {
    let seed = SeededRandom.seed(61)
    var random = SeededRandom(seed: seed)
    for _ in 0..<4 {
      let steps = (0..<14).map { _ -> String in
        let page = HexText.hex(0x41300 + UInt64(random.below(3)))
        return random.pick(["host share hyp", "host unshare hyp", "host donate hyp", "hyp donate host"]) + " " + page
      }
      let sandbox = try sandbox(steps.joined(separator: "\n"))
      let reader = try JournalReader(at: sandbox.file("custody.db"))
      let page = PageFrame(0x41300 + UInt64(random.below(3)))
      let expected = random.pick(["host=SHARED_OWNED", "hyp=OWNED", "owner=hyp", "NOPAGE", "owner=host"])
      let predicate = try PagePredicate(
        reader, GuestPage(.host, page), [#require(PageExpectation(argument: expected))])
      var verdicts: [BisectVerdict] = []
      for seq in 0...(try reader.headSeq().rawValue) {
        verdicts.append(predicate.verdict(try StateAt(reader).image(SequenceNumber(seq)).ownership))
      }
      let first = verdicts.firstIndex(of: .bad).map { Int64($0) }
      let ask = ["bisect", "page", HexText.hex(page.address), "--expect", expected]
      let exact = try sandbox.custody(ask + ["--first"])
      #expect(entry(exact) == first ?? 1 || first == nil && exact.status == 1, "seed \(seed) \(steps): \(exact)")
      let halved = try sandbox.custody(ask + ["--good", "1"])
      if halved.status == 0 {
        #expect(halved.output.contains("entry \(first ?? -1) is the first bad one"), "seed \(seed) \(steps): \(halved)")
      }
    }
  }

  @Test func aQueryIsAsked() throws {
    let sandbox = try sandbox("host share hyp 0x41300; host share hyp 0x41301; host share hyp 0x41302")
    let query = "SELECT count(*) >= 2 FROM \"transition\" WHERE outcome = 'completed' AND last_seq <= :seq"
    let ends = try sandbox.custody(
      "sql", "--format", "csv", "SELECT last_seq FROM \"transition\" ORDER BY last_seq LIMIT 1 OFFSET 1")
    let expected = try #require(ends.lines.last.flatMap { Int64($0) })
    for extra in [[], ["--first"]] {
      let ran = try sandbox.custody(["bisect", "where", query] + extra)
      #expect(ran.status == 0 && ran.output.contains("entry \(expected) is the first"), "\(ran)")
    }
    let never = try sandbox.custody("bisect", "where", "SELECT :seq > 99999")
    #expect(never.status == 1 && never.output.contains("does not hold at entry"), "\(never)")
    let again = try sandbox.custody("bisect", "where", "SELECT :seq BETWEEN 3 AND 4 OR :seq > 20")
    #expect(again.status == 0 || again.output.contains("does not stay bad"), "\(again)")
    #expect(try sandbox.custody("bisect", "where", "SELECT 1").status == 2)
    #expect(try sandbox.custody("bisect", "where", "DELETE FROM fact WHERE :seq").status != 0)
  }

  // There was no donation before 6.2.
  @Test func aGenerationThatDecidesOtherwiseIsFound() throws {
    let sandbox = try sandbox("host donate hyp 0x41300; host share hyp 0x41500; pin 0x41500; host donate hyp 0x41500")
    let same = try sandbox.custody("bisect", "generation", "7.1")
    #expect(same.status == 1 && same.output.contains("would have decided none otherwise"), "\(same)")
    let other = try sandbox.custody("bisect", "generation", "6.1")
    #expect(other.status == 0 && other.output.contains("T1 host_donate_hyp is the first"), "\(other)")
  }

  @Test func aRecordingIsDecidedAlikeByItsOwnRules() throws {
    guard let sandbox = try ImportedJournals.journal("k73-nvhe") else { return }
    let own = try sandbox.custody("bisect", "generation", "linux-7.1")
    #expect(own.status == 1 && own.output.contains("would have decided none otherwise"), "\(own)")
    let older = try sandbox.custody("bisect", "generation", "linux-6.1")
    #expect(older.status == 0 && older.output.contains("linux-6.1     has no such operation"), "\(older)")
  }
}
