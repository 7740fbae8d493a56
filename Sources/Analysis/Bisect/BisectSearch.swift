// Why: finding the entry at which something turned bad, asking as few questions as can be. The algorithm
// asks and the caller answers, so that one search serves predicates of any cost. It assumes that what is bad
// stays bad, says so, and afterwards looks for evidence against that assumption instead of trusting it.
// Not here: what good and bad mean, and answers that may be wrong (NoisyBisect).

package import PageOwnership

/// What is known of the state right after an entry.
package enum BisectVerdict: String, Hashable, Sendable {
  /// What is looked for had not happened yet.
  case good
  /// It had.
  case bad
  /// It cannot be told there.
  case skip
}

/// What a search wants next.
package enum BisectStep: Hashable, Sendable {
  /// The verdict on the state right after this entry.
  case test(SequenceNumber)
  /// The same, to look for evidence after the answer is there.
  case probe(SequenceNumber)
  /// Nothing: the search has ended.
  case done(BisectResult)
}

/// How a search ended.
package enum BisectResult: Hashable, Sendable {
  /// The first bad entry, if what is bad stays bad.
  case first(SequenceNumber)
  /// One of these entries: between them only skipped ones are left. The bounds are the last good and the first bad.
  case oneOf(after: SequenceNumber, through: SequenceNumber)
  /// No culprit: good and bad alternate. Each pair is a bad entry with a later good one.
  case alternates([Alternation])
}

/// Evidence that what is bad does not stay bad.
package struct Alternation: Hashable, Sendable {
  /// A bad entry.
  package var bad: SequenceNumber
  /// A later one that is good.
  package var good: SequenceNumber

  /// Makes a piece of evidence.
  package init(bad: SequenceNumber, good: SequenceNumber) {
    self.bad = bad
    self.good = good
  }
}

/// A binary search between a good and a bad entry.
package struct BisectSearch: Sendable {
  /// The last entry that is known to be good.
  package private(set) var good: SequenceNumber
  /// The first entry that is known to be bad.
  package private(set) var bad: SequenceNumber
  /// How many verdicts were given.
  package private(set) var verdictCount = 0

  private var skipped: Set<Int64> = []
  private var verdicts: [Int64: BisectVerdict] = [:]
  private let outerGood: SequenceNumber
  private let outerBad: SequenceNumber
  private var probes: [Int64]?
  private let probeCount: Int

  /// Begins a search.
  ///
  /// - Parameters:
  ///   - good: An entry that is good; 0 is before the first.
  ///   - bad: A later entry that is bad.
  ///   - probes: How many entries on each side of the answer are tested for evidence against it.
  package init?(good: SequenceNumber, bad: SequenceNumber, probes: Int = 8) {
    guard good < bad else { return nil }
    self.good = good
    self.bad = bad
    outerGood = good
    outerBad = bad
    probeCount = max(0, probes)
  }

  /// What is wanted next; the same until a verdict is given.
  package mutating func nextStep() -> BisectStep {
    if let middle = nextTest { return .test(SequenceNumber(middle)) }
    if probes == nil { probes = evidencePoints() }
    while let next = probes?.last {
      guard verdicts[next] != nil || skipped.contains(next) else { return .probe(SequenceNumber(next)) }
      probes?.removeLast()
    }
    return .done(result)
  }

  /// Takes the verdict on an entry, whether it was asked for or not.
  ///
  /// A verdict behind the bounds narrows nothing and is kept as evidence.
  package mutating func record(_ seq: SequenceNumber, _ verdict: BisectVerdict) {
    verdictCount += 1
    guard verdict != .skip else {
      skipped.insert(seq.rawValue)
      return
    }
    skipped.remove(seq.rawValue)
    verdicts[seq.rawValue] = verdict
    guard probes == nil, seq > good, seq < bad else { return }
    if verdict == .good { good = seq } else { bad = seq }
  }

  /// About how many tests are left: the halvings of what lies between the bounds.
  package var stepsLeft: Int {
    let candidates = bad.rawValue - good.rawValue - Int64(skippedBetween)
    return candidates <= 1 ? 0 : Int64.bitWidth - (candidates - 1).leadingZeroBitCount
  }

  /// How many entries may still be the first bad one.
  package var candidateCount: Int64 { bad.rawValue - good.rawValue }

  private var skippedBetween: Int { skipped.count { $0 > good.rawValue && $0 < bad.rawValue } }

  // The untested entry nearest to the middle; skipped neighbourhoods are left in growing distances to both sides.
  private var nextTest: Int64? {
    guard probes == nil else { return nil }
    let low = good.rawValue
    let high = bad.rawValue
    guard high - low > 1 else { return nil }
    let middle = low + (high - low) / 2
    if !skipped.contains(middle) { return middle }
    guard skippedBetween < high - low - 1 else { return nil }
    var distance: Int64 = 1
    while true {
      if middle + distance < high, !skipped.contains(middle + distance) { return middle + distance }
      if middle - distance > low, !skipped.contains(middle - distance) { return middle - distance }
      distance += 1
    }
  }

  // Evenly over both sides, and the immediate neighbours of the answer.
  private func evidencePoints() -> [Int64] {
    var points: Set<Int64> = []
    func spread(_ low: Int64, _ high: Int64) {
      guard high > low, probeCount > 0 else { return }
      let count = min(Int64(probeCount), high - low)
      for index in 0..<count { points.insert(low + (high - low) / count * index) }
    }
    spread(outerGood.rawValue + 1, good.rawValue)
    spread(bad.rawValue + 1, outerBad.rawValue)
    return points.sorted(by: >)
  }

  private var result: BisectResult {
    let alternations = evidence
    if !alternations.isEmpty { return .alternates(alternations) }
    return bad.rawValue - good.rawValue == 1 ? .first(bad) : .oneOf(after: good, through: bad)
  }

  // Each bad entry that a good one follows, with the next such one; the outer bounds count as verdicts.
  private var evidence: [Alternation] {
    var known = verdicts
    known[outerGood.rawValue] = known[outerGood.rawValue] ?? .good
    known[outerBad.rawValue] = known[outerBad.rawValue] ?? .bad
    var found: [Alternation] = []
    var lastBad: Int64?
    for seq in known.keys.sorted() {
      if known[seq] == .bad {
        lastBad = seq
      } else if let start = lastBad {
        found.append(Alternation(bad: SequenceNumber(start), good: SequenceNumber(seq)))
        lastBad = nil
      }
    }
    return found
  }
}
