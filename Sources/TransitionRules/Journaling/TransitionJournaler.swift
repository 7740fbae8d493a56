// Why: makes the entries that a recorder of this operation would have written, in the order in which things
// happen: a check when it was made, an apply with old and new words. One batch an entry, so that whoever
// writes them may make each durable by itself. Not here: storing (Journal), performing (Engine).

package import PageOwnership
import PageTables

/// An operation that was performed, with its entries.
package struct JournaledTransition: Sendable {
  /// Its number in the journal.
  package var id: ActionID
  /// What came of it.
  package var result: OperationResult
  /// What a recorder would say came of it: a function that gives nothing back is judged by what it did.
  package var outcome: TransitionOutcome
  /// Its entries in order, one a batch.
  package var batches: [EntryBatch]
}

/// Performs operations on a machine and gives their entries.
package struct TransitionJournaler {
  /// Performs by the rules.
  package let engine: Engine
  /// The last entry that was made.
  package private(set) var lastSeq: SequenceNumber
  /// The last number that an activation or transition got.
  package private(set) var lastAction: ActionID
  private var sites: [Site: SiteID] = [:]

  /// Begins behind an entry and an action; `sites` are those that the journal has.
  package init(
    _ engine: Engine, lastSeq: SequenceNumber = SequenceNumber(0), lastAction: ActionID = ActionID(0),
    sites: [(SiteID, Site)] = []
  ) {
    self.engine = engine
    self.lastSeq = lastSeq
    self.lastAction = lastAction
    for (id, site) in sites { self.sites[site] = id }
  }

  /// All tables of a machine as an observed snapshot.
  package mutating func snapshot(of machine: Machine, number: Int64, why: String) -> EntryBatch {
    var batch = EntryBatch()
    var entry = makeEntry(Site(.snapshot), nil, &batch)
    entry.note = why
    batch.entries.append(entry)
    let living = machine.guests.filter(\.hasTable).map(\.space)
    batch.snapshots.append(
      Snapshot(id: number, seq: entry.seq, origin: .observed, why: why, registers: "", busyCPUs: [], guests: living))
    batch.snapshotRanges =
      MachineSnapshot(of: machine, shape: engine.shape, encoding: engine.rules.encoding, number: number).ranges
    return batch
  }

  /// Performs a call. `arguments` are the raw ones by name, for the journal.
  ///
  /// What is fatal at EL2 ends it there: the entries end with the phase that was, and the machine is as the code would
  /// leave it behind.
  package mutating func perform(
    _ call: OperationCall, arguments: [(name: String, value: UInt64)], on machine: inout Machine
  ) -> JournaledTransition {
    let ends = TransitionEnds(call, machine, engine)
    var phases = PhaseJournal(engine, ends, call.operation)
    var batches: [EntryBatch] = []
    let activation = begin(call, ends, arguments, &batches)
    let id = lastAction
    var result = engine.perform(call, on: &machine, observer: &phases)
    // The handler of the host's abort cannot go on when the page is somebody else's.
    let isForeign = call.operation == .hostFault && result.value == Errno.notPermitted
    if isForeign, engine.rules.traits.foreignFaultIsFatal { result.fatal = .bug }
    var failed: SequenceNumber?
    for phase in phases.phases {
      var batch = EntryBatch()
      var entry = makeEntry(phase.site, id, &batch)
      phase.fill(&entry)
      if phase.isFailure { failed = entry.seq }
      batch.entries.append(entry)
      batch.changes = Self.numbered(phase.changes, entry.seq)
      batches.append(batch)
    }
    let outcome = Self.outcome(call, result, phases.phases)
    end(call, id, activation, result, outcome, failed, &batches)
    return JournaledTransition(id: id, result: result, outcome: outcome, batches: batches)
  }

  /// Does something to a machine that is no transition, under a name and for a space; guests whose tables went
  /// with it are dead.
  package mutating func change(
    _ function: String, space: SpaceID? = nil, on machine: inout Machine, _ body: (inout Machine) -> Void
  ) -> EntryBatch {
    let before = machine
    body(&machine)
    var batch = EntryBatch()
    var site = Site(.op)
    site.kernelFunction = function
    site.kernelStep = function
    var entry = makeEntry(site, nil, &batch)
    entry.space = space
    batch.entries.append(entry)
    var differ = MachineChanges(engine.shape, engine.rules.encoding)
    batch.changes = Self.numbered(differ.collect(from: before, to: machine), entry.seq)
    for (old, new) in zip(before.guests, machine.guests) where old.hasTable && !new.hasTable {
      batch.spaceEnds.append((new.space, entry.seq))
    }
    return batch
  }

  private static func outcome(
    _ call: OperationCall, _ result: OperationResult, _ phases: [JournaledPhase]
  ) -> TransitionOutcome {
    guard call.operation.hasNoResult, result.fatal == nil else { return result.outcome }
    return phases.contains { !$0.changes.isEmpty } ? .completed : .noEffect
  }

  private static func numbered(_ changes: [Change], _ seq: SequenceNumber) -> [Change] {
    changes.map { change in
      var change = change
      change.seq = seq
      return change
    }
  }

  // MARK: - begin and end

  // Gives the hypercall around the transition, where it is one.
  private mutating func begin(
    _ call: OperationCall, _ ends: TransitionEnds, _ arguments: [(name: String, value: UInt64)],
    _ batches: inout [EntryBatch]
  ) -> ActionID? {
    let kind = call.operation.activationKind
    let registers = arguments.filter { $0.name != "vm" }.prefix(6).map(\.value)
    let function = call.operation.kernelFunctions[0]
    var hypercall: ActionID?
    if kind == .hypercall {
      let id = nextAction()
      var batch = EntryBatch()
      var site = Site(.activation)
      site.kernelFunction = function
      let entry = makeEntry(site, id, &batch)
      batch.entries.append(entry)
      batch.activations.append(activation(id, kind, function, entry.seq, registers))
      batches.append(batch)
      hypercall = id
    }
    let id = nextAction()
    var batch = EntryBatch()
    var site = Site(.begin)
    site.operation = call.operation
    site.kernelFunction = function
    var entry = makeEntry(site, id, &batch)
    entry.space = ends.source.space
    entry.page = ends.source.space.isGuest ? ends.guestPage : ends.page
    entry.pageCount = ends.pageCount
    batch.entries.append(entry)
    if let kind, kind != .hypercall { batch.activations.append(activation(id, kind, function, entry.seq, registers)) }
    batch.transitions.append(
      Transition(
        id: id, activation: hypercall ?? (kind == nil ? nil : id), operation: call.operation, source: ends.source,
        target: ends.target, page: ends.page, pageCount: ends.pageCount, cpu: 0, firstSeq: entry.seq,
        arguments: arguments.map { "\($0.name)=0x" + String($0.value, radix: 16) }.joined(separator: " ")))
    batches.append(batch)
    return hypercall
  }

  private func activation(
    _ id: ActionID, _ kind: ActivationKind?, _ function: String, _ seq: SequenceNumber, _ registers: [UInt64]
  ) -> Activation {
    Activation(
      id: id, parent: nil, kind: kind ?? .function, kernelFunction: function, cpu: 0, firstSeq: seq,
      registers: registers, arguments: "")
  }

  private mutating func end(
    _ call: OperationCall, _ id: ActionID, _ hypercall: ActionID?, _ result: OperationResult,
    _ outcome: TransitionOutcome, _ failed: SequenceNumber?, _ batches: inout [EntryBatch]
  ) {
    var batch = EntryBatch()
    var site = Site(.end)
    site.operation = call.operation
    site.kernelFunction = call.operation.kernelFunctions[0]
    var entry = makeEntry(site, id, &batch)
    entry.outcome = outcome.rawValue
    entry.result = outcome == .fatal || call.operation.hasNoResult ? nil : result.value
    entry.note = result.fatal.map { "the hypervisor panics: \($0.words)" }
    batch.entries.append(entry)
    batch.transitionEnds.append(
      ActionEnd(
        id: id, lastSeq: entry.seq, outcome: outcome, result: entry.result,
        failedSeq: outcome == .refused ? failed : nil))
    let isOwnActivation = hypercall == nil && call.operation.activationKind != nil
    if isOwnActivation, outcome != .fatal {
      batch.activationEnds.append(
        ActionEnd(id: id, lastSeq: entry.seq, outcome: nil, result: entry.result, failedSeq: nil))
    }
    batches.append(batch)
    guard let hypercall, outcome != .fatal else { return }
    endHypercall(hypercall, call, entry.result, &batches)
  }

  private mutating func endHypercall(
    _ id: ActionID, _ call: OperationCall, _ result: Int64?, _ batches: inout [EntryBatch]
  ) {
    var batch = EntryBatch()
    var site = Site(.activationEnd)
    site.kernelFunction = call.operation.kernelFunctions[0]
    var entry = makeEntry(site, id, &batch)
    entry.result = result
    batch.entries.append(entry)
    batch.activationEnds.append(
      ActionEnd(id: id, lastSeq: entry.seq, outcome: nil, result: result, failedSeq: nil))
    batches.append(batch)
  }

  // MARK: - single entries

  private mutating func nextAction() -> ActionID {
    lastAction = ActionID(lastAction.rawValue + 1)
    return lastAction
  }

  // The clock is the entry's own number, a millisecond each.
  private mutating func makeEntry(_ site: Site, _ action: ActionID?, _ batch: inout EntryBatch) -> Entry {
    lastSeq = SequenceNumber(lastSeq.rawValue + 1)
    var entry = Entry(seq: lastSeq, site: id(of: site, &batch))
    entry.action = action
    entry.cpu = action == nil ? nil : 0
    entry.time = lastSeq.rawValue &* 1_000_000
    return entry
  }

  private mutating func id(of site: Site, _ batch: inout EntryBatch) -> SiteID {
    if let id = sites[site] { return id }
    let id = SiteID(rawValue: Int32(sites.count + 1))
    sites[site] = id
    batch.sites.append((id, site))
    return id
  }
}

extension FatalCause {
  /// What it is, in words.
  package var words: String {
    switch self {
    case .warning: "WARN at EL2"
    case .bug: "BUG"
    case .fault: "a fault at EL2"
    }
  }
}

extension Operation {
  /// The call into the hypervisor that an operation is by itself; nil for those that are steps of other calls.
  var activationKind: ActivationKind? {
    switch self {
    case .hostShareHyp, .hostUnshareHyp, .hostShareGuest, .hostUnshareGuest, .hostDonateGuest, .hostReclaimGuest,
      .hostForceReclaim, .guestRelaxPerms, .guestWriteProtect, .guestTestClearYoung, .guestMakeYoung,
      .vcpuInPoisonFault:
      .hypercall
    case .guestShareHost, .guestUnshareHost: .guestCall
    case .hostFault: .hostAbort
    case .hostDonateHyp, .hypDonateHost, .pin, .unpin, .hostShareFFA, .hostUnshareFFA, .bootFixup: nil
    }
  }
}
