// Why: an exhaustive search copies, compares and hashes machines; this measures how many states a second it
// can visit on a small one. Not here: invariants and ways back to the start (they belong to `explore`).

import PageOwnership
import TransitionRules

/// A search of all states of two pages and one guest.
struct StateSearch {
  var stateCount = 0
  var callCount = 0
  var nanoseconds: Int64 = 0

  /// Visits states until there are no more or `limit` is reached.
  static func run(limit: Int) -> StateSearch {
    let walk = BenchmarkWalk(.linux7_1, count: 0)
    let calls = calls(walk)
    var search = StateSearch()
    let started = RulesBenchmark.now()
    var seen: Set<Machine> = [walk.machine]
    var frontier = [walk.machine]
    while let machine = frontier.popLast(), seen.count < limit {
      for call in calls {
        search.callCount += 1
        guard let (next, result) = walk.engine.successor(of: machine, by: call) else { continue }
        guard result.hasChanged, result.fatal == nil, next.frame(PageFrame(call.page)).references < 2 else { continue }
        if seen.insert(next).inserted { frontier.append(next) }
      }
    }
    search.nanoseconds = RulesBenchmark.now() - started
    search.stateCount = seen.count
    return search
  }

  private static func calls(_ walk: BenchmarkWalk) -> [OperationCall] {
    let unmoving: Set<Operation> = [.guestRelaxPerms, .guestWriteProtect, .guestTestClearYoung, .guestMakeYoung]
    var calls: [OperationCall] = []
    for operation in walk.engine.rules.operations where !unmoving.contains(operation) {
      for index in UInt64(0)..<2 {
        var call = OperationCall(operation, page: 0x41300 + index)
        call.address = call.page << 12
        call.endAddress = (call.page + 1) << 12
        call.guest = .firstGuest
        call.guestPage = 0x100 + index
        call.protection = walk.engine.rules.traits.protection.all
        calls.append(call)
      }
    }
    return calls
  }
}
