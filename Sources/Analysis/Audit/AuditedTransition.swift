// Why: what the pass remembers of a transition between its begin and its end. Not here: judging.

import PageOwnership

/// Pages that changed and are not judged yet, with the entry that changed them last.
struct DirtyPages: Sendable {
  var pages: PageRange
  var seq: SequenceNumber
}

/// A check that failed and that must end the transition.
struct FailedCheck: Sendable {
  var seq: SequenceNumber
  var step: String?
  var result: Int64?
}

/// A word of memory with what it was, to see whether what was done is undone.
struct ChangedWord: Sendable {
  var table: TableKind
  var space: SpaceID
  var pages: PageRange
  var old: UInt64?
}

/// A transition on its way. A reference: every entry of it asks for it and changes it.
final class AuditedTransition {
  let id: ActionID
  let operation: Operation?
  let cpu: Int32?
  let firstSeq: SequenceNumber
  let transition: Transition?
  /// Its physical pages, as declared at its begin.
  var declared: PageRange?
  var dirty: [DirtyPages] = []
  var hasPassedCheck = false
  var failure: FailedCheck?
  /// Which applies of the plan were made so far, a bit each.
  var made: UInt64 = 0
  /// Whether something that moves pages was applied.
  var hasMoved = false
  var hasScrubbed = false
  /// The state of the guest's page before the first apply.
  var guestState: PageState?
  /// Words that differ from what they were.
  private(set) var changed: [ChangedWord] = []
  /// More words than are followed were changed.
  var hasManyChanges = false
  /// Physical pages behind addresses of guests that were poisoned.
  var poisoned: [PageFrame] = []
  /// Another CPU was inside a transition meanwhile.
  var isOverlapped = false
  /// Lines are missing inside it.
  var isBroken = false
  /// Rules that were told about it already, each once a transition.
  var told: Set<String> = []

  init(_ entry: Entry, _ site: Site, _ transition: Transition?) {
    id = entry.action ?? ActionID(0)
    operation = site.operation
    cpu = entry.cpu
    firstSeq = entry.seq
    self.transition = transition
    declared = transition?.frames
  }

  /// Adds pages that an entry changed.
  func touch(_ pages: PageRange, _ seq: SequenceNumber) {
    guard pages.count > 0 else { return }
    if let place = dirty.lastIndex(where: { $0.pages == pages }) {
      dirty[place].seq = seq
    } else {
      dirty.append(DirtyPages(pages: pages, seq: seq))
    }
  }

  /// Whether pages are, or may be, in its hands.
  func covers(_ pages: PageRange) -> Bool {
    declared.map { $0.overlaps(pages) } ?? false || dirty.contains { $0.pages.overlaps(pages) }
  }

  /// Takes note of what a change did to a word.
  func note(_ change: Change) {
    guard change.new == nil || change.new != change.old, !change.isAccessFlagAlone else { return }
    let place = changed.firstIndex {
      $0.pages == change.pages && $0.table == change.table && $0.space == change.space
    }
    if let place {
      if change.new != nil, changed[place].old == change.new { changed.remove(at: place) }
    } else if changed.count < Self.wordLimit {
      changed.append(ChangedWord(table: change.table, space: change.space, pages: change.pages, old: change.old))
    } else {
      hasManyChanges = true
    }
  }

  private static let wordLimit = 64

  /// Whether memory is not what it was before it.
  var hasChanged: Bool { hasManyChanges || !changed.isEmpty }
}

extension PageRange {
  /// Whether a frame lies in both.
  func overlaps(_ other: PageRange) -> Bool { first < other.end && other.first < end }
}

extension Change {
  /// Hardware sets and clears it by itself.
  fileprivate var isAccessFlagAlone: Bool {
    guard table != .vmemmap, let old, let new, oldLevel == newLevel else { return false }
    return (old ^ new) & ~(1 << 10) == 0
  }
}
