// Why: bugs that really happened (spec §12) as pairs of journals: one made with the bug switched on, one with it
// switched off, by the same calls. The bad one must be found by exactly the rules that are named, the good one by
// none. Not here: bugs that no journal can show (`Audit.md` says why).

import PageOwnership
import TestSupport
import Testing
import TransitionRules

/// A bug with its property.
struct KnownBug: Sendable, CustomTestStringConvertible {
  /// Its number in the specification, and a word where there are several pairs.
  let name: String
  /// The rules that must find the bad journal, and no others.
  let rules: Set<String>
  /// The journal with the bug.
  let bad: @Sendable () -> DrivenJournal
  /// The journal without it.
  let good: @Sendable () -> DrivenJournal

  var testDescription: String { name }

  /// A bug of rules: the same calls by both.
  init(
    _ name: String, _ rules: Set<String>, bad: RuleBook, good: RuleBook, badDebug: Bool = false,
    goodDebug: Bool = false,
    start: @escaping @Sendable (inout Machine) -> Void = { _ in },
    _ calls: @escaping @Sendable (inout DrivenJournal) -> Void
  ) {
    self.name = name
    self.rules = rules
    self.bad = {
      var journal = DrivenJournal(bad, debug: badDebug, change: start)
      calls(&journal)
      return journal
    }
    self.good = {
      var journal = DrivenJournal(good, debug: goodDebug, change: start)
      calls(&journal)
      return journal
    }
  }

  /// A bug that no row of the rules can express: the rows of the journal are edited.
  init(
    _ name: String, _ rules: Set<String>, _ book: RuleBook, edit: @escaping @Sendable (inout EntryBatch) -> Void,
    _ calls: @escaping @Sendable (inout DrivenJournal) -> Void
  ) {
    self.name = name
    self.rules = rules
    good = {
      var journal = DrivenJournal(book)
      calls(&journal)
      return journal
    }
    bad = { [good] in
      var journal = good()
      journal.edit(edit)
      return journal
    }
  }

  static let all = devices + pins + refusals + guests + production
}

extension RuleBook {
  /// The rules of a generation with one line changed.
  static func of(
    _ generation: Generation, amending operation: PageOwnership.Operation,
    _ change: (inout OperationRules) -> Void
  ) -> RuleBook {
    var book = RuleBook.of(generation)
    book.amend(operation, change)
    return book
  }
}
