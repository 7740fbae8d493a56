import Analysis
import PageOwnership
import TestSupport
import Testing

/// The search against a walk over all entries.
struct BisectSearchTests {
  /// Runs a search over verdicts, entry 1 first; entry 0 is good, the last one is bad.
  private func run(_ verdicts: [BisectVerdict], probes: Int = 8) -> (BisectResult, tests: Int, probes: Int) {
    guard var search = BisectSearch(good: SequenceNumber(0), bad: SequenceNumber(Int64(verdicts.count)), probes: probes)
    else { return (.alternates([]), 0, 0) }
    var tests = 0
    var probed = 0
    while true {
      switch search.nextStep() {
      case .test(let seq):
        tests += 1
        #expect(seq > search.good && seq < search.bad)
        search.record(seq, verdicts[Int(seq.rawValue) - 1])
      case .probe(let seq):
        probed += 1
        search.record(seq, verdicts[Int(seq.rawValue) - 1])
      case .done(let result): return (result, tests, probed)
      }
    }
  }

  @Test func everyBreakOfSmallHistoriesIsFound() {
    for count in 1...40 {
      for first in 1...count {
        let verdicts = (1...count).map { $0 < first ? BisectVerdict.good : .bad }
        let (result, tests, _) = run(verdicts)
        #expect(result == .first(SequenceNumber(Int64(first))))
        #expect(tests <= Int.bitWidth - (count - 1).leadingZeroBitCount)
      }
    }
  }

  @Test func tenMillionEntriesTakeTwentyFourTests() {
    guard var search = BisectSearch(good: SequenceNumber(0), bad: SequenceNumber(10_000_000), probes: 0) else {
      Issue.record("no search")
      return
    }
    var tests = 0
    while case .test(let seq) = search.nextStep() {
      #expect(search.stepsLeft <= 24 - tests)
      tests += 1
      search.record(seq, seq.rawValue >= 7_654_321 ? .bad : .good)
    }
    #expect(search.nextStep() == .done(.first(SequenceNumber(7_654_321))))
    #expect(tests <= 24)
  }

  @Test func skippedEntriesLeaveWhatTheyHide() {
    var random = SeededRandom(seed: SeededRandom.seed(11))
    for _ in 0..<2_000 {
      let count = 2 + random.below(30)
      let first = 1 + random.below(count)
      var verdicts = (1...count).map { $0 < first ? BisectVerdict.good : .bad }
      for index in 0..<count - 1 where random.below(3) == 0 { verdicts[index] = .skip }
      let (result, _, _) = run(verdicts)
      let lastGood = (0..<count).last { verdicts[$0] == .good && $0 < first - 1 }.map { $0 + 1 } ?? 0
      let firstBad = (0..<count).first { verdicts[$0] == .bad }.map { $0 + 1 } ?? count
      let expected: BisectResult =
        firstBad - lastGood == 1
        ? .first(SequenceNumber(Int64(firstBad)))
        : .oneOf(after: SequenceNumber(Int64(lastGood)), through: SequenceNumber(Int64(firstBad)))
      #expect(result == expected, "seed \(random.seed), \(verdicts)")
    }
  }

  @Test func alternatingVerdictsAreEvidenceAndNoCulprit() {
    var random = SeededRandom(seed: SeededRandom.seed(12))
    var caught = 0
    for _ in 0..<2_000 {
      let count = 3 + random.below(12)
      var verdicts = (1...count).map { _ in random.below(2) == 0 ? BisectVerdict.good : .bad }
      verdicts[count - 1] = .bad
      let isMonotone = verdicts.firstIndex(of: .bad) == (verdicts.lastIndex(of: .good) ?? -1) + 1
      // With as many probes as entries nothing stays hidden.
      let (result, _, _) = run(verdicts, probes: count)
      if case .alternates(let found) = result {
        caught += 1
        #expect(!isMonotone)
        for pair in found {
          #expect(pair.bad < pair.good)
          #expect(verdicts[Int(pair.bad.rawValue) - 1] == .bad && verdicts[Int(pair.good.rawValue) - 1] == .good)
        }
      } else {
        #expect(isMonotone, "seed \(random.seed), \(verdicts)")
      }
    }
    #expect(caught > 1_000)
  }

  @Test func noSearchWithoutAnInterval() {
    #expect(BisectSearch(good: SequenceNumber(3), bad: SequenceNumber(3)) == nil)
  }

  @Test func flakyAnswersStillFindTheEntry() {
    var random = SeededRandom(seed: SeededRandom.seed(13))
    let noise = TestNoise(falseBad: 0.1, falseGood: 0.1)
    var right = 0
    var tests = 0
    for _ in 0..<300 {
      let first = 1 + Int64(random.below(1_000))
      guard
        var search = NoisyBisect(
          good: SequenceNumber(0), bad: SequenceNumber(1_000), noise: noise, confidence: 0.95)
      else { continue }
      while let seq = search.nextTest(), search.verdictCount < 500 {
        let isBad = seq.rawValue >= first
        let isWrong = random.below(10) == 0
        search.record(seq, isBad != isWrong ? .bad : .good)
      }
      tests += search.verdictCount
      if search.best.seq.rawValue == first { right += 1 }
    }
    // Nineteen of twenty, less three standard deviations.
    #expect(right >= 270, "\(right) of 300 right, \(tests) tests, seed \(random.seed)")
    #expect(tests < 300 * 60)
  }

  @Test func certainAnswersNeedNoConfidenceTwice() {
    guard
      var search = NoisyBisect(
        good: SequenceNumber(0), bad: SequenceNumber(1), noise: TestNoise(falseBad: 0, falseGood: .nan),
        confidence: 0.9)
    else {
      Issue.record("no search")
      return
    }
    #expect(search.nextTest() == nil)
    #expect(search.best.seq == SequenceNumber(1))
    search.record(SequenceNumber(0), .skip)
    #expect(search.verdictCount == 0)
  }
}
