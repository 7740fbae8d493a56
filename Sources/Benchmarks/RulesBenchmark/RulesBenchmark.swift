// Why: what performing an operation by the tables costs, beside a hand-written model of the same rules that
// keeps a dictionary entry a page, in the same process on the same calls. Not here: judging (tests).

import Foundation
import PageOwnership
import TestSupport
import TransitionRules

/// What one run measured.
struct RulesResult {
  /// Calls performed, and phases that they had.
  var callCount = 0
  var phaseCount = 0
  /// CPU nanoseconds of the engine and of the naive model.
  var engineNanoseconds: Int64 = 0
  var naiveNanoseconds: Int64 = 0
  /// Calls on which the two do not return the same.
  var differing = 0
  /// A hash of all results and of the last state's size: the same on every machine.
  var hash: UInt64 = 0xcbf2_9ce4_8422_2325

  /// Takes a number into the hash.
  mutating func note(_ number: UInt64) { hash = (hash ^ number) &* 0x100_0000_01b3 }
}

@main
struct RulesBenchmark {
  static func main() {
    let count = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 1_000_000
    print("generation   calls/s  ns/call ns/phase  naive calls/s  hash")
    for generation in Generation.allCases {
      let result = run(generation, count: count)
      let columns = [
        pad(generation.rawValue, 10), pad(rate(result.callCount, result.engineNanoseconds), 10),
        pad(result.engineNanoseconds / Int64(max(1, result.callCount)), 8),
        pad(result.engineNanoseconds / Int64(max(1, result.phaseCount)), 8),
        pad(rate(result.callCount, result.naiveNanoseconds), 14), String(result.hash, radix: 16),
      ]
      print(columns.joined(separator: " "))
    }
    let search = StateSearch.run(limit: count)
    let speed = rate(search.stateCount, search.nanoseconds)
    print("search       \(search.stateCount) states, \(search.callCount) calls, \(speed) states/s")
  }

  /// Walks one random way with the engine and with the naive model.
  static func run(_ generation: Generation, count: Int) -> RulesResult {
    let walk = BenchmarkWalk(generation, count: count)
    var result = RulesResult()
    result.callCount = walk.calls.count
    var values: [Int64] = []
    values.reserveCapacity(count)
    var machine = walk.machine
    let started = now()
    for call in walk.calls { values.append(walk.engine.perform(call, on: &machine).value ?? .min) }
    result.engineNanoseconds = now() - started
    for value in values { result.note(UInt64(bitPattern: value)) }
    result.note(UInt64(machine.runCount))
    comparePeer(walk, values, &result)
    result.phaseCount = walk.countPhases()
    return result
  }

  private static func comparePeer(_ walk: BenchmarkWalk, _ values: [Int64], _ result: inout RulesResult) {
    var naive = NaivePages(walk.engine.rules.generation, debug: true, regions: walk.engine.shape.regions)
    let started = now()
    for (index, call) in walk.calls.enumerated() where walk.perform(call, &naive) ?? .min != values[index] {
      result.differing += 1
    }
    result.naiveNanoseconds = now() - started
  }

  static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  private static func rate(_ count: Int, _ nanoseconds: Int64) -> Int64 {
    Int64(count) * 1_000_000_000 / max(1, nanoseconds)
  }

  private static func pad(_ value: some CustomStringConvertible, _ width: Int) -> String {
    let text = value.description
    return String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
