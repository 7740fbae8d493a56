// Why: what an audit costs beside a plain replay of the same journal, in the same run: CPU time, not time on the wall.
// Without the rule of conformance, whose judge does all of that work once more by the rules.

import CustodyCLI
import Glibc

/// What one run measured.
struct AuditResult {
  /// CPU nanoseconds, the least of some rounds.
  var replay: Int64 = .max
  var audit: Int64 = .max
  var conforming: Int64 = .max
  /// What the passes found: the same for the same journal.
  var hash = ""

  /// How many times the CPU of a replay an audit takes.
  var ratio: Double { Double(audit) / Double(max(replay, 1)) }
}

@main
struct AuditBenchmark {
  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard let path = arguments.first else { return print("usage: AuditBenchmark JOURNAL [ROUNDS]") }
    let result = try run(journal: path, rounds: arguments.count > 1 ? Int(arguments[1]) ?? 3 : 3)
    print("replay \(result.replay / 1_000_000) ms, audit \(result.audit / 1_000_000) ms of CPU: \(result.ratio) times")
    print("with conformance \(result.conforming / 1_000_000) ms")
    print(result.hash)
  }

  /// Measures, the passes in turn.
  static func run(journal path: String, rounds: Int) throws -> AuditResult {
    var result = AuditResult()
    for _ in 0..<max(1, rounds) {
      var hash: [String] = []
      result.replay = min(result.replay, try cpu { hash.append(try JournalPasses.replay(path)) })
      result.audit = min(
        result.audit, try cpu { hash.append(try JournalPasses.audit(path, withConformance: false)) })
      result.conforming = min(
        result.conforming, try cpu { hash.append(try JournalPasses.audit(path, withConformance: true)) })
      result.hash = hash.joined(separator: "; ")
    }
    return result
  }

  private static func cpu(_ body: () throws -> Void) rethrows -> Int64 {
    let begin = now()
    try body()
    return now() - begin
  }

  private static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
