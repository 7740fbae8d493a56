// Why: what the engine tells of an operation becomes phases as a journal has them, up to the one that is
// fatal at EL2. Not here: numbering them (TransitionJournaler).

import PageOwnership
import PageTables

/// Who gives, who receives, and which pages, as far as the arguments and the machine tell at the begin.
struct TransitionEnds {
  let source: Endpoint
  let target: Endpoint
  /// The guest that takes part.
  let guest: SpaceID?
  let guestPage: PageFrame
  /// The first page of memory; nil if a guest's address has none.
  let page: PageFrame?
  let pageCount: UInt64

  init(_ call: OperationCall, _ machine: Machine, _ engine: Engine) {
    let counting = engine.rules[call.operation]?.counting ?? .one
    let attempt = Attempt(call, counting)
    var page: PageFrame? = PageFrame(attempt.page)
    var guest = call.guest
    var guestPage = PageFrame(containing: call.guestPage &<< 12)
    let view = MachineView(machine, shape: engine.shape, encoding: engine.rules.encoding)
    if call.operation == .hostForceReclaim {
      if case .guest(let handle, let gfn) = view.hostHolding(PageFrame(attempt.page)).annotation {
        guest = machine.guests.first { $0.handle == handle }?.space
        guestPage = gfn
      }
    } else if call.operation.isFoundByGuest {
      page = guest.flatMap { machine.place(of: $0) }
        .flatMap { view.guestHolding(machine.guests[$0], guestPage).target }
    }
    self.page = page
    self.guest = guest
    self.guestPage = guestPage
    pageCount = counting == .one ? 1 : counting == .bytes ? attempt.size >> 12 : call.count
    let physical = page.map { _ in call.operation == .hostFault ? call.address : page?.address ?? 0 }
    func end(_ kind: SpaceKind) -> Endpoint {
      switch kind {
      case .host: Endpoint(.host, physical)
      case .hyp: Endpoint(.hyp, physical.map { $0 &+ engine.shape.hypOffset })
      case .ffa: Endpoint(.ffa, nil)
      case .guest: guest.map { Endpoint($0, guestPage.address) } ?? Endpoint(.host, physical)
      }
    }
    source = end(call.operation.endpoints.source)
    target = end(call.operation.endpoints.target)
  }
}

extension Operation {
  /// Whether the page of memory is the one that a guest's address maps.
  fileprivate var isFoundByGuest: Bool {
    switch self {
    case .hostUnshareGuest, .guestShareHost, .guestUnshareHost, .hostReclaimGuest, .guestRelaxPerms, .guestWriteProtect,
      .guestTestClearYoung, .guestMakeYoung, .vcpuInPoisonFault:
      true
    default: false
    }
  }
}

/// A phase as it will stand in a journal.
struct JournaledPhase {
  var site: Site
  var space: SpaceID?
  var page: PageFrame?
  var pageCount: UInt64?
  var found: PageState?
  var outcome: CheckOutcome?
  var result: Int64?
  var changes: [Change] = []

  /// Whether it decided a refusal, if there was one.
  var isFailure: Bool { site.kind == .check ? outcome == .failed : (result ?? 0) < 0 }

  /// Sets what an entry has of it.
  func fill(_ entry: inout Entry) {
    entry.space = space
    entry.page = page
    entry.pageCount = pageCount
    entry.found = found
    entry.outcome = outcome?.rawValue
    entry.result = result
  }
}

/// Collects phases.
struct PhaseJournal: TransitionObserver {
  private let engine: Engine
  private let ends: TransitionEnds
  private let rules: OperationRules?
  private let operation: Operation?
  private var differ: MachineChanges
  /// The machine before the step that the last apply belongs to.
  private var stepStart: Machine?
  /// True once something fatal was told: what the code does afterwards does not happen.
  private var isOver = false
  /// The phases so far.
  private(set) var phases: [JournaledPhase] = []

  init(_ engine: Engine, _ ends: TransitionEnds, _ operation: Operation) {
    self.engine = engine
    self.ends = ends
    self.operation = operation
    rules = engine.rules[operation]
    differ = MachineChanges(engine.shape, engine.rules.encoding)
  }

  var wantsStates: Bool { true }

  mutating func didCheck(_ report: CheckReport, _ machine: Machine) {
    guard !isOver, let rules, let first = rules.checks[report.rows].first else { return }
    let deciding = report.decidingRow.map { rules.checks[$0] }
    var site = site(.check, (deciding ?? first).kernelStep)
    site.condition = deciding?.condition
    site.expected = deciding?.expected
    site.side = (deciding ?? first).side
    site.skipped = skipped(rules.checks[report.rows])
    var phase = JournaledPhase(site: site)
    place(&phase, (deciding ?? first).subject, (deciding ?? first).side)
    phase.outcome = report.outcome
    phase.result = report.result
    phase.found = report.outcome == .passed ? deciding?.expected : report.found
    if report.outcome == .failed, let page = report.page {
      phase.page = page
      phase.pageCount = 1
    }
    phases.append(phase)
    guard let deciding, report.outcome != .passed, report.outcome != .skipped else { return }
    isOver = report.outcome == .unknown || [.warnAndRefuse, .warnAndGoOn].contains(deciding.failure)
  }

  mutating func didApply(_ report: ApplyReport, from before: Machine, to after: Machine) {
    guard !isOver, let rules else { return }
    let rule = rules.applies[report.row]
    var site = site(.apply, rule.kernelStep)
    site.effect = rule.effect
    site.side = rule.side
    site.newState = rule.newState
    var phase = JournaledPhase(site: site)
    place(&phase, rule.subject, rule.side)
    if let page = report.page {
      phase.page = page
      phase.pageCount = 1
    }
    phase.result = report.result
    if continues(rule, rules) {
      // One step of the kernel, of which recorders see the end.
      phases[phases.count - 1].result = report.result
      phases[phases.count - 1].changes = differ.collect(from: stepStart ?? before, to: after)
    } else {
      stepStart = before
      phase.changes = differ.collect(from: before, to: after)
      phases.append(phase)
    }
    isOver = report.result < 0 && rule.failure != .returnErrno
  }

  private func continues(_ rule: ApplyRule, _ rules: OperationRules) -> Bool {
    guard !rules.appliesPageByPage, let last = phases.last?.site, last.kind == .apply else { return false }
    return last.kernelStep == rule.kernelStep
  }

  private func site(_ kind: EntryKind, _ step: String) -> Site {
    var site = Site(kind)
    site.operation = operation
    site.kernelFunction = operation?.kernelFunctions[0]
    site.kernelStep = step
    site.resultProvenance = .recorded
    return site
  }

  private func skipped(_ rows: ArraySlice<CheckRule>) -> String {
    if engine.el2Debug { return "" }
    return rows.filter(\.needsDebug).map { "\($0.condition.rawValue): only checked with EL2 debugging" }
      .joined(separator: "; ")
  }

  private func place(_ phase: inout JournaledPhase, _ subject: SpaceKind?, _ side: Side) {
    let endpoints = operation?.endpoints
    let kind = subject ?? (side == .target ? endpoints?.target : endpoints?.source) ?? .host
    phase.pageCount = ends.pageCount
    switch kind {
    case .host, .ffa: phase.space = .host
    case .hyp: phase.space = .hyp
    case .guest:
      phase.space = ends.guest
      phase.page = ends.guest == nil ? nil : ends.guestPage
      return
    }
    phase.page = ends.page
  }
}
