// Why: the rows that all generations are written with, so that a line of a table stays one line. Which
// step makes which row is said in the tables themselves.

import PageOwnership

/// Short names for the rows of the tables.
enum Row {
  /// Every page of the source's table is in a state.
  static func source(_ subject: SpaceKind, _ state: PageState, _ step: String) -> CheckRule {
    let condition: Condition =
      switch state {
      case .sharedOwned: .sourceIsShared
      case .sharedBorrowed: .sourceIsBorrowed
      case .noPage: .sourceIsUnmapped
      default: .sourceIsOwned
      }
    return CheckRule(condition, .source, subject, expected: state, errno: Errno.notPermitted, step: step)
  }

  /// Every page of the target's table is in a state.
  static func target(_ subject: SpaceKind, _ state: PageState, _ step: String) -> CheckRule {
    let condition: Condition =
      switch state {
      case .sharedOwned: .targetIsShared
      case .sharedBorrowed: .targetIsBorrowed
      default: .targetIsUnmapped
      }
    return CheckRule(condition, .target, subject, expected: state, errno: Errno.notPermitted, step: step)
  }

  /// The addresses lie inside the table that is walked.
  static func inside(_ side: Side, _ subject: SpaceKind, _ step: String) -> CheckRule {
    CheckRule(.insideTable, side, subject, errno: Errno.outOfRange, step: step)
  }

  /// The range is memory of one region.
  static func memory(_ side: Side, _ step: String) -> [CheckRule] {
    [
      CheckRule(.inOneRegion, side, nil, errno: Errno.invalid, step: step),
      CheckRule(.isMemory, side, nil, errno: Errno.notPermitted, step: step),
    ]
  }

  /// No page is pinned or referenced.
  static func notPinned(_ side: Side, _ step: String) -> CheckRule {
    CheckRule(.notPinned, side, .hyp, errno: Errno.busy, step: step)
  }

  /// A condition on arguments.
  static func argument(
    _ condition: Condition, _ side: Side, _ subject: SpaceKind?, errno: Int64 = Errno.invalid, _ step: String
  ) -> CheckRule {
    CheckRule(condition, side, subject, errno: errno, step: step)
  }
}
