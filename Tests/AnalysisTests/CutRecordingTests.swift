// Why: a recording that ends in the middle must say exactly what was done and what was not: the half-done
// pages of the cut recordings as their makers describe them.

import Analysis
import Capture
import PageOwnership
import PageTables
import TestSupport
import Testing

@Suite struct CutRecordingTests {
  private func open(_ name: String) throws -> (transition: Transition, image: MachineImage, Imported)? {
    guard let files = Recordings.all.first(where: { $0.name == name }) else { return nil }
    let imported = try Pipeline.importing(RecordingText(files))
    let ended = Set(imported.rows.transitionEnds.map(\.id))
    let open = imported.rows.transitions.filter { !ended.contains($0.id) }
    #expect(open.count == 1)
    // What the last snapshot shows must be known before it.
    let last = try #require(imported.rows.snapshots.last).seq
    var image: MachineImage?
    _ = try Pipeline.replaying(imported) { if $0.lastSeq.rawValue == last.rawValue - 1 { image = $0.image } }
    return (try #require(open.first), try #require(image), imported)
  }

  @Test func donationIsCutBetweenStateAndMapping() throws {
    guard let (transition, image, _) = try open("cut-k73-donate_hyp") else { return }
    #expect(transition.operation == .hostDonateHyp)
    let page = try #require(transition.page)
    #expect(image.ownership.holding(.host, page) == Holding(.owned))
    #expect(image.ownership.holding(.hyp, page).state == .owned)
    #expect(image.leaf(.hypStage1, .hyp, at: page)?.raw == 0)
  }

  @Test func donationIsCutBetweenDisownAndOwn() throws {
    let (transition, image, _) = try #require(try open("cut-k612-do_donate"))
    #expect(transition.operation == .hostDonateHyp && transition.pageCount == 2)
    let first = try #require(transition.page)
    for page in [first, first.advanced(by: 1)] {
      #expect(image.ownership.holding(.host, page) == Holding(.noPage, .hyp))
      #expect(image.ownership.holding(.hyp, page).state == .noPage)
      #expect(image.leaf(.hypStage1, .hyp, at: page)?.raw == 0)
    }
  }

  @Test func applyIsTornAfterOneStore() throws {
    let (transition, image, imported) = try #require(try open("cut-k73-torn-donate_hyp"))
    #expect(transition.operation == .hostDonateHyp && transition.pageCount == 2)
    let first = try #require(transition.page)
    #expect(image.ownership.holding(.host, first).annotation == .hyp)
    #expect(image.ownership.holding(.host, first.advanced(by: 1)).annotation == .locked)
    for page in [first, first.advanced(by: 1)] { #expect(image.ownership.holding(.host, page).state == .owned) }
    let torn = try #require(imported.rows.entries.last { imported.sites[$0.site]?.kind == .torn })
    #expect(torn.action == transition.id)
  }

  @Test func panicIsFatal() throws {
    guard let files = Recordings.all.first(where: { $0.name == "k73-panic-young" }) else { return }
    let imported = try Pipeline.importing(RecordingText(files))
    let end = try #require(imported.rows.transitionEnds.first { $0.outcome == .fatal })
    let transition = try #require(imported.rows.transitions.first { $0.id == end.id })
    #expect(transition.operation == .guestTestClearYoung && end.result == nil)
    // What the host did afterwards is its own.
    let later = imported.rows.transitions.filter { $0.firstSeq > end.lastSeq }
    #expect(later.count == 4 && later.allSatisfy { $0.operation == .hostFault && $0.activation == $0.id })
  }
}
