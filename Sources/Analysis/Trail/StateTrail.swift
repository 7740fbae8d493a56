// Why: a debugger goes backward as often as forward, and a journal only tells what came next. States are kept on the
// way, close together behind the present one and ever further apart, so that a step back replays few entries and the
// memory is bounded. Sans-I/O: it says from where on entries are wanted, the caller fetches. Not here: what a
// state is (StateFollower).

package import PageOwnership
package import PageTables

/// A state with who is inside a transition.
package struct TrailState: Sendable {
  /// A transition that has begun and not ended.
  package struct Inside: Hashable, Sendable {
    /// The transition.
    package var id: ActionID
    /// Its CPU; nil if no line says.
    package var cpu: Int32?
    /// The entry that begins it.
    package var firstSeq: SequenceNumber
  }

  /// The machine.
  package private(set) var follower: StateFollower
  /// The transitions that have begun and not ended, in order.
  package private(set) var inside: [Inside] = []

  /// The entry after which it holds; 0 before the first.
  package var seq: SequenceNumber { follower.lastSeq }

  init(_ follower: StateFollower) { self.follower = follower }

  mutating func take(_ entry: Entry, _ site: Site, changes: [Change], observations: [Observation]) {
    follower.take(entry.seq, site, changes: changes, observations: observations)
    guard let id = entry.action, site.operation != nil || site.kind == .recovery else { return }
    switch site.kind {
    case .begin:
      // A CPU is inside one transition: the end of an earlier one was lost.
      inside.removeAll { $0.cpu != nil && $0.cpu == entry.cpu }
      inside.append(Inside(id: id, cpu: entry.cpu, firstSeq: entry.seq))
    case .end: inside.removeAll { $0.id == id }
    case .recovery where entry.outcome != nil: inside.removeAll { $0.id == id }
    default: break
    }
  }

  mutating func take(_ content: SnapshotImage) { follower.take(content) }
}

/// The states of a journal, within reach in both directions.
package struct StateTrail: Sendable {
  /// The present state.
  package private(set) var now: TrailState
  /// How many entries were taken, for whoever wonders what going back costs.
  package private(set) var takenCount = 0

  private var kept: [TrailState]
  /// Where states are to be kept on the way; the next one last.
  private var due: [SequenceNumber] = []
  private let limit: Int

  /// Begins before the first entry, keeping at most `limit` states besides.
  package init(_ start: StateFollower, limit: Int = 48) {
    now = TrailState(start)
    kept = [now]
    self.limit = max(2, limit)
  }

  /// The nearest states are this many entries behind the present one.
  package static let stride: Int64 = 64

  /// Turns to a goal: goes to the nearest state that was kept before it, if that is nearer.
  ///
  /// - Parameter isLeaping: false where every entry between here and a goal ahead is to be seen.
  /// - Returns: the first entry that ``take(_:_:changes:observations:)`` wants; up to the goal there may be none.
  package mutating func aim(at goal: SequenceNumber, isLeaping: Bool = true) -> SequenceNumber {
    let start = nearest(goal)
    if now.seq > goal || isLeaping && now.seq < start.seq { now = start }
    planStops(upTo: goal)
    return SequenceNumber(now.seq.rawValue + 1)
  }

  /// The last state known at or before an entry: where going there would begin.
  package func start(before goal: SequenceNumber) -> SequenceNumber { nearest(goal).seq }

  /// Takes the next entry with its changes and observations.
  package mutating func take(_ entry: Entry, _ site: Site, changes: [Change], observations: [Observation]) {
    // Only now the content of a snapshot at the entry before has come.
    if due.last == now.seq { keep() }
    now.take(entry, site, changes: changes, observations: observations)
    takenCount += 1
  }

  /// Takes the content of the snapshot whose entry came last.
  package mutating func take(_ content: SnapshotImage) { now.take(content) }

  private func nearest(_ goal: SequenceNumber) -> TrailState { kept.last { $0.seq <= goal } ?? kept[0] }

  // At distances that double, counted back from the goal.
  private mutating func planStops(upTo goal: SequenceNumber) {
    due = []
    var distance = Self.stride
    while goal.rawValue - distance > now.seq.rawValue {
      due.append(SequenceNumber(goal.rawValue - distance))
      let (next, isTooFar) = distance.multipliedReportingOverflow(by: 2)
      if isTooFar { break }
      distance = next
    }
  }

  private mutating func keep() {
    due.removeLast()
    let place = kept.firstIndex { $0.seq >= now.seq } ?? kept.count
    if place < kept.count, kept[place].seq == now.seq { return }
    kept.insert(now, at: place)
    if kept.count > limit + 1 { dropOne() }
  }

  // The state whose loss costs least: what going there would replay more, weighed by how far away it is. The first
  // one stays.
  private mutating func dropOne() {
    var best: (place: Int, cost: Double)?
    for place in 1..<kept.count {
      let seq = kept[place].seq.rawValue
      let next = place + 1 < kept.count ? kept[place + 1].seq.rawValue : seq + Self.stride
      let cost = Double(next - kept[place - 1].seq.rawValue) / Double(abs(now.seq.rawValue - seq) + Self.stride)
      if best.map({ cost < $0.cost }) ?? true { best = (place, cost) }
    }
    if let best { kept.remove(at: best.place) }
  }
}
