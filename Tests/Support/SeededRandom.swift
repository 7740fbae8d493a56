// Why: random tests that can be run again: the seed is in every failure's text.

import Foundation

/// SplitMix64: the same numbers on every platform.
package struct SeededRandom: RandomNumberGenerator {
  /// What it began with.
  package let seed: UInt64
  private var state: UInt64

  /// Begins with a seed.
  package init(seed: UInt64) {
    self.seed = seed
    state = seed
  }

  /// The next 64 bits.
  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }

  /// A number below `bound`, which is not 0.
  package mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// One of some choices, which are not none.
  package mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }

  /// The seed of this run: `CUSTODY_SEED`, else the usual one.
  package static func seed(_ usual: UInt64) -> UInt64 {
    ProcessInfo.processInfo.environment["CUSTODY_SEED"].flatMap { UInt64($0) } ?? usual
  }
}
