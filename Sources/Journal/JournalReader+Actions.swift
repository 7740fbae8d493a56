// Why: one transition or activation with its end. Operation, kernel function and CPU stand at the begin
// entry. Not here: lists for people (the views and `query`).

package import PageOwnership

extension JournalReader {
  /// A transition and its end; nil if there is none with that number, and no end if it is open.
  package func transition(_ id: ActionID) throws(JournalError) -> (Transition, ActionEnd?)? {
    try ActionLookup(self).transition(id)
  }

  /// An activation and its end; nil if there is none with that number, and no end if it never returned.
  package func activation(_ id: ActionID) throws(JournalError) -> (Activation, ActionEnd?)? {
    try ActionLookup(self).activation(id)
  }

  /// The first and last entry of a transition or activation; no last one while it is open.
  package func span(of id: ActionID) throws(JournalError) -> (first: SequenceNumber, last: SequenceNumber?)? {
    let row = try Cursor(
      connection,
      """
      SELECT first_seq, last_seq FROM transition_row t LEFT JOIN transition_end e ON e.id = t.id WHERE t.id = ?1
      UNION ALL
      SELECT first_seq, last_seq FROM activation_row a LEFT JOIN activation_end e ON e.id = a.id WHERE a.id = ?1
      """, of: "action")
    row.restart(id.rawValue)
    guard try row.step() else { return nil }
    return (SequenceNumber(row.number(0)), row.optionalNumber(1).map { SequenceNumber($0) })
  }

  /// The transitions without an end, in order: where the journal ends inside them.
  package func openTransitions() throws(JournalError) -> [ActionID] {
    let rows = try Cursor(
      connection, "SELECT id FROM transition_row t WHERE NOT EXISTS (SELECT 1 FROM transition_end WHERE id = t.id)")
    var open: [ActionID] = []
    while try rows.step() { open.append(ActionID(rows.number(0))) }
    return open
  }
}

/// Looks up many transitions and activations with statements that are prepared once.
package final class ActionLookup {
  private let transitions: Cursor
  private let activations: Cursor

  /// Prepares the statements. Throws ``JournalError`` `io`.
  package init(_ reader: JournalReader) throws(JournalError) {
    transitions = try Cursor(
      reader.connection,
      """
      SELECT t.id, t.activation, s.operation, t.source_space, t.source_address, t.target_space,
        t.target_address, t.page_count, b.cpu, t.first_seq, t.arguments,
        e.last_seq, e.outcome, e.result, e.failed_seq
      FROM transition_row t LEFT JOIN entry_row b ON b.seq = t.first_seq LEFT JOIN site s ON s.id = b.site
      LEFT JOIN transition_end e ON e.id = t.id WHERE t.id = ?1
      """, of: "transition")
    activations = try Cursor(
      reader.connection,
      """
      SELECT a.id, a.parent, a.kind, s.kernel_function, b.cpu, a.first_seq, a.x1, a.x2, a.x3, a.x4, a.x5, a.x6,
        a.arguments, e.last_seq, NULL, e.result, NULL
      FROM activation_row a LEFT JOIN entry_row b ON b.seq = a.first_seq LEFT JOIN site s ON s.id = b.site
      LEFT JOIN activation_end e ON e.id = a.id WHERE a.id = ?1
      """, of: "activation")
  }

  /// A transition and its end; nil if there is none with that number, and no end if it is open.
  package func transition(_ id: ActionID) throws(JournalError) -> (Transition, ActionEnd?)? {
    let row = transitions
    row.restart(id.rawValue)
    defer { row.reset() }
    guard try row.step() else { return nil }
    let transition = Transition(
      id: id, activation: row.optionalNumber(1).map { ActionID($0) },
      operation: try row.coded(2, Operation.init(rawValue:)), source: try endpoint(row, 3),
      target: try endpoint(row, 5), pageCount: row.word(7), cpu: try row.optionalExact(8, as: Int32.self),
      firstSeq: SequenceNumber(row.number(9)), arguments: row.text(10))
    return (transition, try end(row, id, 11))
  }

  /// An activation and its end; nil if there is none with that number, and no end if it never returned.
  package func activation(_ id: ActionID) throws(JournalError) -> (Activation, ActionEnd?)? {
    let row = activations
    row.restart(id.rawValue)
    defer { row.reset() }
    guard try row.step() else { return nil }
    let kind = row.number(2)
    guard ActivationKind.byCode.indices.contains(Int(kind)) else { throw row.damaged(2) }
    let activation = Activation(
      id: id, parent: row.optionalNumber(1).map { ActionID($0) }, kind: ActivationKind.byCode[Int(kind)],
      kernelFunction: row.text(3), cpu: try row.optionalExact(4, as: Int32.self),
      firstSeq: SequenceNumber(row.number(5)), registers: (6..<12).compactMap { row.optionalWord($0) },
      arguments: row.text(12))
    return (activation, try end(row, id, 13))
  }

  private func endpoint(_ row: Cursor, _ column: Int32) throws(JournalError) -> Endpoint {
    Endpoint(SpaceID(rawValue: try row.exact(column, as: Int32.self)), row.optionalWord(column + 1))
  }

  private func end(_ row: Cursor, _ id: ActionID, _ column: Int32) throws(JournalError) -> ActionEnd? {
    guard let lastSeq = row.optionalNumber(column) else { return nil }
    var outcome: TransitionOutcome?
    if let code = try row.optionalExact(column + 1, as: UInt8.self) {
      guard let known = TransitionOutcome(rawValue: code) else { throw row.damaged(column + 1) }
      outcome = known
    }
    return ActionEnd(
      id: id, lastSeq: SequenceNumber(lastSeq), outcome: outcome, result: row.optionalNumber(column + 2),
      failedSeq: row.optionalNumber(column + 3).map { SequenceNumber($0) })
  }
}

