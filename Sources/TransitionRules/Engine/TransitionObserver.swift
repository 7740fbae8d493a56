// Why: who watches an operation phase by phase. The engine tells each phase when it has happened; what to
// keep of it is the observer's. Not here: keeping anything.

package import PageOwnership

/// A check phase that has happened, or was left out.
package struct CheckReport: Hashable, Sendable {
  /// The rows of the phase, in the operation's checks.
  package var rows: Range<Int>
  /// The row that decided: the one that failed, else the last one that was performed; nil if none was.
  package var decidingRow: Int?
  /// What became of it.
  package var outcome: CheckOutcome
  /// What the step returned: 0, or the errno of the failing row.
  package var result: Int64
  /// The first page that did not meet the condition.
  package var page: PageFrame?
  /// The level of the leaf that was judged there; 3 for metadata.
  package var level: Int8?
  /// The state that was found there.
  package var found: PageState?
}

/// An apply phase that has happened.
package struct ApplyReport: Hashable, Sendable {
  /// The row, in the operation's applies.
  package var row: Int
  /// The page it was made for, where applies are made page by page.
  package var page: PageFrame?
  /// What the step returned: 0, or an errno.
  package var result: Int64
  /// Whether device mappings of the host were dropped to free table pages.
  package var recycledDevices = false
}

/// Watches operations.
package protocol TransitionObserver {
  /// Whether ``didApply(_:from:to:)`` wants the state before; costs a copy an apply.
  var wantsStates: Bool { get }
  /// A check phase happened, or was left out because this build does not perform it.
  mutating func didCheck(_ report: CheckReport, _ machine: Machine)
  /// An apply phase happened. `before` is the state before it if wanted, else the state after.
  mutating func didApply(_ report: ApplyReport, from before: Machine, to after: Machine)
}

/// Watches nothing.
package struct NoObserver: TransitionObserver {
  /// Makes one.
  package init() {}
  /// No.
  package var wantsStates: Bool { false }
  /// Does nothing.
  package mutating func didCheck(_ report: CheckReport, _ machine: Machine) {}
  /// Does nothing.
  package mutating func didApply(_ report: ApplyReport, from before: Machine, to after: Machine) {}
}
