// Why: the judge of conditions is used by why, audits and conformance: what real hypervisors did is its judge.
// Not here: lines that no given recording has (HostileRefusalTests).

import Analysis
import PageOwnership
import TestSupport
import Testing

@Suite struct ConditionJudgeTests {
  @Test(arguments: Recordings.all.map(\.name))
  func everyRecordedCheckAgrees(name: String) throws {
    let files = try #require(Recordings.all.first { $0.name == name })
    let checks = try ReviewedChecks(Pipeline.importing(RecordingText(files)))
    #expect(checks.reviews.count > 1000)
    var unjudged: [String: Int] = [:]
    for review in checks.reviews {
      let place = "T\(review.entry.action?.rawValue ?? 0).\(review.phase) \(review.site.condition?.rawValue ?? "")"
      switch review.agreement {
      case .agrees: #expect(!review.hasOtherErrno, "\(place): \(review)")
      case .notPerformed: #expect(review.outcome == .skipped, "\(place)")
      case .racy, .differs: Issue.record("\(place) is \(review.agreement): \(review)")
      case .cannotTell(let why): unjudged["\(why): \(review.site.condition?.rawValue ?? "")", default: 0] += 1
      }
    }
    // What cannot be judged, by kind: these and no others, each time they were checked.
    func count(_ condition: Condition, _ operation: Operation? = nil) -> Int {
      checks.reviews.count {
        $0.site.condition == condition && (operation == nil || $0.site.operation == operation)
      }
    }
    var expected = ["memcache: memcache suffices": count(.memcacheSuffices)]
    // Before 7.1 a page is given back without a look at its references.
    expected["allocator: not pinned"] = count(.notPinned, .hypDonateHost)
    #expect(unjudged == expected.filter { $0.value > 0 })
  }

  @Test func skippedConditionsOf612WouldHaveHeld() throws {
    let files = try #require(Recordings.all.first { $0.name == "cut-k612-do_donate" })
    let checks = try ReviewedChecks(Pipeline.importing(RecordingText(files)))
    let skipped = checks.reviews.flatMap(\.skipped)
    #expect(skipped.count == 26)
    #expect(Set(skipped.map(\.condition)) == [.targetIsUnmapped, .targetIsBorrowed])
    #expect(skipped.allSatisfy { $0.judgement.verdict == .holds })
  }

  @Test func theWidthOfAddressesComesFromTheHostsRegisters() throws {
    func width(_ registers: String...) -> Int64? {
      var facts = Facts()
      facts.inferAddressBits(
        from: registers.map {
          Snapshot(
            id: 1, seq: SequenceNumber(1), origin: .observed, why: "", registers: $0, busyCPUs: [], guests: [])
        })
      return facts.addressBits.value
    }
    #expect(width("VTCR_EL2=0x802d3590 VTTBR_EL2=0x7f609001") == 48)
    #expect(width("VTCR_EL2=0x0 VTTBR_EL2=0x0", "VTCR_EL2=0x80243594 VTTBR_EL2=0x7f609000") == 44)
    // A guest's, and two that disagree.
    #expect(width("VTCR_EL2=0x802d3590 VTTBR_EL2=0x200007f609001") == nil)
    #expect(width("VTCR_EL2=0x802d3590 VTTBR_EL2=0x1000", "VTCR_EL2=0x80243594 VTTBR_EL2=0x1000") == nil)
    #expect(width("VTCR_EL2=0x802d3590", "VTTBR_EL2=0x1000", "VTCR_EL2=0xzz VTTBR_EL2=0x1000") == nil)
  }
}