/// Looks up transitions and activations as they begin, for a pass over all entries: what the begin entry says is not
/// asked again.
package final class BeginLookup {
  private let transitions: Cursor
  private let activations: Cursor

  /// Prepares the statements. Throws ``JournalError`` `io`.
  package init(_ reader: JournalReader) throws(JournalError) {
    activations = try Cursor(
      reader.connection, "SELECT id, parent, kind, x1, x2, x3, x4, x5, x6, arguments FROM activation_row WHERE id = ?1",
      of: "activation")
    transitions = try Cursor(
      reader.connection,
      """
      SELECT id, activation, source_space, source_address, target_space, target_address, page_count, arguments
      FROM transition_row WHERE id = ?1
      """, of: "transition")
  }

  /// The transition that an entry begins; nil if there is none with its number.
  package func transition(_ entry: Entry, _ operation: Operation) throws(JournalError) -> Transition? {
    guard let id = entry.action else { return nil }
    let row = transitions
    row.restart(id.rawValue)
    defer { row.reset() }
    guard try row.step() else { return nil }
    return Transition(
      id: id, activation: row.optionalNumber(1).map { ActionID($0) }, operation: operation,
      source: Endpoint(SpaceID(rawValue: try row.exact(2, as: Int32.self)), row.optionalWord(3)),
      target: Endpoint(SpaceID(rawValue: try row.exact(4, as: Int32.self)), row.optionalWord(5)),
      pageCount: row.word(6), cpu: entry.cpu, firstSeq: entry.seq, arguments: row.text(7))
  }

  /// The activation that an entry begins; nil if there is none with its number.
  package func activation(_ entry: Entry, _ function: String?) throws(JournalError) -> Activation? {
    guard let id = entry.action else { return nil }
    let row = activations
    row.restart(id.rawValue)
    defer { row.reset() }
    guard try row.step() else { return nil }
    let kind = row.number(2)
    guard ActivationKind.byCode.indices.contains(Int(clamping: kind)) else { throw row.damaged(2) }
    return Activation(
      id: id, parent: row.optionalNumber(1).map { ActionID($0) }, kind: ActivationKind.byCode[Int(kind)],
      kernelFunction: function ?? "", cpu: entry.cpu, firstSeq: entry.seq,
      registers: (3..<9).compactMap { row.optionalWord($0) }, arguments: row.text(9))
  }
}
