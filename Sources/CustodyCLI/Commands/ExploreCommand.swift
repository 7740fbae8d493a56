// Why: `custody explore`: what can a small machine come to under a generation's rules? Not here: the search
// (TransitionRules) and the invariants (PageOwnership).

import ArgumentParser
import Capture
import PageOwnership
import TransitionRules

struct ExploreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explore",
    abstract: "Visit every state that a small machine can reach, and judge the invariants in each",
    discussion: """
      custody explore --generation linux-6.4                       6.4 to 6.13, without EL2 debugging
      custody explore --generation linux-7.1 --operations hyp,guest     without the secure world
      custody explore --generation linux-6.14 --scenario           the shortest way into a hole, for `custody run`

      Starts with a few pages that are the host's alone, and tries every operation with every argument in every state,
      nearest states first. Reported are, each with the shortest way there: operations that panic the hypervisor, that
      break an invariant, or that complete although a condition did not hold that this build does not check. What is
      lent to the secure world is remembered apart, so that a mix-up shows. Page tables and memcaches never run out
      here, all pages are memory, and guests' addresses are as many as pages. A page is pinned at most twice.

      Exit status: 0 if nothing was found, 1 if something was, 5 if --limit ended the search before.
      """)

  @Option(help: ArgumentHelp("Whose rules.", valueName: "generation"))
  var generation = Generation.linux7_1
  @Flag(name: .customLong("el2-debug"), help: "A build with EL2 debugging (CONFIG_NVHE_EL2_DEBUG).")
  var el2Debug = false
  @Option(help: ArgumentHelp("How many pages: 1 to \(ExplorationPlan.largest.pages).", valueName: "n"))
  var pages = 2
  @Option(help: ArgumentHelp("How many guests: 0 to \(ExplorationPlan.largest.guests).", valueName: "n"))
  var guests = 1
  @Option(help: ArgumentHelp("hyp, guest, ffa or names of operations, separated by commas.", valueName: "list"))
  var operations = OperationList.all
  @Option(help: ArgumentHelp("Keep at most this many states; each takes some 40 bytes.", valueName: "n"))
  var limit = 10_000_000
  @Flag(help: "Print only the shortest way into the first hole, as a scenario.")
  var scenario = false
  @OptionGroup var output: OutputOptions

  func validate() throws {
    let largest = ExplorationPlan.largest
    guard (1...largest.pages).contains(pages) else { throw ValidationError("--pages takes 1 to \(largest.pages)") }
    guard (0...largest.guests).contains(guests) else { throw ValidationError("--guests takes 0 to \(largest.guests)") }
    guard (1...1_000_000_000).contains(limit) else { throw ValidationError("--limit takes 1 to 1000000000") }
  }

  func run() throws { try run(on: output.console) }

  /// Searches, and answers on a console.
  func run(on console: Console) throws {
    Interrupt.install()
    let started = Stopwatch()
    var search = Exploration(
      ExplorationPlan(
        generation: generation, el2Debug: el2Debug, pages: pages, guests: guests, operations: operations.operations,
        limit: limit))
    let ending = search.run { Interrupt.isRequested }
    let seconds = started.seconds
    let report = ExploreReport(self, search, ending)
    try report.write(console)
    if !scenario, output.format == .table {
      let rate = seconds > 0 ? Int(Double(search.stateCount) / seconds) : 0
      try console.note("\(search.stateCount) states in \(Int(seconds * 1000)) ms, \(rate) states/s")
    }
    switch ending {
    case .stopped: throw CommandFailure("stopped after \(search.stateCount) states", status: ExitStatus.interrupted)
    case .limit:
      throw CommandFailure(
        "more than \(limit) states: what was found so far is above",
        hint: "fewer --pages or --guests, or a higher"
          + " --limit", status: ExitStatus.limit)
    case .complete: if !search.holes.isEmpty { throw CommandFailure.silent(ExitStatus.differences) }
    }
  }
}

/// A list of operations as typed.
struct OperationList: ExpressibleByArgument, Equatable {
  let operations: Set<Operation>

  /// Every operation.
  static let all = OperationList(operations: Set(Operation.allCases))

  private init(operations: Set<Operation>) { self.operations = operations }

  init?(argument: String) {
    var operations: Set<Operation> = []
    for word in argument.split(separator: ",", omittingEmptySubsequences: false) {
      if let group = Self.group(word) {
        operations.formUnion(group)
      } else if let operation = Operation(argument: String(word)) {
        operations.insert(operation)
      } else {
        return nil
      }
    }
    self.operations = operations
  }

  var defaultValueDescription: String { "all" }

  // By who is at the other end.
  private static func group(_ word: Substring) -> Set<Operation>? {
    func with(_ kind: SpaceKind) -> Set<Operation> {
      Set(Operation.allCases.filter { $0.endpoints.source == kind || $0.endpoints.target == kind })
    }
    return switch word {
    case "all": Set(Operation.allCases)
    case "hyp": with(.hyp)
    case "guest": with(.guest)
    case "ffa": with(.ffa)
    default: nil
    }
  }
}
