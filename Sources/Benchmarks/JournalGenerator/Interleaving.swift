// Why: two transitions on two CPUs, on pages of different blocks, run at the same time: their entries mix, each in its
// own order. Numbers that name entries follow them.

import PageOwnership
import TestSupport

/// Mixes the entries of two transitions.
enum Interleaving {
  /// Both as one batch; `left` has the entries from `first` on, `right` those behind.
  static func merge(
    _ left: EntryBatch, _ right: EntryBatch, from first: Int64, _ random: inout SeededRandom
  ) -> EntryBatch {
    var places = [Int64](repeating: 0, count: left.entries.count + right.entries.count)
    var order: [Entry] = []
    var (one, two) = (left.entries[...], right.entries[...])
    while let next = random.below(2) == 0 && !one.isEmpty || two.isEmpty ? one.popFirst() : two.popFirst() {
      places[Int(next.seq.rawValue - first)] = first + Int64(order.count)
      order.append(next)
    }
    func moved(_ seq: SequenceNumber) -> SequenceNumber { SequenceNumber(places[Int(seq.rawValue - first)]) }
    var batch = EntryBatch()
    batch.sites = left.sites + right.sites
    batch.entries = order.map { $0.moved(to: moved($0.seq)) }
    batch.changes = (left.changes + right.changes).map { change in
      var change = change
      change.seq = moved(change.seq)
      return change
    }.sorted { ($0.seq, $0.ordinal) < ($1.seq, $1.ordinal) }
    batch.activations = (left.activations + right.activations).map { activation in
      var activation = activation
      activation.firstSeq = moved(activation.firstSeq)
      return activation
    }.sorted { $0.firstSeq < $1.firstSeq }
    batch.transitions = (left.transitions + right.transitions).map { transition in
      var transition = transition
      transition.firstSeq = moved(transition.firstSeq)
      return transition
    }.sorted { $0.firstSeq < $1.firstSeq }
    batch.activationEnds = ends(left.activationEnds + right.activationEnds, moved)
    batch.transitionEnds = ends(left.transitionEnds + right.transitionEnds, moved)
    return batch
  }

  private static func ends(_ ends: [ActionEnd], _ moved: (SequenceNumber) -> SequenceNumber) -> [ActionEnd] {
    ends.map { end in
      var end = end
      end.lastSeq = moved(end.lastSeq)
      end.failedSeq = end.failedSeq.map(moved)
      return end
    }.sorted { $0.lastSeq < $1.lastSeq }
  }
}

extension Entry {
  fileprivate func moved(to seq: SequenceNumber) -> Entry {
    var entry = self
    entry.seq = seq
    entry.time = seq.rawValue &* 1_000_000
    return entry
  }
}
