// Why: the index from outside: it is written, continued, proved, mended, never believed half, and missed by
// nobody where a journal has none. Not here: whether its answers are right (IndexTruthTests).

import Foundation
import Journal
import PageOwnership
import TestSupport
import Testing

@testable import CustodyCLI
@testable import OwnerBenchmark

@Suite struct IndexCommandTests {
  private static let tables = ["ownership_span_row", "ownership_block", "ownership_count"]

  /// The journal of the small recording, with and without its index.
  private static let journals: [Bool: Data] = {
    var journals: [Bool: Data] = [:]
    for isIndexed in [true, false] {
      guard let sandbox = try? Sandbox(), (try? RecordingText.small.write(to: sandbox)) != nil else { continue }
      let words = ["import", "-q", "r.events.jsonl", "--snapshots", "r.snapshots.jsonl"]
      _ = try? sandbox.custody(words + (isIndexed ? [] : ["--no-index"]))
      journals[isIndexed] = try? Data(contentsOf: URL(filePath: sandbox.file("custody.db")))
    }
    return journals
  }()

  private func imported(isIndexed: Bool = true) throws -> Sandbox {
    let sandbox = try Sandbox()
    try sandbox.write("custody.db", #require(Self.journals[isIndexed]))
    return sandbox
  }

  private func rows(_ sandbox: Sandbox) throws -> String {
    let dump = Self.tables.map { "SELECT * FROM \($0);" }.joined(separator: " ")
    return try sandbox.shell("sqlite3 -readonly custody.db '\(dump) SELECT seq FROM ownership_index'").output
  }

  @Test func importWritesWhatTheCommandWrites() throws {
    let sandbox = try imported()
    let first = try rows(sandbox)
    #expect(first.count > 10_000)
    let again = try sandbox.custody("index")
    #expect(again.status == 0 && again.output.contains("already"), "\(again)")
    let anew = try sandbox.custody("index", "--rebuild")
    #expect(anew.status == 0 && anew.output.contains("indexed to entry"), "\(anew)")
    #expect(try rows(sandbox) == first)
    let bare = try imported(isIndexed: false)
    #expect(try rows(bare) == "0\n")
    #expect(try bare.custody("index").status == 0)
    #expect(try rows(bare) == first)
  }

  @Test func continuingGivesTheSameRows() throws {
    let sandbox = try imported()
    let whole = try rows(sandbox)
    // An index as it was after entry 1500: younger rows are not there, and spans that ended later are open.
    for stamp in [1, 1500, 2100] {
      let back = """
        sqlite3 custody.db "UPDATE ownership_index SET seq = \(stamp); DELETE FROM ownership_block WHERE seq > \(stamp);
        DELETE FROM ownership_count WHERE seq > \(stamp); DELETE FROM ownership_span_row WHERE from_seq > \(stamp);
        UPDATE ownership_span_row SET to_seq = NULL WHERE to_seq > \(stamp);"
        """
      #expect(try sandbox.shell(back).status == 0)
      let ran = try sandbox.custody("index")
      #expect(ran.status == 0 && ran.output.contains("from entry \(stamp) "), "\(ran)")
      #expect(try rows(sandbox) == whole, "continued from \(stamp)")
    }
  }

  @Test(arguments: [
    "UPDATE ownership_span_row SET state = (state + 1) % 4 WHERE rowid_of",
    "UPDATE ownership_span_row SET to_seq = to_seq + 1 WHERE to_seq > 1000 AND rowid_of",
    "UPDATE ownership_span_row SET frame = frame + 1 WHERE frame IS NOT NULL AND rowid_of",
    "UPDATE ownership_span_row SET owner = 1 WHERE owner IS NULL AND rowid_of",
    "DELETE FROM ownership_span_row WHERE rowid_of",
    "UPDATE ownership_block SET state = 2 WHERE state <> 2 AND level = 52",
    "INSERT INTO ownership_block VALUES (0, 9, 0, 77, 0, NULL, NULL, NULL)",
    "INSERT INTO ownership_span_row VALUES (1, 5, 9, NULL, 0, NULL, NULL, NULL, 12)",
    "UPDATE ownership_count SET count = 9 WHERE count = 0",
    "DELETE FROM ownership_count WHERE count = 1",
    "UPDATE ownership_index SET seq = seq - 500",
  ])
  func damageIsFoundAndMended(_ damage: String) throws {
    let sandbox = try imported()
    let whole = try rows(sandbox)
    let sql = damage.replacingOccurrences(
      of: "rowid_of", with: "first_page BETWEEN 0x42c00 AND 0x42d00 OR first_page >= 0x40000 AND space > 2")
    #expect(try sandbox.shell("sqlite3 custody.db '\(sql)'").status == 0)
    #expect(try rows(sandbox) != whole, "\(damage)")
    let found = try sandbox.custody("verify")
    #expect(found.status == 3 && found.output.contains("WRONG ownership_"), "\(damage): \(found)")
    #expect(found.output.contains("custody index --rebuild"), "\(found)")
    #expect(try sandbox.custody("index", "--rebuild").status == 0)
    let mended = try sandbox.custody("verify")
    #expect(mended.status == 0 && mended.output.contains("rows compared"), "\(damage): \(mended)")
    #expect(try rows(sandbox) == whole)
  }

  @Test func answersAreTheSameWithoutAnIndex() throws {
    let sandbox = try imported()
    let questions = [
      ["0x42ceb000", "--at", "2000"], ["0x42ce0000+64"], ["0x42ce0000+64", "--at", "1700"],
      ["guest:0x1000#1/0x40000000+8", "--at", "700"], ["guest:0x1000#2/0x40000000+8"], ["pfn:0x10", "pfn:0xfffffff"],
      ["0x42ceb000", "--at", "0"],
    ]
    let formats = ["table", "json"]
    func answers() throws -> [Ran] {
      try questions.flatMap { question in
        try formats.map { try sandbox.custody(["owner"] + question + ["--format", $0]) }
      }
    }
    let indexed = try answers()
    for ran in indexed { #expect(ran.status == 0 && !ran.output.isEmpty, "\(ran)") }
    // While it is written, and after a crash meanwhile, an index is stamped 0.
    #expect(try sandbox.shell("sqlite3 custody.db 'UPDATE ownership_index SET seq = 0'").status == 0)
    #expect(try answers().map(\.output) == indexed.map(\.output))
    let verified = try sandbox.custody("verify")
    #expect(verified.status == 0 && verified.output.contains("no index"), "\(verified)")
    // An index that ends too early answers what it covers; the rest is replayed.
    #expect(try sandbox.shell("sqlite3 custody.db 'UPDATE ownership_index SET seq = 1800'").status == 0)
    #expect(try answers().map(\.output) == indexed.map(\.output))
  }

  @Test func plainWordsAndTheParserAgree() throws {
    let sandbox = try imported()
    for words in [["0x42ceb000"], ["0x42ceb000+4", "pfn:0x42ce0", "--at", "t=10.9s"], ["0x42ceb000", "--at", "T1"]] {
      let plain = try sandbox.custody(["owner"] + words)
      let parsed = try sandbox.custody(["owner", "--format", "table"] + words)
      #expect(plain.output == parsed.output && plain.errors == parsed.errors && plain.status == parsed.status)
    }
    let wrong = [[], ["nonsense"], ["0x1000", "--at"], ["0x1000", "--at", "nonsense"], ["--at", "1", "--at", "2"]]
    for words in wrong {
      let question = OwnerQuestion(plain: ["owner"] + words)
      #expect(question == nil, "\(words)")
      #expect(try sandbox.custody(["owner"] + words).status == 2, "\(words)")
    }
  }

  @Test func journalsOfTheFirstSchemaAreReadAsTheyAre() throws {
    let sandbox = try imported()
    let owner = try sandbox.custody("owner", "0x42ceb000+16")
    try sandbox.returnToFirstSchema()
    let before = try Data(contentsOf: URL(filePath: sandbox.file("custody.db")))
    #expect(try sandbox.custody("owner", "0x42ceb000+16").output == owner.output)
    #expect(try sandbox.custody("verify").status == 0)
    #expect(try Data(contentsOf: URL(filePath: sandbox.file("custody.db"))) == before)
    #expect(try sandbox.custody("index", "-q").status == 0)
    #expect(try JournalReader(at: sandbox.file("custody.db")).indexedSeq() != nil)
    #expect(try sandbox.custody("owner", "0x42ceb000+16").output == owner.output)
  }

  @Test func killedWhileIndexing() throws {
    let sandbox = try imported(isIndexed: false)
    let owner = try sandbox.custody("owner", "0x42ceb000").output
    for delay in 0..<8 {
      let running = try sandbox.start(["index", "--rebuild"])
      var turns = 0
      running.spin {
        turns += 1
        return turns > delay * delay * 40
      }
      running.send(SIGKILL)
      running.wait()
      let stamp = try JournalReader(at: sandbox.file("custody.db")).indexedSeq()
      #expect(try stamp == nil || stamp == JournalReader(at: sandbox.file("custody.db")).headSeq())
      #expect(try sandbox.custody("owner", "0x42ceb000").output == owner)
    }
    #expect(try sandbox.custody("index").status == 0)
    #expect(try sandbox.custody("verify").status == 0)
  }

  @Test func lookUpsAreTheSameEachTime() throws {
    let sandbox = try imported()
    let path = sandbox.file("custody.db")
    let first = try #require(try OwnerBenchmark.run(journal: path, questions: 500))
    let second = try #require(try OwnerBenchmark.run(journal: path, questions: 500))
    #expect(first.hash == second.hash && first.owner.count == 500)
  }
}
