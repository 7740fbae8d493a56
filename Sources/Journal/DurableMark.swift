// Why: whoever sends entries to a writer on another thread must be able to wait until they are safe. The
// mark only rises, and a writer that fails or ends lets nobody wait for ever.

package import PageOwnership
import Synchronization

/// The last entry that survives a power cut.
package final class DurableMark: Sendable {
  private struct Waiter {
    var seq: SequenceNumber
    var continuation: CheckedContinuation<JournalError?, Never>
  }

  private struct State {
    var seq: SequenceNumber
    var waiters: [Waiter] = []
    var end: JournalError?
  }

  private let state: Mutex<State>

  init(_ seq: SequenceNumber) { state = Mutex(State(seq: seq)) }

  /// The last entry that survives a power cut.
  package var seq: SequenceNumber { state.withLock { $0.seq } }

  /// Returns once `seq` is durable.
  ///
  /// - Throws: the failure that stopped the writer; `invalid` if it ended before that entry.
  package func wait(for seq: SequenceNumber) async throws(JournalError) {
    let failure = await withCheckedContinuation { (continuation: CheckedContinuation<JournalError?, Never>) in
      let answer: JournalError?? = state.withLock { state in
        if seq <= state.seq { return .some(nil) }
        if let end = state.end { return end }
        state.waiters.append(Waiter(seq: seq, continuation: continuation))
        return .none
      }
      if let answer { continuation.resume(returning: answer) }
    }
    if let failure { throw failure }
  }

  /// Raises the mark.
  func advance(to seq: SequenceNumber) {
    let ready = state.withLock { state in
      state.seq = max(state.seq, seq)
      let ready = state.waiters.filter { $0.seq <= state.seq }
      state.waiters.removeAll { $0.seq <= state.seq }
      return ready
    }
    for waiter in ready { waiter.continuation.resume(returning: nil) }
  }

  /// Nothing more will become durable.
  func end(_ error: JournalError = JournalError(.invalid, "the writer ended before that entry")) {
    let left = state.withLock { state in
      if state.end == nil { state.end = error }
      defer { state.waiters.removeAll() }
      return state.waiters
    }
    for waiter in left { waiter.continuation.resume(returning: error) }
  }
}
