// Why: a page that serves a hundred guests in turn lives the same life a hundred times: the first and the last
// lives are told, those between are counted by the course that they took. A refusal is never folded away.

import PageOwnership

/// Consecutive items of one transition, or of one entry without one.
struct HistoryGroup {
  /// What happened.
  var cause: Cause
  /// What it changed, or attempted.
  var items: [HistoryItem]

  /// The guest that takes part; nil if none does.
  var guest: SpaceID? { cause.transition?.guestEnd?.space }

  /// Whether it must be told: not everything in it is a change.
  var isMemorable: Bool {
    items.contains { item in
      if case .change = item.content { return false }
      return true
    }
  }
}

/// Lives of a page that are counted, not told.
struct FoldedLives {
  /// How many guests took part, the first and the last.
  var guests: [SpaceID]
  /// Nanoseconds of the first and the last transition.
  var times: (first: Int64?, last: Int64?)
  /// How often each course was taken, the most frequent first.
  var courses: [(operations: [Operation], count: Int)]

  private static let courseLimit = 5

  /// The lines that stand for them.
  func lines(_ context: ShowContext) -> [String] {
    let span = [times.first, times.last].compactMap { $0.map { HexText.seconds($0, decimals: 4) } }
      .joined(separator: " s to ")
    let names = [guests.first, guests.last].compactMap { $0.map(context.name) }.joined(separator: " to ")
    var lines = ["     … \(guests.count) more guests in turn, \(span) s: \(names) (--full tells each)"]
    for (operations, count) in courses.prefix(Self.courseLimit) {
      lines.append("         \(count) × " + operations.map(\.rawValue).joined(separator: ", "))
    }
    let rest = courses.dropFirst(Self.courseLimit).reduce(0) { $0 + $1.count }
    return rest > 0 ? lines + ["         \(rest) of other courses"] : lines
  }
}

/// A biography in chapters.
struct HistoryChapters {
  /// What is told.
  private(set) var shown: [HistoryGroup] = []
  /// What is counted, by the entry of the group before which it stands.
  private(set) var folded: [SequenceNumber: FoldedLives] = [:]

  private static let toldAtEachEnd = 2
  private static let leastFolded = 4

  /// Folds unless everything is wanted.
  init(_ groups: [HistoryGroup], isWhole: Bool) {
    guard !isWhole else {
      shown = groups
      return
    }
    var run: [[HistoryGroup]] = []
    for life in Self.lives(groups) {
      if life.first?.guest != nil, !life.contains(where: \.isMemorable) {
        run.append(life)
      } else {
        tell(run)
        run.removeAll()
        shown += life
      }
    }
    tell(run)
  }

  // Consecutive groups of one guest.
  private static func lives(_ groups: [HistoryGroup]) -> [[HistoryGroup]] {
    var lives: [[HistoryGroup]] = []
    for group in groups {
      if let guest = group.guest, lives.last?.first?.guest == guest {
        lives[lives.count - 1].append(group)
      } else {
        lives.append([group])
      }
    }
    return lives
  }

  private mutating func tell(_ run: [[HistoryGroup]]) {
    let middle = run.dropFirst(Self.toldAtEachEnd).dropLast(Self.toldAtEachEnd)
    guard middle.count >= Self.leastFolded, let last = run.suffix(Self.toldAtEachEnd).first?.first else {
      shown += run.flatMap { $0 }
      return
    }
    shown += run.prefix(Self.toldAtEachEnd).flatMap { $0 }
    shown += run.suffix(Self.toldAtEachEnd).flatMap { $0 }
    folded[last.cause.seq] = Self.fold(Array(middle))
  }

  private static func fold(_ lives: [[HistoryGroup]]) -> FoldedLives {
    var counts: [[Operation]: Int] = [:]
    for life in lives { counts[life.compactMap { $0.cause.transition?.operation }, default: 0] += 1 }
    let courses = counts.map { (operations: $0.key, count: $0.value) }.sorted {
      ($1.count, $0.operations.map(\.rawValue).joined()) < ($0.count, $1.operations.map(\.rawValue).joined())
    }
    return FoldedLives(
      guests: lives.compactMap { $0.first?.guest },
      times: (lives.first?.first?.cause.time, lives.last?.last?.cause.time), courses: courses)
  }
}
