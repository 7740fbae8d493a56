// Why: a transition that a journal ends inside has pages that nobody's rules describe; these are the words for
// them, as values. Not here: how they are found (TransitionProgress+Judging).

package import PageOwnership
package import TransitionRules

/// How far a transition came with one page.
package enum PageCondition: String, Hashable, Sendable, CaseIterable {
  /// Nothing was changed.
  case untouched
  /// The source gave the page up and the target does not have it yet: nobody's.
  case disowned = "disowned and not yet owned"
  /// Source and target both say that they own it.
  case atBoth = "at both"
  /// The lender says that it lent it, the borrower does not have it.
  case lent = "lent and not yet borrowed"
  /// The borrower has it, the lender does not say so yet.
  case borrowed = "borrowed and not yet lent"
  /// The lender has it back, the borrower still has it.
  case unlent = "no longer lent and still borrowed"
  /// The borrower let go, the lender still says that it lent it.
  case unborrowed = "no longer borrowed and still lent"
  /// A break-before-make: the old descriptor is gone, the new one is not there.
  case locked = "locked (break-before-make)"
  /// Every step was done.
  case complete
  /// Something was changed, in another way than the above.
  case partly = "half done"
  /// Something that matters was not seen.
  case unknown = "not known"
}

/// How far one step came with one page.
package enum StepProgress: String, Hashable, Sendable {
  /// All that it writes stands there, or it writes nothing here.
  case done
  /// Some of it stands there.
  case partly
  /// Nothing of it stands there.
  case pending
  /// Something that it writes was not seen.
  case unknown
}

/// How far a transition came with a run of pages that all stand alike.
package struct PageProgress: Hashable, Sendable {
  /// The first physical page; nil if no table tells it.
  package var page: PageFrame?
  /// The first page in the guest's space; nil if no guest takes part.
  package var guestPage: GuestPage?
  /// How many pages.
  package var pageCount: UInt64
  /// How far it came.
  package var condition: PageCondition
  /// What all tables say; the gfn of an annotation is that of the first page.
  package var standing: PageStanding
  /// How far each step of the operation came, in their order.
  package var steps: [StepProgress]
  /// Whether the last snapshot shows something else than the entries say, and is what the rest is told by.
  package var isShownBySnapshotOnly: Bool
}

/// What is known of the apply that a journal ends after or inside.
package enum ApplyDoubt: Hashable, Sendable {
  /// The last phase is no apply.
  case none
  /// It stands in the journal before it is performed, and nothing later says that it was.
  case lastApply
  /// A snapshot behind it shows it done.
  case shownDone(SequenceNumber)
  /// The recording ends inside it, after some of its stores.
  case torn
}

/// An entry of a transition with what memory did under it.
package struct RecordedPhase: Hashable, Sendable {
  /// The entry.
  package var entry: Entry
  /// Its words.
  package var site: Site
  /// What memory did.
  package var changes: [Change]

  /// Makes a phase.
  package init(entry: Entry, site: Site, changes: [Change]) {
    self.entry = entry
    self.site = site
    self.changes = changes
  }
}

/// How far a transition came that has no end, or whose end was a panic.
package struct TransitionProgress: Hashable, Sendable {
  /// The transition.
  package var transition: Transition
  /// Open or fatal.
  package var outcome: TransitionOutcome
  /// Whether lines are missing behind its begin, so that its end may be among them.
  package var mayHaveEnded: Bool
  /// Its last check, apply, torn apply or recovery; nil if there is none.
  package var lastPhase: RecordedPhase?
  /// Which check or apply ``lastPhase`` is, from 1; nil for other entries.
  package var lastPhaseNumber: Int?
  /// What is known of the last apply.
  package var doubt: ApplyDoubt
  /// What its generation does, in order; empty if it has no such operation.
  package var steps: [ApplyRule]
  /// Its pages, in runs.
  package var pages: [PageProgress]
  /// Pages that were not looked at, since the range is longer than ``pageLimit``.
  package var pagesLeftOut: UInt64

  /// More pages of one transition are not looked at.
  package static let pageLimit: UInt64 = 1 << 16

  /// Whether memory is as it was before the transition.
  package var isUntouched: Bool { pages.allSatisfy { $0.condition == .untouched } && pagesLeftOut == 0 }

  /// The first step that is not done for every page; nil if all are.
  package var firstStepLeft: ApplyRule? {
    steps.indices.first { index in pages.contains { $0.steps.indices.contains(index) && $0.steps[index] != .done } }
      .map { steps[$0] }
  }
}
