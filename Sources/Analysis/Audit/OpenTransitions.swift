// Why: a machine is inside a handful of transitions at a time, and every entry asks for one: a list that is searched
// is faster than hashing. Bounded, because a damaged journal may begin any number and end none.

import PageOwnership

/// The transitions under way, by number.
struct OpenTransitions {
  private(set) var all: [AuditedTransition] = []

  /// More CPUs than this no arm64 kernel is built for.
  static let limit = 512

  var isEmpty: Bool { all.isEmpty }

  /// Takes a transition out.
  mutating func take(_ id: ActionID) -> AuditedTransition? {
    guard let place = all.lastIndex(where: { $0.id == id }) else { return nil }
    if place == all.count - 1 { return all.removeLast() }
    return all.remove(at: place)
  }

  /// Puts one in that is not there.
  mutating func put(_ subject: AuditedTransition) { all.append(subject) }

  /// Gives pages to one.
  func touch(_ id: ActionID, _ pages: PageRange, _ seq: SequenceNumber) {
    all.first { $0.id == id }?.touch(pages, seq)
  }
}
