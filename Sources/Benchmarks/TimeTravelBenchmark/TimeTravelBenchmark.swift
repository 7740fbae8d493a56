// Why: what the past costs when it is long: making a journal of any length, asking it, replaying it, each beside a peer
// in plain C in the same run. Not here: single look-ups (OwnerBenchmark), comparing two journals (`custody bisect`).

import CAppendBaseline
import CustodyCLI
import Glibc
import Journal
import JournalGenerator
import PageOwnership

@main
struct TimeTravelBenchmark {
  private static let usage = """
    usage: TimeTravelBenchmark make JOURNAL ENTRIES [SEED [ENTRY]]   a journal; of ENTRY the result is another one
           TimeTravelBenchmark ask JOURNAL [QUESTIONS]               whole states, and a replay of everything
    """

  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    func number(_ index: Int) -> Int? { index < arguments.count ? Int(arguments[index]) : nil }
    switch (arguments.first, arguments.count) {
    case ("make", 3...):
      guard let entries = number(2), entries > 0 else { return print(usage) }
      let made = try JournalMaking.run(
        at: arguments[1], entryCount: entries, seed: UInt64(max(0, number(3) ?? 1)), spoilt: number(4).map(Int64.init))
      print(made.words)
      if made.journalHash != made.baselineHash { exit(1) }
    case ("ask", 2...):
      let asked = try JournalAsking.run(journal: arguments[1], questions: max(1, number(2) ?? 50))
      print(asked.words)
      if asked.replayed != asked.restored || asked.wrongCount > 0 { exit(1) }
    default: print(usage)
    }
  }
}

/// The clock, in nanoseconds.
enum Clock {
  /// CPU time of this process.
  static func cpu() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}

/// Numbers as people read them.
enum Figure {
  /// Nanoseconds as `12.34 ms`.
  static func milliseconds(_ time: Int64) -> String { tenths(Double(time) / 1_000_000, 2) + " ms" }

  /// A number with so many decimals.
  static func tenths(_ number: Double, _ decimals: Int) -> String {
    var scale: Double = 1
    for _ in 0..<decimals { scale *= 10 }
    let whole = Int64((number * scale).rounded())
    guard decimals > 0 else { return String(whole) }
    let rest = String(whole % Int64(scale))
    return "\(whole / Int64(scale))." + String(repeating: "0", count: decimals - rest.count) + rest
  }

  /// The value that so many thousandths of rising values do not exceed.
  static func quantile(_ times: [Int64], _ thousandth: Int) -> Int64 {
    times.isEmpty ? 0 : times[min(times.count - 1, times.count * thousandth / 1000)]
  }
}
