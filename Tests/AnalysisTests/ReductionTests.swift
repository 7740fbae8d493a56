// Why: a reduction must end with a part that shows it and of which no single step can be left out, whatever the
// property is like; brute force over small histories is the judge.

import Analysis
import PageOwnership
import TestSupport
import Testing
import TransitionRules

@Suite struct ReductionTests {
  /// A property of a history: where it first shows, if it does.
  private typealias Property = ([Int]) -> Int?

  private func reduce(_ count: Int, guesses: [[Int]] = [], _ shows: Property) -> Reduction {
    var search = Reduction(count: count, guesses: guesses)
    while case .test(let part) = search.nextStep() {
      search.record(shows(part).map { .shows(at: $0) } ?? .showsNot)
    }
    return search
  }

  // Shown by the first step at which some group of steps is complete and nothing that hides it came before.
  private func property(_ groups: [Set<Int>], hidden: [Int: Int]) -> Property {
    { part in
      var seen: Set<Int> = []
      for (place, step) in part.enumerated() {
        seen.insert(step)
        let isShown = groups.contains { group in
          group.isSubset(of: seen) && group.allSatisfy { step in hidden[step].map { !seen.contains($0) } ?? true }
        }
        if isShown { return place }
      }
      return nil
    }
  }

  @Test func noSingleStepCanBeLeftOut() {
    var random = SeededRandom(seed: SeededRandom.seed(61))
    var shown = 0
    for round in 0..<4000 {
      let count = 1 + random.below(24)
      let groups = (0..<1 + random.below(3)).map { _ in
        Set((0..<1 + random.below(5)).map { _ in random.below(count) })
      }
      // A step that hides another one makes the property one that does not grow with the part.
      let hidden = random.below(2) == 0 ? [:] : [random.below(count): random.below(count)]
      let shows = property(groups, hidden: hidden)
      let guesses = random.below(2) == 0 ? [] : [(0..<count).filter { _ in random.below(2) == 0 }]
      let search = reduce(count, guesses: guesses, shows)
      let place = "seed \(random.seed), round \(round)"
      #expect((search.best == nil) == (shows(Array(0..<count)) == nil), "\(place)")
      guard let best = search.best else { continue }
      shown += 1
      #expect(search.isMinimal && shows(best) == best.count - 1, "\(place): \(best)")
      for index in best.indices {
        var fewer = best
        fewer.remove(at: index)
        #expect(shows(fewer) == nil, "\(place): \(best) without \(best[index])")
      }
      #expect(reduce(count, guesses: guesses, shows).best == best, "\(place)")
      if hidden.isEmpty { #expect(groups.contains(Set(best)), "\(place): \(best) of \(groups)") }
    }
    #expect(shown > 2000)
  }

  // What grows in no way with the part: any step may make it show or hide it.
  @Test func propertiesWithoutAnyOrder() {
    var random = SeededRandom(seed: SeededRandom.seed(65))
    var shown = 0
    for round in 0..<4000 {
      let weights = (0..<2 + random.below(12)).map { _ in random.below(1000) }
      let (modulus, rest) = (3 + random.below(9), random.below(3))
      let shows: Property = { part in
        var sum = 0
        for (place, step) in part.enumerated() {
          sum += weights[step]
          if sum % modulus == rest, place > 0 { return place }
        }
        return nil
      }
      guard let best = reduce(weights.count, shows).best else { continue }
      shown += 1
      #expect(shows(best) == best.count - 1, "seed \(random.seed), round \(round): \(best)")
      for index in best.indices {
        var fewer = best
        fewer.remove(at: index)
        #expect(shows(fewer) == nil, "seed \(random.seed), round \(round): \(best) without \(best[index])")
      }
    }
    #expect(shown > 1000, "\(shown)")
  }

  @Test func fewTestsFindFewSteps() {
    let wanted = [700, 71_000, 99_999]
    let search = reduce(100_000) { part in
      let places = wanted.compactMap { part.firstIndex(of: $0) }
      return places.count == wanted.count ? places.last : nil
    }
    #expect(search.best == wanted)
    // Three steps in a hundred thousand: some halvings for each.
    #expect(search.testCount < 150, "\(search.testCount)")
  }

  @Test func itMayBeStopped() {
    var search = Reduction(count: 64)
    let shows = property([[3, 40]], hidden: [:])
    for _ in 0..<4 {
      guard case .test(let part) = search.nextStep() else { break }
      search.record(shows(part).map { .shows(at: $0) } ?? .showsNot)
    }
    #expect(!search.isMinimal && search.best.map { shows($0) != nil } == true)
    var none = Reduction(count: 0)
    #expect(none.nextStep() == .test([]))
    none.record(.showsNot)
    #expect(none.nextStep() == .done && none.best == nil)
  }

  @Test func aSliceHoldsWhatTouchesTheSamePages() {
    let guest = SpaceID.firstGuest
    var shareGuest = OperationCall(.hostShareGuest, page: 0x50, count: 2)
    shareGuest.guest = guest
    shareGuest.guestPage = 0x10
    var unshare = OperationCall(.hostUnshareGuest)
    unshare.guest = guest
    unshare.guestPage = 0x11
    let steps = [
      StepFootprint(OperationCall(.hostShareHyp, page: 0x51)), StepFootprint(OperationCall(.hostShareHyp, page: 0x60)),
      StepFootprint(shareGuest), StepFootprint(ofAll: nil),
      StepFootprint(OperationCall(.hostDonateHyp, page: 0x5f, count: 2)),
      StepFootprint(unshare), StepFootprint(OperationCall(.hostShareHyp, page: 0x50)),
    ]
    #expect(HistorySlice.steps(steps, leadingTo: 5) == [0, 2, 3, 5])
    #expect(HistorySlice.steps(steps, leadingTo: 4) == [1, 3, 4])
    #expect(HistorySlice.steps(steps, leadingTo: 9).isEmpty)
    var absurd = OperationCall(.hostDonateHyp, page: .max, count: .max)
    absurd.endAddress = .max
    #expect(HistorySlice.steps([StepFootprint(absurd), StepFootprint(absurd)], leadingTo: 1) == [0, 1])
    absurd.operation = .pin
    absurd.address = 5
    absurd.endAddress = 1
    #expect(StepFootprint(absurd).physical != nil)
  }
}
