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
    var counts: [String: Int] = [:]
    var odd: [String] = []
    for review in checks.reviews {
      counts["\(review.agreement)", default: 0] += 1
      if review.agreement == .differs || review.agreement == .racy || review.hasOtherErrno {
        odd.append(
          "\(review.agreement) T\(review.entry.action?.rawValue ?? 0).\(review.phase)"
            + " \(review.site.condition?.rawValue ?? "-") \(review.outcome) \(review.entry.result ?? 0)"
            + " \(String(describing: review.judgement))")
      }
    }
    print(name, counts.sorted { $0.key < $1.key })
    for line in odd.prefix(12) { print("  ", line) }
    #expect(odd.isEmpty)
  }
}
