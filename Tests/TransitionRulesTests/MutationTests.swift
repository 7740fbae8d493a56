// Why: a judge that cannot say no proves nothing. Each mutation changes one line of the tables in a way that
// a slip of the pen might, and the shipped vectors must notice.

import Foundation
import PageOwnership
import TestSupport
import Testing
import TransitionRules

/// A wrong line.
struct Mutation: Sendable, CustomTestStringConvertible {
  let name: String
  let prefix: String
  let operation: TransitionRulesOperation
  let change: @Sendable (inout OperationRules) -> Void

  var testDescription: String { name }
}

typealias TransitionRulesOperation = PageOwnership.Operation

struct MutationTests {
  static let mutations = [
    Mutation(name: "6.4 unshares pinned pages", prefix: "g1_", operation: .hostUnshareHyp) { rules in
      rules.checks.removeAll { $0.condition == .notPinned }
    },
    Mutation(name: "6.4 checks the target in every build", prefix: "g1_", operation: .hostDonateHyp) { rules in
      for index in rules.checks.indices { rules.checks[index].needsDebug = false }
    },
    Mutation(name: "6.4 writes the target first", prefix: "g1_", operation: .hostShareHyp) { rules in
      rules.applies.swapAt(0, 1)
    },
    Mutation(name: "6.4 goes on after a failed apply", prefix: "g1_", operation: .hostUnshareHyp) { rules in
      for index in rules.applies.indices { rules.applies[index].failure = .warnAndGoOn }
    },
    Mutation(name: "6.14 refuses quietly", prefix: "g3_", operation: .hostShareGuest) { rules in
      for index in rules.checks.indices { rules.checks[index].failure = .refuse }
    },
    Mutation(name: "6.14 looks at pins before states", prefix: "g3_", operation: .hostUnshareHyp) { rules in
      rules.checks.insert(rules.checks.removeLast(), at: 0)
    },
    Mutation(name: "6.18 forgets the hypervisor's state", prefix: "g4b_", operation: .hostShareHyp) { rules in
      rules.applies.removeFirst()
    },
    Mutation(name: "6.18 maps at every pin", prefix: "g4b_", operation: .pin) { rules in
      for index in rules.applies.indices { rules.applies[index].occasion = .always }
    },
    Mutation(name: "6.18 never counts a share down", prefix: "g4b_", operation: .hostUnshareGuest) { rules in
      rules.applies.removeAll { $0.effect == .dropShare }
    },
    Mutation(name: "7.1 donates what the host does not own", prefix: "g2_", operation: .hostDonateGuest) { rules in
      rules.checks.removeAll { $0.subject == .host }
    },
    Mutation(name: "7.1 takes by force without poison", prefix: "g2_", operation: .hostForceReclaim) { rules in
      rules.applies[0].store = .guestUnmapping
    },
    Mutation(name: "7.1 has another errno", prefix: "g2_", operation: .hostForceReclaim) { rules in
      for index in rules.checks.indices { rules.checks[index].errno = Errno.busy }
    },
  ]

  @Test(arguments: mutations) func vectorsNotice(_ mutation: Mutation) throws {
    let files = Vectors.shipped.filter { $0.contains("/" + mutation.prefix) }
    var total = VectorVerdict()
    for file in files {
      total.add(
        try VectorTests.judge(file) { generation in
          var book = RuleBook.of(generation)
          book.amend(mutation.operation, mutation.change)
          return book
        })
    }
    #expect(total.operations > 100)
    #expect(total.differing > 0)
  }

  @Test func theJudgeNoticesAnotherFinalState() throws {
    let file = try #require(Vectors.shipped.first)
    let verdict = try VectorTests.judge(file) { _ in RuleBook.of(.linux6_1) }
    #expect(verdict.differing + verdict.unsupported > 0)
  }
}
