// Why: the work on the journal: one writer holds it from the reading of what is open to the last commit, and each
// transition is a group of its own, so that a crash leaves it open as it was or settled.

import Analysis
import Journal
import PageOwnership

/// Settles the open transitions of a journal.
struct Settling {
  let path: String
  let direction: RecoveryDirection

  /// Settles them and prints what became of each.
  ///
  /// Throws a ``CommandFailure`` with status 1 if something could not be settled or does not hold afterwards.
  func settle(_ format: OutputFormat, _ console: Console) throws {
    // A journal without open transitions is not even opened for writing.
    guard try !JournalReader(at: path).openTransitions().isEmpty else { return try console.note("nothing to recover") }
    let writer = try JournalWriter.open(at: path)
    do {
      let result = try append(to: writer)
      try writer.close()
      try result?.write(format, console)
      if let result, !result.isWhole { throw CommandFailure.silent(ExitStatus.differences) }
    } catch {
      writer.abandon()
      throw error
    }
  }

  /// Appends what settles them; nil if nothing is open.
  func append(to writer: JournalWriter) throws -> SettlingResult? {
    let context = try ShowContext(JournalReader(at: path))
    let open = try OpenTransitions(context)
    guard let evidence = open.evidence else { return nil }
    let plan = RecoveryPlan(direction, open.all, by: evidence)
    let head = writer.resume.headSeq
    for batch in plan.batches(after: head, sites: context.sites.sites) {
      try writer.append(batch)
      if !batch.transitionEnds.isEmpty { try writer.commit() }
    }
    return SettlingResult(plan, open, head)
  }
}

/// What became of each transition.
struct SettlingResult {
  private let plan: RecoveryPlan
  private let open: OpenTransitions
  private let head: SequenceNumber

  init(_ plan: RecoveryPlan, _ open: OpenTransitions, _ head: SequenceNumber) {
    self.plan = plan
    self.open = open
    self.head = head
  }

  private static let columns = [
    Column("transition", isTrailing: false), Column("operation"), Column("result", ink: { .outcome($0) }),
    Column("first_seq"), Column("last_seq"), Column("changes"), Column("problem", minimum: 24),
  ]

  /// Whether each was settled, and its pages hold what must hold.
  var isWhole: Bool { plan.refusals.isEmpty && plan.violations.isEmpty }

  func write(_ format: OutputFormat, _ console: Console) throws {
    let writer = format.writer(Self.columns, to: console)
    for item in open.all { try writer.write(row(item.progress)) }
    try writer.finish()
  }

  private func row(_ progress: TransitionProgress) -> [Cell] {
    let id = progress.transition.id
    let own = plan.steps.indices.filter { plan.steps[$0].transition == id }
    let end = own.last.flatMap { plan.steps[$0].end }
    let refusal = plan.refusals.first { $0.transition == id }.map { ["cannot be settled: " + $0.reason] } ?? []
    let broken = plan.violations.filter { $0.transition == id }
      .map { "page \(HexText.hex($0.page.address)): \($0.message)" }
    let problems = refusal + broken.prefix(3) + (broken.count > 3 ? ["\(broken.count - 3) more"] : [])
    func seq(_ index: Int?) -> Cell { Cell(index.map { head.rawValue + Int64($0) + 1 }) }
    return [
      .text("T\(id.rawValue)"), .text(progress.transition.operation.rawValue),
      .text(end?.outcome.name ?? progress.outcome.name), seq(own.first), seq(own.last),
      .integer(Int64(own.reduce(0) { $0 + plan.steps[$1].changes.count })),
      problems.isEmpty ? .null : .text(problems.joined(separator: "; ")),
    ]
  }
}

/// A plan, before anything is written.
struct PlanWords {
  private let context: ShowContext
  private let plan: RecoveryPlan

  init(_ context: ShowContext, _ plan: RecoveryPlan) {
    self.context = context
    self.plan = plan
  }

  /// Writes the entries that would be appended, and what could not be settled.
  func write(on console: Console) throws {
    try console.write("\nwould append \(plan.steps.count) entr\(plan.steps.count == 1 ? "y" : "ies")\n")
    for step in plan.steps { try console.write("  " + line(step) + "\n") }
    for refusal in plan.refusals {
      try console.write("  T\(refusal.transition.rawValue) cannot be settled: \(refusal.reason)\n")
    }
    for violation in plan.violations.prefix(20) {
      let page = HexText.hex(violation.page.address)
      try console.write("  T\(violation.transition.rawValue), page \(page) afterwards: \(violation.message)\n")
    }
    try console.flush()
  }

  private func line(_ step: RecoveryStep) -> String {
    let name = "T\(step.transition.rawValue)"
    if let end = step.end { return "\(name)  end, \(end.outcome.name): \(step.note)" }
    let place = step.space.map { context.name($0) + " " } ?? ""
    let pages = HexText.pages(step.page?.address, step.pageCount)
    let what = step.site.effect?.rawValue ?? "take back"
    return "\(name)  \(what) \(place)\(pages), \(step.changes.count) changes: \(step.note)"
  }
}
