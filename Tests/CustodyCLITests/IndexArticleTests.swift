// Why: what the article on the index says runs in the stock shell, and its as-of statement answers what a
// replay answers.

import Analysis
import Foundation
import Journal
import PageOwnership
import PageTables
import TestSupport
import Testing

@testable import CustodyCLI

@Suite struct IndexArticleTests {
  private static let article = Recordings.root.appending(path: "Sources/Journal/Journal.docc/Index.md")

  /// The ```sql blocks of the article.
  private static func blocks() throws -> [String] {
    let text = try String(contentsOf: article, encoding: .utf8)
    return text.components(separatedBy: "```sql\n").dropFirst().map {
      String($0[..<($0.range(of: "```")?.lowerBound ?? $0.endIndex)])
    }
  }

  private func imported() throws -> Sandbox {
    let files = try #require(Recordings.shipped.first { $0.name == "k73-nvhe" })
    let sandbox = try Sandbox()
    #expect(try sandbox.custody("import", "-q", files.events, "--snapshots", files.snapshots).status == 0)
    return sandbox
  }

  @Test func everyBlockRuns() throws {
    let sandbox = try imported()
    for block in try Self.blocks() {
      try sandbox.write("q.sql", block)
      let ran = try sandbox.shell("sqlite3 -readonly -bail custody.db < q.sql")
      #expect(ran.status == 0 && ran.errors.isEmpty && !ran.output.isEmpty, "\(block): \(ran)")
    }
  }

  @Test func whoHeldAPageAfterAnEntry() throws {
    let sandbox = try imported()
    let block = try #require(try Self.blocks().first { $0.contains("ownership_block") })
    let statement = block.split(separator: "\n").filter { !$0.hasPrefix(".parameter") }.joined(separator: "\n")
    let reader = try JournalReader(at: sandbox.file("custody.db"))
    let guests = try reader.spaces().map(\.space.id).filter(\.isGuest)
    var random = SeededRandom(seed: SeededRandom.seed(5))
    var script = ".nullvalue -\n"
    var expected = ""
    var replay = try JournalReplay(reader)
    for seq in (0..<20).map({ _ in Int64(9_000 + random.below(9_600)) }).sorted() {
      try replay.run(through: SequenceNumber(seq))
      for _ in 0..<10 {
        let space = random.pick([SpaceID.host, .hyp] + guests)
        let page = space.isGuest ? 0x40000 + UInt64(random.below(16)) : 0x42ce0 + UInt64(random.below(32))
        let image = replay.replay.image
        guard image.ownership.spaces.contains(space) else { continue }
        script += ".parameter set :space \(space.rawValue)\n.parameter set :page \(page)\n.parameter set :seq \(seq)\n"
        script += statement + "\n"
        let state = image.ownership.holding(space, PageFrame(page)).state.name
        let frame = space.isGuest ? image.physicalPage(of: GuestPage(space, PageFrame(page))) : nil
        expected += "\(state)|\(frame.map { "\($0.rawValue)" } ?? "-")\n"
      }
    }
    try sandbox.write("q.sql", script)
    let ran = try sandbox.shell("sqlite3 -readonly -bail custody.db < q.sql | cut -d'|' -f1,4")
    #expect(ran.output == expected && expected.count > 300, "seed \(random.seed): \(ran.errors)")
  }
}
