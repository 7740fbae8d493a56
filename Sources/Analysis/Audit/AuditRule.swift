// Why: a rule of audit as a value that explains itself: what must hold, who says so, and what it means where it
// does not. One file of `Rules/` each, with the judging beside the words. Not here: the pass (Audit).

package import PageOwnership

/// Something that must hold in every journal of some generations.
package struct AuditRule: Hashable, Sendable {
  /// How bad it is where it does not hold.
  package enum Severity: String, Hashable, Sendable, CaseIterable {
    /// A page may be reached by somebody who must not reach it, or the record cannot be true.
    case error
    /// Pages are lost to everybody, or a limit was not kept.
    case warning
    /// Worth knowing.
    case note
  }

  /// What kind of rule it is.
  package enum Group: String, Hashable, Sendable, CaseIterable {
    /// An invariant of the specification.
    case invariant
    /// How phases follow each other.
    case `protocol`
    /// What was given must come back.
    case balance
    /// What this build does not check.
    case skipped
    /// The record against itself and against the rules of its kernel.
    case agreement
  }

  /// Its name on the command line: the specification's number, or a word.
  package var id: String
  /// What kind of rule it is.
  package var group: Group
  /// How bad it is.
  package var severity: Severity
  /// The generations that it holds for; nil: all.
  package var generations: [Generation]?
  /// What must hold, in one line.
  package var title: String
  /// Why, in a paragraph.
  package var explanation: String
  /// Who says so.
  package var source: String
  /// What it means where it does not hold.
  package var meaning: String

  init(
    _ id: String, _ group: Group, _ severity: Severity = .error, generations: [Generation]? = nil, title: String,
    explanation: String, source: String, meaning: String
  ) {
    self.id = id
    self.group = group
    self.severity = severity
    self.generations = generations
    self.title = title
    self.explanation = explanation
    self.source = source
    self.meaning = meaning
  }

  /// Whether it holds for a generation.
  package func holds(for generation: Generation) -> Bool { generations?.contains(generation) ?? true }

  /// All rules, in the order in which they are listed.
  package static let all: [AuditRule] = [
    oneOwner, lentIsBorrowed, oneKindOfBorrower, borrowersCannotGive, sharesAreCounted, namedOwnerMeansNoPage,
    namedOwnerHasPage, hostGivesWay, pinnedIsShared, nothingPinnedIsTaken, onlyMemoryMoves, oneRegion,
    refusalChangesNothing, blocksAreDefault, scrubbedBeforeReturn, poisonStays, dyingGuestsGetNothing,
    handlesAreUnique, pagesComeBack, kindOfGuest, rangesDoNotWrap, hypPagesAreNotHosts, uncheckedApply,
    applyAfterFailure, changingCheck, wrongResult, positiveErrno, halfApplied, strayPhase, lostEnd,
    fatalOutcome,
    guestBalance, pinBalance, secureShareLeak, poisonWithoutReclaim, skippedCheck, conformance, divergence,
  ]

  /// The id of the rule that holds everything against the rules of the generation, which costs as much as all others.
  package static var conformanceID: String { conformance.id }

  /// The rule with an id; nil if there is none.
  package static func named(_ id: String) -> AuditRule? { all.first { $0.id.lowercased() == id.lowercased() } }
}

/// What the specification demands and no journal of ours can show: never counted as fine.
package struct Unjudgeable: Hashable, Sendable {
  /// The specification's number, or a word.
  package var id: String
  /// What is demanded.
  package var title: String
  /// Why it cannot be judged from a journal.
  package var reason: String

  /// All of them.
  package static let all = [
    Unjudgeable(
      id: "I14", title: "check and apply of one transition happen under one hold of all locks, in the fixed order",
      reason: "no entry records a lock"),
    Unjudgeable(
      id: "I16", title: "a zero descriptor with zero metadata means owned by the host",
      reason: "it is how tables are read here, so nothing is left to hold it against"),
    Unjudgeable(
      id: "I17", title: "what a protected guest's page held is zero, and cleaned to the point of coherency",
      reason: "contents and caches are not recorded; I17 judges only that the step was made"),
    Unjudgeable(
      id: "I20", title: "VMIDs are unique, and flushed before they are used again",
      reason: "no entry records a VMID; I20 judges the handles"),
    Unjudgeable(
      id: "I23", title: "a write of the hypervisor's half of a page's metadata holds the host's lock as well",
      reason: "no entry records a lock"),
    Unjudgeable(
      id: "I26", title: "the PSCI mem-protect counter is the number of pages private to guests",
      reason: "the counter exists in Android kernels alone, and is not recorded"),
    Unjudgeable(
      id: "tlb", title: "a translation that was taken away is flushed before the page is used",
      reason: "TLB maintenance is not recorded"),
  ]
}
