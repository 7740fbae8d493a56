// Why: pruning composes three steps, each of which leaves a journal if the process dies behind it: the state at the
// cut from a replay, one transaction that drops what is older, a smaller file. Not here: the transaction (Journal),
// what is told (PruneCommand).

import Analysis
import Journal
import PageOwnership
import PageTables

/// Prunes a journal.
struct PruneRun {
  let path: String
  let limit: PruneLimit
  var key: SealKeyFile?

  /// What was done.
  struct Result {
    /// What was dropped; of several rounds the whole.
    var plan: PrunePlan
    /// Nanoseconds of the last line at the anchor or before; nil if no line tells.
    var time: Int64?
  }

  /// Drops what the limit allows and shrinks the file. Throws a ``JournalError`` or a ``CommandFailure``.
  func perform() throws -> Result {
    var result = try round()
    guard case .bytes(let most) = limit else { return result }
    // How many bytes an entry takes is known only when it is gone.
    while result.plan.byteCountAfter > most, result.plan.cut != nil {
      let next = try round()
      guard next.plan.cut != nil else { break }
      result.add(next)
    }
    return result
  }

  /// Plans; what a journal is not fit for is the user's to mend.
  static func plan(_ reader: JournalReader, _ limit: PruneLimit) throws -> PrunePlan {
    do throws(JournalError) {
      return try reader.prunePlan(limit)
    } catch {
      guard error.code == .invalid else { throw error }
      throw CommandFailure(error.message, hint: error.hint, status: ExitStatus.usage)
    }
  }

  private func round() throws -> Result {
    let writer = try JournalWriter.open(at: path, key: key)
    var result: Result
    do {
      result = try drop(writer)
      try writer.shrink()
      try writer.close()
    } catch {
      try? writer.close()
      throw error
    }
    result.plan.byteCountAfter = FileSize.bytes(of: path) ?? result.plan.byteCountAfter
    return result
  }

  private func drop(_ writer: JournalWriter) throws -> Result {
    let reader = try JournalReader(at: path)
    let plan = try Self.plan(reader, limit)
    guard let cut = plan.cut else { return Result(plan: plan) }
    try writer.prune(try machine(reader, at: cut)) { Interrupt.isRequested }
    if plan.hasIndex { _ = try IndexBuild.run(writer, isFresh: true) }
    return Result(plan: plan, time: try reader.time(upTo: cut))
  }

  private func machine(_ reader: JournalReader, at cut: SequenceNumber) throws -> AnchorMachine {
    var states = try JournalStates(reader, unwritten: [])
    try states.run(through: cut) { _ in !Interrupt.isRequested }
    let image = states.follower.image
    guard states.follower.lastSeq == cut else {
      throw CommandFailure("stopped; nothing was dropped", status: ExitStatus.interrupted)
    }
    if let sealed = try reader.seal(at: cut)?.stateHash, sealed != image.ownership.hash {
      throw JournalError(
        .corrupt, "\(path): the entries up to \(cut.rawValue) do not give the state that was sealed there",
        hint: "`custody verify` lists what is damaged; work on a copy")
    }
    let dropped = try reader.snapshots().filter { $0.seq <= cut }
    let wasShown = try reader.anchor().map { $0.knowledge != .partial } ?? false
    let isShown = wasShown || dropped.contains { $0.origin == .observed }
    return AnchorMachine(
      seq: cut, leaves: image.ownership.allLeaves, ranges: image.anchorRanges(of: AnchorMachine.snapshot),
      knowledge: image.isWhollyKnown ? .whole : isShown ? .shown : .partial, guests: image.livingGuests,
      registers: try registers(dropped, reader))
  }

  // The last ones that tell how wide addresses are, else the last ones.
  private func registers(_ snapshots: [Snapshot], _ reader: JournalReader) throws -> String {
    var facts = try reader.facts()
    facts.addressBits = Facts().addressBits
    let newest = snapshots.sorted { $0.seq > $1.seq }
    let telling = newest.first { snapshot in
      var facts = facts
      facts.inferAddressBits(from: [snapshot])
      return facts.addressBits.value != nil
    }
    return (telling ?? newest.first)?.registers ?? ""
  }
}

extension PruneRun.Result {
  /// Takes a later round into the account.
  fileprivate mutating func add(_ next: PruneRun.Result) {
    plan.cut = next.plan.cut
    plan.wanted = next.plan.wanted
    plan.blocker = next.plan.blocker
    plan.transitions += next.plan.transitions
    plan.snapshots += next.plan.snapshots
    plan.names += next.plan.names
    plan.openCalls = next.plan.openCalls
    plan.byteCountAfter = next.plan.byteCountAfter
    time = next.time
  }
}
