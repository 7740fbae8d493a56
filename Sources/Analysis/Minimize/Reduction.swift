// Why: a history of thousands of steps shows what three of them would show. This finds a part of it that still shows
// it and of which no step can be left out (delta debugging, ddmin). Sans-I/O: it proposes parts, the caller performs
// them; it may be stopped at any time with the best part so far. Not here: what a step is, and what is to be shown.

/// What came of performing a part of a history.
package enum ReductionVerdict: Hashable, Sendable {
  /// It was shown by the step at this place of the part; what follows is not needed.
  case shows(at: Int)
  /// It was not shown.
  case showsNot
}

/// What a reduction wants next.
package enum ReductionStep: Hashable, Sendable {
  /// The verdict on the part made of these steps, by their numbers in the whole, in order.
  case test([Int])
  /// Nothing: it has ended.
  case done
}

/// A reduction of a history that is deterministic: a part shows always the same, and so does its beginning.
package struct Reduction: Sendable {
  /// The shortest part known to show it; nil before the whole did.
  package private(set) var best: [Int]?
  /// Whether leaving out any one step of ``best`` is known to show nothing.
  package private(set) var isMinimal = false
  /// How many verdicts were given.
  package private(set) var testCount = 0

  private var stage: Stage
  private var guesses: [[Int]]
  private var refuted: Set<[Int]> = []

  private enum Stage {
    case whole([Int])
    case guess([Int])
    /// The best part in so many chunks, the one left out next, and how many in a row were needed.
    case chunks(count: Int, next: Int, needed: Int)
    case done
  }

  /// Parts up to this length are remembered, so that none is performed twice.
  private static let rememberedLength = 64

  /// Begins the reduction of a history of so many steps.
  ///
  /// - Parameter guesses: parts that are likely to show it, best first, by rising numbers of steps.
  package init(count: Int, guesses: [[Int]] = []) {
    stage = .whole(Array(0..<max(0, count)))
    self.guesses = guesses.reversed()
  }

  /// A part that is likely to show it, found when the whole was performed; tried before parts are cut out.
  package mutating func add(guess: [Int]) { guesses.append(guess) }

  /// What is wanted next; the same until a verdict is given.
  package mutating func nextStep() -> ReductionStep {
    while true {
      switch stage {
      case .whole(let part), .guess(let part): return .test(part)
      case .done: return .done
      case .chunks(let count, let next, _):
        let part = best.map { Self.part($0, without: next, of: count) } ?? []
        guard !part.isEmpty, !refuted.contains(part) else {
          advance(.showsNot, part)
          continue
        }
        return .test(part)
      }
    }
  }

  /// Takes the verdict on the part that was asked for.
  package mutating func record(_ verdict: ReductionVerdict) {
    guard case .test(let part) = nextStep() else { return }
    testCount += 1
    if verdict == .showsNot, part.count <= Self.rememberedLength { refuted.insert(part) }
    advance(verdict, part)
  }

  private mutating func advance(_ verdict: ReductionVerdict, _ part: [Int]) {
    if case .shows(let place) = verdict { best = Array(part.prefix(max(0, place) + 1)) }
    switch (stage, verdict) {
    case (.whole, .showsNot): stage = .done
    case (.whole, .shows), (.guess, .showsNot): takeGuess()
    case (.guess, .shows): startChunks()
    case (.chunks(let count, let next, let needed), .showsNot): goOn(count, next, needed + 1)
    case (.chunks(let count, let next, _), .shows): shrink(count, next)
    case (.done, _): break
    }
  }

  // A guess that is no shorter than what is known says nothing.
  private mutating func takeGuess() {
    guard let best else { return }
    let known = Set(best)
    while let guess = guesses.popLast() {
      let part = guess.filter(known.contains)
      guard !part.isEmpty, part.count < best.count else { continue }
      stage = .guess(part)
      return
    }
    startChunks()
  }

  private mutating func startChunks() {
    guard let best, best.count > 1 else { return finish() }
    stage = .chunks(count: 2, next: 0, needed: 0)
  }

  private mutating func finish() {
    isMinimal = best != nil
    stage = .done
  }

  // Every chunk was needed: finer ones, until they are single steps.
  private mutating func goOn(_ count: Int, _ next: Int, _ needed: Int) {
    guard let best else { return }
    if needed < count {
      stage = .chunks(count: count, next: (next + 1) % count, needed: needed)
    } else if count < best.count {
      stage = .chunks(count: min(count * 2, best.count), next: 0, needed: 0)
    } else {
      finish()
    }
  }

  // A chunk was not needed: the rest in chunks of about the same size, from the same place on.
  private mutating func shrink(_ count: Int, _ next: Int) {
    guard let best, best.count > 1 else { return finish() }
    let fewer = min(max(2, count - 1), best.count)
    stage = .chunks(count: fewer, next: next % fewer, needed: 0)
  }

  private static func part(_ whole: [Int], without chunk: Int, of count: Int) -> [Int] {
    let start = whole.count * chunk / count
    let end = whole.count * (chunk + 1) / count
    return Array(whole[..<start] + whole[end...])
  }
}
