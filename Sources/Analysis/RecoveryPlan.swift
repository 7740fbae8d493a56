// Why: what recovery appends to a journal, decided before anything is written: entries with changes, an end for
// each open transition, and what cannot be settled and why. Not here: the two ways (+Back, +Forward), writing
// (CustodyCLI gives entries their numbers).

package import PageOwnership
package import PageTables

/// Which way recovery goes.
package enum RecoveryDirection: String, Hashable, Sendable {
  /// What the generation still asks for.
  case forward
  /// The recorded old values.
  case back
}

/// One entry that recovery appends.
package struct RecoveryStep: Hashable, Sendable {
  /// The transition it belongs to.
  package var transition: ActionID
  /// The words of the entry.
  package var site: Site
  /// Where it changes memory; nil for the entry that ends the transition.
  package var space: SpaceID?
  /// The first page there.
  package var page: PageFrame?
  /// How many pages.
  package var pageCount: UInt64?
  /// What it changes; the number of the entry is set when it is written.
  package var changes: [Change]
  /// Why, in words.
  package var note: String
  /// What becomes of the transition; only on its last entry.
  package var end: RecoveryEnd?
}

/// How recovery ends a transition.
package struct RecoveryEnd: Hashable, Sendable {
  /// What became of it.
  package var outcome: TransitionOutcome
  /// What the kernel had decided, where it had.
  package var result: Int64?
  /// The check that had failed.
  package var failedSeq: SequenceNumber?
}

/// Why a transition cannot be settled.
package struct RecoveryRefusal: Hashable, Sendable {
  /// The transition.
  package var transition: ActionID
  /// In words.
  package var reason: String
}

/// What recovery would do.
package struct RecoveryPlan: Sendable {
  /// The entries, in order.
  package private(set) var steps: [RecoveryStep] = []
  /// What cannot be settled.
  package private(set) var refusals: [RecoveryRefusal] = []
  /// The machine afterwards.
  package private(set) var image: MachineImage
  /// Where the pages concerned do not hold what must hold, afterwards.
  package private(set) var violations: [PageViolation] = []

  /// Plans for the open transitions, in order of their begin.
  ///
  /// - Parameter open: each with its entries; panics are left alone, for the hypervisor decided them.
  package init(
    _ direction: RecoveryDirection, _ open: [(progress: TransitionProgress, phases: [RecordedPhase])],
    by evidence: ProgressEvidence
  ) {
    image = evidence.replayed
    let candidates = open.filter { $0.progress.outcome == .open }
    var settled: [(progress: TransitionProgress, phases: [RecordedPhase])] = []
    for (progress, phases) in candidates {
      if let reason = Self.objection(to: progress) {
        refusals.append(RecoveryRefusal(transition: progress.transition.id, reason: reason))
      } else {
        settled.append((progress, phases))
      }
    }
    // What was done last is taken back first.
    for (progress, phases) in direction == .back ? settled.reversed() : settled {
      plan(direction, progress, phases, evidence)
    }
    let done = Set(steps.lazy.filter { $0.end != nil }.map(\.transition))
    for (progress, _) in open where done.contains(progress.transition.id) || progress.outcome == .fatal {
      violations += PageViolation.find(progress, image, evidence)
    }
  }

  private static func objection(to progress: TransitionProgress) -> String? {
    if progress.mayHaveEnded { return "lines are missing behind its begin, so it may have ended" }
    if progress.pagesLeftOut > 0 { return "it has more than \(TransitionProgress.pageLimit) pages" }
    if progress.pages.contains(where: \.isShownBySnapshotOnly) {
      return "the last snapshot shows more than the entries say"
    }
    return nil
  }

  private mutating func plan(
    _ direction: RecoveryDirection, _ progress: TransitionProgress, _ phases: [RecordedPhase],
    _ evidence: ProgressEvidence
  ) {
    do throws(RecoveryObstacle) {
      var image = image
      var planned: [RecoveryStep] = []
      if !progress.isUntouched {
        planned =
          switch direction {
          case .back: try BackRecovery(progress, phases, evidence).steps(&image)
          case .forward: try ForwardRecovery(progress, phases, evidence).steps(&image)
          }
      }
      planned.append(Self.end(direction, progress, phases))
      steps += planned
      self.image = image
    } catch {
      refusals.append(RecoveryRefusal(transition: progress.transition.id, reason: error.reason))
    }
  }

  // A transition that changed nothing is over without effect, whichever way; had a check failed, it was refused.
  private static func end(
    _ direction: RecoveryDirection, _ progress: TransitionProgress, _ phases: [RecordedPhase]
  ) -> RecoveryStep {
    var end = RecoveryEnd(outcome: direction == .forward ? .completed : .noEffect, result: nil, failedSeq: nil)
    var note = direction == .forward ? "recovery: every step is done" : "recovery: everything is as it was before"
    if progress.isUntouched {
      end.outcome = .noEffect
      note = "recovery: nothing had been changed"
      let failed = phases.last { $0.site.kind == .check && $0.entry.outcome == CheckOutcome.failed.rawValue }
      if let failed, let result = failed.entry.result, result < 0 {
        end = RecoveryEnd(outcome: .refused, result: result, failedSeq: failed.entry.seq)
        note = "recovery: a check had failed"
      }
    }
    var site = Site(.recovery)
    site.operation = progress.transition.operation
    return RecoveryStep(
      transition: progress.transition.id, site: site, space: nil, page: nil, pageCount: nil, changes: [], note: note,
      end: end)
  }
}

