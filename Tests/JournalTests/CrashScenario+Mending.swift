// Why: some work is its own remedy: what a crash interrupts is done again, ends as if nothing had happened, and once
// more changes nothing. So it is with `recover` and `index`, which here are the program's own.

import Analysis
import PageOwnership
import TransitionRules

@testable import CustodyCLI
@testable import Journal

extension CrashScenario {
  /// Does `work`; after a crash it is done again.
  private init(name: String, prepare: @escaping @Sendable (String) throws -> Void, work: @escaping Mending) {
    self.init(name: name, prepare: prepare) { session in
      try session.writing(ends: true, reads: true) { writer in
        writer.onCommit = session.acknowledge
        try work(writer)
      }
    }
    mend = work
  }

  /// Two transitions that a driven machine died inside are finished.
  static let recoverForward = CrashScenario(name: "recover", prepare: halfDone) { try settle($0, .forward) }

  /// The same are taken back.
  static let recoverBack = CrashScenario(name: "takeback", prepare: halfDone) { try settle($0, .back) }

  /// An index that ends before the journal does is thrown away and built anew; after a crash it is gone on with.
  static let index: CrashScenario = {
    var scenario = CrashScenario(name: "index", prepare: indexed) { session in
      try session.writing(ends: true, reads: true) { writer in
        writer.onCommit = session.acknowledge
        _ = try IndexBuild.run(writer, isFresh: true)
      }
    }
    scenario.mend = { _ = try IndexBuild.run($0, isFresh: false) }
    scenario.check = { reader in
      guard let finding = try IndexCheck(reader).run().findings.first else { return }
      throw JournalError(.corrupt, "\(finding.structure): \(finding.message)")
    }
    return scenario
  }()

  private static func settle(_ writer: JournalWriter, _ direction: RecoveryDirection) throws {
    guard let result = try Settling(path: writer.path, direction: direction).append(to: writer) else { return }
    guard result.isWhole else { throw JournalError(.invalid, "not settled, or something does not hold") }
  }

  // The machine dies with a donation of two pages on one CPU and a share on another, each behind its first change.
  private static func halfDone(_ path: String) throws {
    let writer = try JournalWriter.create(at: path, facts: machine().facts)
    try drive(writer) { $0 = Array($0.prefix(1 + ($0.firstIndex { !$0.changes.isEmpty } ?? 0))) }
    writer.abandon()
  }

  private static func indexed(_ path: String) throws {
    let writer = try JournalWriter.create(at: path, facts: machine().facts)
    try drive(writer) { _ in }
    _ = try IndexBuild.run(writer, isFresh: false)
    try writer.append(CrashRows.batch(after: writer.headSeq, 6))
    try writer.close()
  }

  private static func machine() throws -> DrivenMachine { try DrivenMachine(.linux7_1, el2Debug: false, file: nil) }

  // What `run` journals, behind rows of the other scenarios; `cut` decides what of each transition is written.
  private static func drive(_ writer: JournalWriter, _ cut: (inout [EntryBatch]) -> Void) throws {
    var driven = try machine()
    let before = CrashRows.batch(after: SequenceNumber(0), 12)
    try writer.append(before)
    var sites = before.sites
    var journaler = TransitionJournaler(
      driven.engine, lastSeq: writer.headSeq, lastAction: ActionID(1), sites: sites)
    var start = journaler.snapshot(of: driven.machine, number: 1, why: "the machine at the start")
    start.spaces = driven.guests.map { ($0.space, SequenceNumber(0)) }
    var action = journaler.lastAction
    try writer.append(start)
    sites += start.sites
    for call in [OperationCall(.hostDonateHyp, page: 0x41400, count: 2), OperationCall(.hostShareHyp, page: 0x41500)] {
      journaler = TransitionJournaler(driven.engine, lastSeq: writer.headSeq, lastAction: action, sites: sites)
      var batches = journaler.perform(call, arguments: [("pfn", call.page)], on: &driven.machine).batches
      action = journaler.lastAction
      cut(&batches)
      for batch in batches {
        sites += batch.sites
        try writer.append(batch)
      }
    }
    try writer.commit()
  }
}
