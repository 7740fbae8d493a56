// Why: CPUs interleave, and recorders read memory a moment before the entry that explains it, or see another
// CPU's change a second time. What is explained by an overlapping transition is racy, not different; what a
// transition left half done, where it never ended, is in doubt.

import PageOwnership
import PageTables

/// A transition that has begun and not ended.
struct OpenTransition: Sendable {
  var cpu: Int32?
  /// Its physical pages; nil where they are not known.
  var pages: PageRange?
  /// Whether another CPU was inside a transition meanwhile.
  var isOverlapped: Bool
  /// The entry that begins it.
  var firstSeq: SequenceNumber

  /// Whether it may have touched the pages of a difference.
  func covers(_ difference: ReplayDifference) -> Bool {
    guard let pages, !difference.space.isGuest else { return true }
    return pages.first < difference.pages.end && difference.pages.first < pages.end
  }
}

/// A word that was seen and that no entry so far explains; entries of the transitions it waits for may.
struct PendingWord: Sendable {
  var difference: ReplayDifference
  var seen: LeafWord
  var waitsFor: Set<ActionID>
  /// Whether one of them changed this word since.
  var wasTouched = false
}

/// The changes made last while several CPUs were inside transitions.
struct RecentChanges: Sendable {
  private var changes: [(action: ActionID?, change: Change)] = []
  private var next = 0
  /// A change is seen a second time at once, or not at all.
  private static let limit = 512

  mutating func note(_ change: Change, by action: ActionID?) {
    if changes.count < Self.limit {
      changes.append((action, change))
    } else {
      changes[next] = (action, change)
    }
    next = (next + 1) % Self.limit
  }

  /// Whether another transition reported what this change did, or the first half of it, since `begin`.
  func explains(_ change: Change, at page: PageFrame, by action: ActionID?, since begin: SequenceNumber) -> Bool {
    changes.contains {
      $0.action != action && $0.change.seq > begin && $0.change.table == change.table && $0.change.space == change.space
        && $0.change.pages.contains(page) && $0.change.old == change.old && $0.change.oldLevel == change.oldLevel
    }
  }
}

extension Replay {
  /// Keeps a word that does not agree until the transitions that may explain it have ended.
  mutating func postpone(_ difference: ReplayDifference, _ seen: LeafWord, _ transitions: Set<ActionID>) {
    guard !transitions.isEmpty else { return note(difference) }
    pending.append(PendingWord(difference: difference, seen: seen, waitsFor: transitions))
  }

  /// Lets go of words that an entry's changes explain.
  mutating func resolvePending(_ changes: [Change], by action: ActionID?) {
    guard !pending.isEmpty else { return }
    for index in pending.indices where action.map(pending[index].waitsFor.contains) ?? false {
      let difference = pending[index].difference
      if changes.contains(where: { $0.touches(difference) }) { pending[index].wasTouched = true }
    }
    pending.removeAll { word in
      let difference = word.difference
      switch image.compare(difference.table, difference.space, at: difference.pages.first, seen: word.seen) {
      case .equal, .accessFlagOnly:
        report.racy += 1
        return true
      case .different, .unknown: return false
      }
    }
  }

  /// A transition ended: words that waited for it alone stay unexplained.
  mutating func expirePending(after action: ActionID) {
    guard !pending.isEmpty else { return }
    var left: [PendingWord] = []
    for var word in pending {
      word.waitsFor.remove(action)
      if !word.waitsFor.isEmpty {
        left.append(word)
      } else if word.wasTouched, isPassing(word) {
        report.racy += 1
      } else {
        note(word.difference)
      }
    }
    pending = left
  }

  // A word on its way from one value to the next: a break before make, or one of two fields written.
  private func isPassing(_ word: PendingWord) -> Bool {
    if word.difference.table == .vmemmap || word.seen.raw == 0 { return true }
    return word.difference.table != .hypStage1 && image.encoding.annotation(word.seen.raw) == .locked
  }

  /// Counts a difference, unless a panic left those pages half done.
  mutating func note(_ difference: ReplayDifference) {
    if panicked.contains(where: { $0.pages != nil && !difference.space.isGuest && $0.covers(difference) }) {
      report.inDoubt += 1
      return
    }
    switch difference.kind {
    case .snapshot: report.pagesDiffering += difference.pages.count
    case .state: report.statesDiffering += 1
    case .old:
      report.changesDiffering += 1
      report.pagesDiffering += 1
    }
    guard report.differences.count < ReplayReport.differenceLimit else { return }
    report.differences.append(difference)
  }

  /// Ends the replay: what is still unexplained is a difference, or in doubt where the journal ends inside
  /// a transition on the same pages.
  package mutating func finish() {
    report.differences.sort { $0.seq < $1.seq }
    for word in pending {
      let isOpen = word.waitsFor.contains { openTransitions[$0]?.covers(word.difference) ?? false }
      if isOpen { report.inDoubt += 1 } else { note(word.difference) }
    }
    pending.removeAll()
    report.differences.sort { $0.seq < $1.seq }
  }
}

extension Change {
  /// Whether it changed the word that differs.
  fileprivate func touches(_ difference: ReplayDifference) -> Bool {
    table == difference.table && space == difference.space && pages.first < difference.pages.end
      && difference.pages.first < pages.end
  }
}
