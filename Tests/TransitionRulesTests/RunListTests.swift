// Why: every state of every machine is in run lists; an array with one word a page says what they must hold.

import TestSupport
import Testing

@testable import TransitionRules

struct RunListTests {
  @Test func runsAreMaximalAndHoldWhatWasWritten() {
    var random = SeededRandom(seed: SeededRandom.seed(5))
    for _ in 0..<40 {
      var list = RunList(FrameWord(word: 0), end: 64)
      var words = Array(repeating: 0, count: 64)
      for _ in 0..<200 {
        let lower = random.below(64)
        let upper = lower + random.below(70 - lower)
        let value = random.below(3)
        if random.below(4) == 0 {
          list.update(UInt64(lower), UInt64(upper)) { FrameWord(word: ($0.word + 1) % 3) }
          for page in lower..<max(lower, min(upper, 64)) { words[page] = (words[page] + 1) % 3 }
        } else {
          list.set(UInt64(lower), UInt64(upper), to: FrameWord(word: UInt64(value)))
          for page in lower..<max(lower, min(upper, 64)) { words[page] = value }
        }
        let seed = random.seed
        #expect(words.indices.allSatisfy { list[UInt64($0)].word == UInt64(words[$0]) }, "seed \(seed)")
        #expect(zip(list.runs, list.runs.dropFirst()).allSatisfy { $0.start < $1.start && $0.value != $1.value })
      }
    }
  }
}
