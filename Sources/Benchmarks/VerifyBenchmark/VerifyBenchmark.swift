// Why: three prices of trust, each in one run with a peer: verifying beside a C scan and a hash of the same bytes,
// seals beside plain appending, opening again after a crash at any length. CPU time, not time on the wall.

import CustodyCLI
import Glibc
import Journal

@main
struct VerifyBenchmark {
  private static let usage = """
    usage: VerifyBenchmark verify JOURNAL [ROUNDS]   beside a C scan and SHA-256 of the file
           VerifyBenchmark seals JOURNAL ENTRIES     makes the journal; seals beside the rest of appending
           VerifyBenchmark reopen JOURNAL [ROUNDS]   leaves the journal as a crash does, and opens it again; adds to it
    """

  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    func number(_ index: Int, _ usual: Int) -> Int { index < arguments.count ? Int(arguments[index]) ?? usual : usual }
    switch (arguments.first, arguments.count) {
    case ("verify", 2...): print(try Verifying.run(journal: arguments[1], rounds: number(2, 3)).words)
    case ("seals", 3...): print(try Sealing.run(at: arguments[1], entryCount: number(2, 1_000_000)).words)
    case ("reopen", 2...): print(try Reopening.run(journal: arguments[1], rounds: number(2, 5)).words)
    default: print(usage)
    }
  }
}

/// The clocks, in nanoseconds.
enum Clock {
  /// CPU time of this process.
  static func cpu() -> Int64 { read(CLOCK_PROCESS_CPUTIME_ID) }

  /// Time on the wall.
  static func wall() -> Int64 { read(CLOCK_MONOTONIC) }

  /// The CPU that something takes.
  static func cpu(_ body: () throws -> Void) rethrows -> Int64 {
    let begin = cpu()
    try body()
    return cpu() - begin
  }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// Nanoseconds in milliseconds, with two decimals.
  static func milliseconds(_ time: Int64) -> String { hundredths(time / 10_000) + " ms" }

  /// How many times `part` is `whole`, with two decimals.
  static func ratio(_ part: Int64, _ whole: Int64) -> String {
    hundredths(Int64((Double(part) * 100 / Double(max(1, whole))).rounded()))
  }

  private static func hundredths(_ number: Int64) -> String {
    "\(number / 100)." + (number % 100 < 10 ? "0" : "") + "\(number % 100)"
  }
}
