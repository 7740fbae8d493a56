// Why: what an answer from the index costs in one process, warm: who owns a page after an entry, beside the
// look-up of one space alone, in the same run. Not here: the start of the program, which a shell can time.

import CustodyCLI
import Foundation
import Journal
import PageOwnership

/// What one run measured.
struct OwnerResult {
  /// Nanoseconds of each question for the owner, and of each look-up of the host alone, in rising order.
  var owner: [Int64] = []
  var host: [Int64] = []
  /// A hash of all answers: the same for the same journal, count and seed.
  var hash: UInt64 = 0
}

@main
struct OwnerBenchmark {
  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard let path = arguments.first else { return print("usage: OwnerBenchmark JOURNAL [QUESTIONS]") }
    let count = arguments.count > 1 ? Int(arguments[1]) ?? 100_000 : 100_000
    guard let result = try run(journal: path, questions: max(1, count)) else {
      return print("\(path) has no index: custody index builds it")
    }
    for (name, times) in [("owner", result.owner), ("host alone", result.host)] {
      print(
        "\(name)  p50 \(micro(times, 500)) µs, p99 \(micro(times, 990)) µs, p99.9 \(micro(times, 999)) µs, "
          + "of \(times.count)")
    }
    print("hash  " + String(result.hash, radix: 16))
  }

  /// Asks about random pages that changed, and random others, after random entries; nil if there is no index.
  static func run(journal path: String, questions count: Int) throws -> OwnerResult? {
    let reader = try JournalReader(at: path)
    guard let lookup = try OwnerLookup(reader) else { return nil }
    var pages: Set<PageFrame> = []
    try reader.forEachEntry(through: reader.headSeq()) { frame in
      for change in frame.changes where !change.space.isGuest { pages.insert(change.pages.first) }
      return true
    }
    let changed = pages.sorted()
    var result = OwnerResult()
    var state: UInt64 = 1
    for round in 0..<2 {
      result.hash = 14_695_981_039_346_656_037
      for _ in 0..<(round == 0 ? min(count, 1_000) : count) {
        let seq = SequenceNumber(Int64(next(&state) % UInt64(lookup.validTo.rawValue)) + 1)
        let isChanged = !changed.isEmpty && next(&state) % 4 > 0
        let page =
          isChanged
          ? changed[Int(next(&state) % UInt64(changed.count))] : PageFrame(0x40000 + next(&state) % 0x40000)
        let times = try ask(lookup, page, seq, &result.hash)
        // The first round only warms up.
        if round == 1 {
          result.owner.append(times.owner)
          result.host.append(times.host)
        }
      }
    }
    result.owner.sort()
    result.host.sort()
    return result
  }

  private static func ask(
    _ lookup: OwnerLookup, _ page: PageFrame, _ seq: SequenceNumber, _ hash: inout UInt64
  ) throws -> (owner: Int64, host: Int64) {
    let started = now()
    let answer = try lookup.owner(of: page, at: seq)
    let between = now()
    let since = try lookup.since(.host, page, at: seq)
    let ended = now()
    for fact in answer.facts {
      for word in [UInt64(fact.holding.state.rawValue), fact.place.page.rawValue, UInt64(fact.since?.rawValue ?? 0)] {
        hash = (hash ^ word) &* 1_099_511_628_211
      }
    }
    hash = (hash ^ UInt64(since?.rawValue ?? 0)) &* 1_099_511_628_211
    return (between - started, ended - between)
  }

  private static func next(_ state: inout UInt64) -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 16
  }

  private static func micro(_ times: [Int64], _ thousandth: Int) -> String {
    let time = times[min(times.count - 1, times.count * thousandth / 1000)]
    return "\(time / 1000).\(time % 1000 / 100)"
  }

  private static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
