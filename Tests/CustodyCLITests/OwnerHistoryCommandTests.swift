// Why: the answers of `owner` and `history` on real recordings, and a naive replay as the judge of what a
// page was at any moment. Not here: how answers are laid out in other formats (Output tests).

import Analysis
import Foundation
import Journal
import PageOwnership
import PageTables
import TestSupport
import Testing

@testable import CustodyCLI

@Suite struct OwnerHistoryCommandTests {
  private func imported(_ name: String) throws -> Sandbox {
    let files = try #require(Recordings.shipped.first { $0.name == name })
    let sandbox = try Sandbox()
    let ran = try sandbox.custody("import", "-q", files.events, "--snapshots", files.snapshots)
    #expect(ran.status == 0, "\(ran)")
    return sandbox
  }

  @Test func aPageThatAGuestLent() throws {
    let sandbox = try imported("k73-nvhe")
    let owner = try sandbox.custody("owner", "0x42ceb000", "--at", "T4942")
    #expect(owner.status == 0)
    #expect(owner.output.contains("0x42ceb000  owner guest:0x1000#2"), "\(owner)")
    #expect(owner.output.contains("T4920 guest_share_host (.5)"), "\(owner)")
    let guest = try sandbox.custody("owner", "guest:0x1000#2/0x40000000", "--at", "T4942.1")
    #expect(guest.output.contains("guest:0x1000#2/0x40000000 → 0x42ceb000"), "\(guest)")
    let history = try sandbox.custody("history", "0x42ceb000")
    #expect(history.status == 0)
    #expect(history.output.contains("16 changes and 1 attempt that changed nothing"), "\(history)")
    let steps = ["T4490", "T4567", "T4879", "T4920", "T4942", "T4969", "T5089"]
    let places = steps.compactMap { history.output.range(of: $0 + " ")?.lowerBound }
    #expect(places.count == steps.count && places == places.sorted(), "\(history)")
    #expect(history.output.contains("refused -EPERM: \"source is owned\" failed"), "\(history)")
  }

  @Test func pagesOfAHalfDoneDonation() throws {
    let cut = try imported("cut-k612-do_donate")
    let nobody = try cut.custody("owner", "0x43124000+2")
    #expect(nobody.output.contains("owner nobody"), "\(nobody)")
    #expect(nobody.output.contains("T3736 host_donate_hyp (.3)"), "\(nobody)")
    let torn = try imported("cut-k73-torn-donate_hyp")
    let two = try torn.custody("owner", "0x4417a000", "0x4417b000")
    #expect(two.output.contains("0x4417a000  owner two"), "\(two)")
    #expect(two.output.contains("0x4417b000  owner two"), "\(two)")
    #expect(two.output.contains("LOCKED"), "\(two)")
  }

  @Test(arguments: [
    ("mark=0x9999", "there is no mark 0x9999"), ("T1000000", "T1000000"), ("999999999", "999999999"),
    ("HEAD~99999999", "HEAD~99999999"), ("@name", "@name"), ("T4942.99", "T4942"),
  ])
  func momentsThatDoNotExist(_ moment: String, _ words: String) throws {
    let sandbox = try imported("k73-nvhe")
    let ran = try sandbox.custody("owner", "0x42ceb000", "--at", moment)
    #expect(ran.status == 2 && ran.output.isEmpty && ran.errors.contains(words), "\(ran)")
  }

  @Test func statesAgreeWithANaiveReplay() throws {
    let sandbox = try imported("k73-nvhe")
    let reader = try JournalReader(at: sandbox.file("custody.db"))
    var random = SeededRandom(seed: SeededRandom.seed(42))
    let head = try reader.headSeq().rawValue
    for seq in (0..<6).map({ _ in Int64(random.below(Int(head))) + 1 }).sorted() {
      var replay = try JournalReplay(reader)
      try replay.run(through: SequenceNumber(seq))
      let page = PageFrame(0x42ce0 + UInt64(random.below(32)))
      let state = replay.replay.image.ownership.holding(.host, page).state.name
      let address = "0x" + String(page.address, radix: 16)
      let ran = try sandbox.custody("owner", address, "--at", "\(seq)", "--format", "jsonl")
      let line = ran.output.split(separator: "\n").first { $0.contains("\"space\":\"host\"") }
      let shown = line?.contains("\"state\":\"\(state)\"") ?? (state == "UNKNOWN")
      #expect(shown, "seed \(random.seed), \(address) at \(seq) is \(state): \(ran)")
    }
  }
}
