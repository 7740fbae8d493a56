// Why: tests audit rows in memory, as `custody audit` audits journals, and drive machines by rules of their own whose
// journals are like those of `custody run`. Not here: expectations.

import Analysis
import PageOwnership
import PageTables
import TestSupport
import TransitionRules

/// What an audit of rows gave.
struct Audited {
  var findings: [AuditFinding]
  var summary: AuditSummary

  /// The rules that found something, racy findings apart.
  var rules: Set<String> { Set(findings.filter { !$0.isRacy }.map(\.rule)) }
}

/// Audits what was imported.
enum Auditing {
  /// By some rules (ids; nil: all) and the rules of the recording's generation.
  static func audit(
    _ imported: Imported, rules: Set<String>? = nil, each: (borrowing Audit) throws -> Void = { _ in }
  ) throws -> Audited {
    guard let generation = imported.facts.generation.value else { throw PipelineError(message: "no generation") }
    var facts = imported.facts
    facts.inferAddressBits(from: imported.rows.snapshots)
    let deaths = Dictionary(imported.rows.spaceEnds, uniquingKeysWith: { first, _ in first })
    let lives = imported.rows.spaces.map { GuestLives.Life(space: $0.0, born: $0.1, died: deaths[$0.0.id]) }
      .filter { $0.space.id.isGuest }
    var audit = Audit(
      RuleBook.of(generation), facts, lives: lives, replay: try Pipeline.emptyReplay(imported), rules: rules)
    try feed(imported, to: &audit, each: each)
    audit.finish()
    return Audited(findings: audit.takeFindings(), summary: audit.summary)
  }

  /// All rules but that of conformance.
  static let withoutConformance = Set(AuditRule.all.map(\.id)).subtracting(["conformance"])

  private static func feed(_ imported: Imported, to audit: inout Audit, each: (borrowing Audit) throws -> Void) throws {
    let rows = imported.rows
    let sites = imported.sites
    let transitions = Dictionary(rows.transitions.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let activations = Dictionary(rows.activations.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let changes = Dictionary(grouping: rows.changes, by: \.seq)
    let observations = Dictionary(grouping: rows.observations, by: \.seq)
    let snapshots = Dictionary(rows.snapshots.map { ($0.seq, $0) }, uniquingKeysWith: { first, _ in first })
    let ranges = Dictionary(grouping: rows.snapshotRanges, by: \.snapshot)
    for entry in rows.entries {
      guard let site = sites[entry.site] else { continue }
      audit.take(
        entry, site, changes: changes[entry.seq] ?? [], observations: observations[entry.seq] ?? [],
        transition: site.kind == .begin ? entry.action.flatMap { transitions[$0] } : nil,
        activation: site.kind == .activation ? entry.action.flatMap { activations[$0] } : nil)
      if let snapshot = snapshots[entry.seq] {
        var content = SnapshotImage(guests: snapshot.guests)
        for range in ranges[snapshot.id] ?? [] { content.add(range) }
        audit.take(snapshot, content)
      }
      try each(audit)
    }
  }
}

/// A machine that is driven by rules of one's own, with its journal.
struct DrivenJournal {
  let start: StartingMachine
  private(set) var machine: Machine
  private(set) var imported: Imported
  private var journaler: TransitionJournaler
  private let engine: Engine

  init(_ book: RuleBook, debug: Bool = false, change: (inout Machine) -> Void = { _ in }) {
    start = StartingMachine(book.generation)
    machine = start.machine
    change(&machine)
    engine = Engine(book, shape: start.shape, el2Debug: debug)
    journaler = TransitionJournaler(engine)
    var facts = Facts()
    facts.generation = Known(book.generation, .recorded)
    facts.el2Debug = Known(debug, .recorded)
    facts.addressBits = Known(Int64(start.shape.addressBits), .recorded)
    facts.regions = Known(start.shape.regions, .recorded)
    imported = Imported(facts: facts)
    var first = journaler.snapshot(of: machine, number: 1, why: "start")
    first.spaces = Space.fixed.map { ($0, SequenceNumber(0)) }
    for guest in machine.guests {
      let space = Space(
        id: guest.space, kind: .guest, handle: guest.handle, incarnation: 1, isProtected: guest.isProtected)
      first.spaces.append((space, SequenceNumber(1)))
    }
    imported.rows.append(first)
  }

  /// Performs a call; the rest of it is set by `change`.
  @discardableResult
  mutating func perform(
    _ operation: Operation, _ page: UInt64 = 0, _ count: UInt64 = 1, guest: Int? = nil, gfn: UInt64 = 0,
    change: (inout OperationCall) -> Void = { _ in }
  ) -> OperationResult {
    var call = OperationCall(operation, page: page, count: count)
    call.address = page << 12
    call.endAddress = (page &+ count) << 12
    call.guest = guest.map { SpaceID(rawValue: SpaceID.firstGuest.rawValue + Int32($0)) }
    call.guestPage = gfn
    call.protection = engine.rules.traits.protection.all
    change(&call)
    return perform(call)
  }

  /// Performs a call.
  @discardableResult
  mutating func perform(_ call: OperationCall) -> OperationResult {
    var arguments = [(name: "pfn", value: call.page), (name: "nr", value: call.count)]
    if call.guest != nil { arguments.append((name: "gfn", value: call.guestPage)) }
    let done = journaler.perform(call, arguments: arguments, on: &machine)
    for batch in done.batches { imported.rows.append(batch) }
    return done.result
  }

  /// Does something to the machine that is no transition.
  mutating func change(_ name: String, _ body: (Engine, inout Machine) -> Void) {
    let engine = self.engine
    imported.rows.append(journaler.change(name, on: &machine) { body(engine, &$0) })
  }

  /// Puts what `body` does inside a call that returns `result`.
  mutating func call(_ function: String, result: Int64, _ body: (inout DrivenJournal) -> Void) {
    let id = ActionID(journaler.lastAction.rawValue + 1)
    add(Site(.activation, function), id, result: nil) { batch, seq in
      batch.activations.append(
        Activation(
          id: id, parent: nil, kind: .function, kernelFunction: function, cpu: 0, firstSeq: seq, registers: [],
          arguments: ""))
    }
    let first = imported.rows.transitions.count
    body(&self)
    for index in imported.rows.transitions.indices.dropFirst(first) { imported.rows.transitions[index].activation = id }
    add(Site(.activationEnd, function), id, result: result) { batch, seq in
      batch.activationEnds.append(ActionEnd(id: id, lastSeq: seq, outcome: nil, result: result, failedSeq: nil))
    }
  }

  // An entry of one's own; the journaler goes on behind it.
  private mutating func add(
    _ site: Site, _ id: ActionID, result: Int64?, _ more: (inout EntryBatch, SequenceNumber) -> Void
  ) {
    var batch = EntryBatch()
    let number = SiteID(rawValue: Int32(imported.rows.sites.count + 1))
    batch.sites.append((number, site))
    var entry = Entry(seq: SequenceNumber(journaler.lastSeq.rawValue + 1), site: number)
    entry.action = id
    entry.cpu = 0
    entry.result = result
    batch.entries.append(entry)
    more(&batch, entry.seq)
    imported.rows.append(batch)
    journaler = TransitionJournaler(
      engine, lastSeq: entry.seq, lastAction: max(id, journaler.lastAction), sites: imported.rows.sites)
  }

  /// Edits the rows so far.
  mutating func edit(_ body: (inout EntryBatch) -> Void) { body(&imported.rows) }
}

extension Site {
  fileprivate init(_ kind: EntryKind, _ function: String) {
    self.init(kind)
    kernelFunction = function
  }
}