/// What keeps a transition from being settled.
struct RecoveryObstacle: Error {
  var reason: String
}

/// Collects the changes of one recovery entry, as runs, and performs them.
struct RecoveryChanges {
  private(set) var changes: [Change] = []
  /// The machine before the entry: old words are as they were before all of its changes.
  private let start: MachineImage

  init(on image: MachineImage) { start = image }

  /// Adds a change and performs it.
  mutating func add(_ change: Change, to image: inout MachineImage) {
    let change = foundAtStart(change)
    image.apply(change)
    if var last = changes.last, last.isContinued(by: change) {
      last.pages.count += change.pages.count
      changes[changes.count - 1] = last
    } else {
      changes.append(change)
    }
  }

  private func foundAtStart(_ change: Change) -> Change {
    var change = change
    guard change.table != .vmemmap else {
      change.old = start.frameWord(at: change.pages.first) ?? change.old
      return change
    }
    guard let leaf = start.leaf(change.table, change.space, at: change.pages.first) else { return change }
    change.old = leaf.raw
    if leaf.raw != 0 { change.oldLevel = leaf.level }
    return change
  }

  /// The step that has them; nil if there are none.
  func step(_ transition: ActionID, _ site: Site, note: String) -> RecoveryStep? {
    guard let first = changes.first else { return nil }
    let own = changes.filter { $0.table == first.table && $0.space == first.space }
    let end = own.map(\.pages.end).max() ?? first.pages.end
    let start = own.map(\.pages.first).min() ?? first.pages.first
    return RecoveryStep(
      transition: transition, site: site, space: first.space, page: start,
      pageCount: end.rawValue - start.rawValue, changes: changes, note: note, end: nil)
  }
}

extension Change {
  /// Whether `next` does to the following page what this does.
  fileprivate func isContinued(by next: Change) -> Bool {
    guard let old, let new, oldLevel == 3, newLevel == 3 else { return false }
    let isFrame = table == .vmemmap
    var expected = self
    expected.pages = PageRange(first: pages.end, count: 1)
    expected.old = isFrame ? old : Descriptor(old).advanced(byPages: pages.count).rawValue
    expected.new = isFrame ? new : Descriptor(new).advanced(byPages: pages.count).rawValue
    return expected == next
  }
}
