// Why: how far one attempt has come along the phases that the rules have for it, and what was found on the way.
// Not here: what a phase must give (PhaseVerdict, ApplyJudge), counting (ConformanceJudge).

import PageOwnership
import PageTables
import TransitionRules

/// What must become of a transition.
enum ExpectedEnd: Hashable, Sendable {
  /// It returns this; nil: nothing.
  case result(Int64?)
  /// The hypervisor panics.
  case fatal
}

/// A check whose record the state right before it contradicts.
struct PendingCheck: Sendable {
  var phase: Int
  var recorded: Int64?
  var disagreement: Disagreement
}

/// An attempt on its way. A reference: every entry of it asks for it and changes it.
final class JudgedTransition {
  var subject: RuleSubject
  /// The phases that the rules have; nil if they do not have the operation.
  let plan: OperationPlan?
  /// The first check and apply that are still to come.
  var nextCheck = 0
  var nextApply = 0
  /// Of an operation that goes page by page: the page that it is at.
  var pageIndex: UInt64 = 0
  /// A loop of several steps that it is in.
  var loop: PreparedApply?
  /// What must become of it, once that is decided.
  var expected: ExpectedEnd?
  /// What the guest's page was found in, before anything was changed.
  var foundGuest: PageState?
  var lastApplyResult: Int64?
  var hasChanges = false
  /// What it returned, once it has; nil inside: nothing.
  var endResult: Int64??
  /// Another CPU was inside a transition meanwhile.
  var isOverlapped = false
  /// Lines are missing inside it.
  var isBroken = false
  var pending: [PendingCheck] = []
  /// The outcomes that checks still to come would have had at earlier moments.
  var past: [Int: Set<PhaseOutcome>] = [:]
  var disagreements: [Disagreement] = []
  var racy: [Disagreement] = []
  var blindness: Set<Blindness> = []

  init(_ transition: Transition, _ plan: OperationPlan?) {
    subject = RuleSubject(transition)
    self.plan = plan
  }

  var transition: Transition { subject.transition }

  /// Whether its phases can be held against rules.
  var isJudgeable: Bool { plan != nil && !isBroken }

  /// A disagreement about this transition.
  func disagreement(
    _ kind: Disagreement.Kind, _ entry: Entry, step: String?, at objection: Objection
  ) -> Disagreement {
    Disagreement(
      kind: kind, seq: entry.seq, transition: transition.id, operation: transition.operation, step: step,
      space: objection.space ?? entry.space, page: objection.page ?? entry.page, recorded: objection.recorded,
      rules: objection.rules)
  }

  func differ(
    _ kind: Disagreement.Kind, _ entry: Entry, step: String? = nil, recorded: String, rules: String
  ) {
    disagreements.append(
      disagreement(kind, entry, step: step, at: Objection(space: nil, page: nil, recorded: recorded, rules: rules)))
  }

  /// Whether a phase is there at all, by the state in which the guest's page was found.
  func isDue(_ phase: PlannedCheck, _ image: MachineImage) -> Bool? {
    guard let wanted = phase.onlyIfGuest else { return true }
    let state = guestState(image)
    return state == .unknown ? nil : state == wanted
  }

  /// The state of the guest's page as found; unknown if it has none.
  func guestState(_ image: MachineImage) -> PageState {
    if let foundGuest { return foundGuest }
    guard let place = transition.guestPage else { return .unknown }
    return image.ownership.holding(place.space, place.page).state
  }

  /// Takes over what a call saw.
  func note(_ observations: [Observation], _ encoding: TableEncoding) {
    for observation in observations {
      if let leaf = observation.guest { subject.seenGuestLeaf = leaf }
      guard transition.operation == .hypDonateHost || transition.operation == .hostUnshareHyp else { continue }
      guard let frame = observation.frame, !observation.isUnordered else { continue }
      let count = encoding.frame(frame).references
      for page in observation.pages.frames.prefix(Int(RuleSubject.pageLimit)) { subject.references[page] = count }
    }
  }
}

extension JudgedTransition {
  /// What came of it: differing before racy before unsupported.
  var verdict: WritableKeyPath<ConformanceCounts, Int64> {
    if !disagreements.isEmpty { return \.differing }
    if !racy.isEmpty { return \.racy }
    return blindness.isEmpty && !isBroken ? \.agreeing : \.unsupported
  }
}
