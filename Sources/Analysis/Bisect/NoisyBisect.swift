// Why: a predicate that is sometimes wrong (a workload that fails now and then) sends a plain search to the
// wrong half for good. Here each answer shifts belief instead of cutting it off, until one entry is believed
// in as much as asked for. The algorithm asks, the caller answers.
// Not here: predicates that are always right (BisectSearch).

package import PageOwnership

/// How often a test is wrong.
package struct TestNoise: Hashable, Sendable {
  /// The share of tests of good states that say bad: above 0, below 0.5.
  package var falseBad: Double
  /// The share of tests of bad states that say good: above 0, below 0.5.
  package var falseGood: Double

  /// Makes a noise; shares are brought into the range that allows a conclusion.
  package init(falseBad: Double, falseGood: Double) {
    self.falseBad = Self.bounded(falseBad)
    self.falseGood = Self.bounded(falseGood)
  }

  private static func bounded(_ share: Double) -> Double { share.isNaN ? 0.1 : min(max(share, 0.000_1), 0.499) }

  fileprivate func likelihood(_ isBad: Bool, ifBad: Bool) -> Double {
    switch (isBad, ifBad) {
    case (true, true): 1 - falseGood
    case (false, true): falseGood
    case (true, false): falseBad
    case (false, false): 1 - falseBad
    }
  }
}

/// A search whose answers may be wrong.
package struct NoisyBisect: Sendable {
  /// The entries from `first` to `last` are equally likely to be the first bad one.
  private struct Piece {
    var first: Int64
    var last: Int64
    var mass: Double

    var count: Double { Double(last - first) + 1 }
  }

  /// How many answers were given.
  package private(set) var verdictCount = 0
  private var pieces: [Piece]
  private let noise: TestNoise
  private let confidence: Double

  /// Begins a search for the first bad entry behind `good`, up to `bad`.
  ///
  /// - Parameter confidence: How much belief ends the search: above 0.5, below 1.
  package init?(good: SequenceNumber, bad: SequenceNumber, noise: TestNoise, confidence: Double) {
    guard good < bad, confidence > 0.5, confidence < 1 else { return nil }
    pieces = [Piece(first: good.rawValue + 1, last: bad.rawValue, mass: 1)]
    self.noise = noise
    self.confidence = confidence
  }

  /// The entry believed in most, and how much.
  package var best: (seq: SequenceNumber, belief: Double) {
    var best = (seq: pieces[0].first, belief: 0.0)
    for piece in pieces where piece.mass / piece.count > best.belief { best = (piece.first, piece.mass / piece.count) }
    return (SequenceNumber(best.seq), best.belief)
  }

  /// The entry whose test tells most: the one up to which half of the belief lies; nil once an entry is believed in
  /// enough.
  package func nextTest() -> SequenceNumber? {
    if best.belief >= confidence { return nil }
    var below = 0.0
    for piece in pieces {
      if below + piece.mass < 0.5 {
        below += piece.mass
        continue
      }
      let inside = min(max(((0.5 - below) / piece.mass * piece.count).rounded(.down), 0), piece.count - 1)
      let through = below + piece.mass * (inside + 1) / piece.count
      let before = below + piece.mass * inside / piece.count
      let median = piece.first + Int64(inside)
      // One entry may hold most of the belief: then its two sides take turns.
      return SequenceNumber(abs(through - 0.5) < abs(before - 0.5) ? median : median - 1)
    }
    return nil
  }

  /// Takes an answer on the state right after an entry; ``BisectVerdict/skip`` changes nothing.
  package mutating func record(_ seq: SequenceNumber, _ verdict: BisectVerdict) {
    guard verdict != .skip else { return }
    verdictCount += 1
    split(after: seq.rawValue)
    let saysBad = verdict == .bad
    for index in pieces.indices {
      // The state after `seq` is bad if the first bad entry is not behind it.
      pieces[index].mass *= noise.likelihood(saysBad, ifBad: pieces[index].last <= seq.rawValue)
    }
    let total = pieces.reduce(0) { $0 + $1.mass }
    for index in pieces.indices { pieces[index].mass /= total }
  }

  private mutating func split(after seq: Int64) {
    guard let index = pieces.firstIndex(where: { $0.first <= seq && seq < $0.last }) else { return }
    let whole = pieces[index]
    var lower = whole
    var upper = whole
    lower.last = seq
    upper.first = seq + 1
    lower.mass = whole.mass * (lower.count / whole.count)
    upper.mass = whole.mass - lower.mass
    pieces.replaceSubrange(index...index, with: [lower, upper])
  }
}
