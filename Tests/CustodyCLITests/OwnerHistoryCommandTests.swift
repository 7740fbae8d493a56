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
  private func imported(_ name: String) throws -> Sandbox { try #require(try ImportedJournals.journal(name)) }

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
    let inside = "half done by T3736 host_donate_hyp, after .3 \"disown\": nobody's table has it"
    #expect(nobody.output.contains(inside), "\(nobody)")
    #expect(two.output.contains("after .5 \"map\": host and hyp both own it; the host's leaf is LOCKED"), "\(two)")
    let whole = try torn.custody("owner", "0x4417c000")
    #expect(!whole.output.contains("half done"), "\(whole)")
    for (sandbox, page, words) in [
      (cut, "0x43125000", "nobody's table has it: the host's names hyp"),
      (torn, "0x4417b000", "host and hyp both own it; the host's leaf is LOCKED (break-before-make)"),
    ] {
      let history = try sandbox.custody("history", page)
      #expect(history.output.contains("inside a transition without an end"), "\(history)")
      #expect(history.output.contains("open, the journal ends inside: " + words), "\(history)")
    }
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

  @Test func aHalfDoneStateIsShownAsItWas() throws {
    // In the middle of a donation that was completed later.
    let sandbox = try imported("k73-nvhe")
    let inside = try sandbox.custody("owner", "0x42ceb000", "--at", "T4879.5")
    #expect(inside.output.contains("half done by T4879 host_donate_guest, after .5 \"disown\""), "\(inside)")
    #expect(try !sandbox.custody("owner", "0x42ceb000", "--at", "T4879").output.contains("half done"))
  }

  @Test func aPageThatWasTakenByForce() throws {
    guard let sandbox = try ImportedJournals.journal("k73-scenarios") else { return }
    let history = try sandbox.custody("history", "0x4812c000", environment: ["COLUMNS": "80"])
    let told = [
      "T5533 host_donate_guest", "T5767 host_fault", "T5769 host_force_reclaim", "OWNED → POISON",
      "T5959 host_share_guest", "T6007 host_donate_guest", "refused -EPERM: \"source is owned\" failed",
      "T6308 host_unshare_guest",
    ]
    let places = told.compactMap { history.output.range(of: $0)?.lowerBound }
    #expect(places.count == told.count && places == places.sorted(), "\(history)")
    for line in history.lines { #expect(line.count <= 80, "\(line)") }
    let guest = try sandbox.custody("history", "guest:0x1000#4/0x4000e000")
    #expect(guest.output.contains("NOPAGE since the guest's birth"), "\(guest)")
    #expect(guest.output.contains("completed, though \"guest leaf is valid\" failed"), "\(guest)")
    #expect(guest.output.contains("POISON → no guest"), "\(guest)")
  }

  @Test func aPageOfManyGuestsStaysReadable() throws {
    guard let sandbox = try ImportedJournals.journal("k73-volume") else { return }
    let history = try sandbox.custody("history", "0x42cda000", environment: ["COLUMNS": "100"])
    #expect(history.lines.count < 60 && history.output.contains("448 changes"), "\(history)")
    #expect(history.output.contains("… 76 more guests in turn"), "\(history)")
    #expect(history.output.contains("27 × host_donate_guest, host_reclaim_guest\n"), "\(history)")
    // The first, the last, and all of them on request.
    let guests = ["guest:0x1001#1/0x40002000", "guest:0x1000#84/0x80000000"]
    for guest in guests { #expect(history.output.contains(guest)) }
    let full = try sandbox.custody("history", "0x42cda000", "--full")
    #expect(full.output.components(separatedBy: " host_donate_guest").count == 54, "as many as the log has")
    let log = try sandbox.custody(
      "log", "--page", "0x42cda000", "--operation", "host_donate_guest", "--format", "jsonl")
    #expect(log.lines.count == 53)
    let rows = try sandbox.custody("history", "0x42cda000", "--format", "jsonl")
    #expect(rows.lines.count == 448)
  }
}
