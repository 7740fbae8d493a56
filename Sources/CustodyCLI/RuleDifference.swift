// Why: what one kernel era changed in another's rules, line by line, as a reader of patches expects it.

import PageOwnership
import TransitionRules

/// One line that two generations do not share.
struct RuleDifference: Equatable {
  /// What became of the line.
  enum Change: String {
    case gone = "-"
    case new = "+"
    case renamed = "~"
  }

  var operation: Operation?
  var change: Change
  var line: RuleLine

  /// The differences between two books, operation by operation; traits first.
  static func between(_ old: RuleBook, _ new: RuleBook, only: Operation? = nil) -> [RuleDifference] {
    var found: [RuleDifference] = []
    if only == nil { found += between(RuleLine.traits(old), RuleLine.traits(new), nil) }
    for operation in Operation.allCases where only == nil || only == operation {
      let before = old[operation].map(RuleLine.lines) ?? []
      let after = new[operation].map(RuleLine.lines) ?? []
      found += between(before, after, operation)
    }
    return found
  }

  // Lines that both have in order are the longest common subsequence; a handful of lines, so the table is small.
  private static func between(_ old: [RuleLine], _ new: [RuleLine], _ operation: Operation?) -> [RuleDifference] {
    var lengths = Array(repeating: Array(repeating: 0, count: new.count + 1), count: old.count + 1)
    for left in old.indices.reversed() {
      for right in new.indices.reversed() {
        lengths[left][right] =
          old[left].saysTheSame(as: new[right])
          ? lengths[left + 1][right + 1] + 1 : max(lengths[left + 1][right], lengths[left][right + 1])
      }
    }
    var found: [RuleDifference] = []
    var (left, right) = (0, 0)
    while left < old.count || right < new.count {
      if left < old.count, right < new.count, old[left].saysTheSame(as: new[right]) {
        if old[left] != new[right] {
          found.append(RuleDifference(operation: operation, change: .renamed, line: new[right]))
        }
        (left, right) = (left + 1, right + 1)
      } else if right == new.count || left < old.count && lengths[left + 1][right] >= lengths[left][right + 1] {
        found.append(RuleDifference(operation: operation, change: .gone, line: old[left]))
        left += 1
      } else {
        found.append(RuleDifference(operation: operation, change: .new, line: new[right]))
        right += 1
      }
    }
    return found
  }
}
