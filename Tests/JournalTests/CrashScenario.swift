// Why: what the store does while the power goes or the disk fails, one short function each. A scenario says
// when something was acknowledged; what the journal then holds is noted once and is the measure for all.

import FaultVFS
import PageOwnership

@testable import Journal

/// Something that the store does with a journal.
struct CrashScenario: Sendable, CustomStringConvertible {
  let name: String
  /// Makes the files that are there before; nothing by default.
  var prepare: @Sendable (String) throws -> Void = { _ in }
  /// Does it.
  let run: @Sendable (CrashSession) throws -> Void
  /// Does again what a crash may have interrupted; nil if that is not asked for.
  var mend: Mending?

  /// What else must hold of whatever a crash leaves; throws if it does not.
  var check: Check?

  typealias Mending = @Sendable (JournalWriter) throws -> Void
  typealias Check = @Sendable (JournalReader) throws -> Void

  var description: String { name }

  static let all =
    [append, checkpoint, snapshot, close, create, resume, besideAReader, migrate, sealLate, seal, sealWithKey]
    + [recoverForward, recoverBack, index]

  /// Groups into the log.
  static let append = CrashScenario(name: "append", prepare: base) { session in
    try session.writing { for _ in 0..<3 { try session.group($0, 14) } }
  }

  /// Groups, each copied into the database at once, so that the log begins anew.
  static let checkpoint = CrashScenario(name: "checkpoint", prepare: base) { session in
    try session.writing { writer in
      for _ in 0..<4 {
        writer.checkpointAt = 1
        try session.group(writer, 8)
      }
    }
  }

  /// The writer's own snapshots, with the state of an import.
  static let snapshot = CrashScenario(name: "snapshot", prepare: base) { session in
    try session.writing { writer in
      for number in 0..<2 { try session.group(writer, 3, leafCount: 5, importState: "{\"line\": \(number)}") }
    }
  }

  /// Orderly ends, one after the other.
  static let close = CrashScenario(name: "close", prepare: base) { session in
    for _ in 0..<2 {
      try session.writing(ends: true) { writer in
        try session.group(writer, 5)
        try writer.append(CrashRows.batch(after: writer.headSeq, 2))
      }
    }
  }

  /// A journal is made, and its first group written.
  static let create = CrashScenario(name: "create") { session in
    let writer = try JournalWriter.create(at: session.path, facts: SampleJournal.facts, importState: "{}")
    session.acknowledge()
    try session.writing(writer, ends: true) { try session.group($0, 4, importState: "{\"line\": 4}", isComplete: true) }
  }

  /// A writer died; the next one goes on.
  static let resume = CrashScenario(name: "resume", prepare: crashed) { session in
    try session.writing(ends: true) { writer in
      try writer.commit(importState: "{\"line\": 1}")
      session.acknowledge()
      try session.group(writer, 5, importState: "{\"line\": 2}", isComplete: true)
    }
  }

  /// An end beside a reader, for whom the log has to stay.
  static let besideAReader = CrashScenario(name: "reader", prepare: base) { session in
    try session.writing(ends: true) { writer in
      try session.group(writer, 6)
      try session.readingOneRow {
        writer.checkpointAt = 1
        try session.group(writer, 6)
        try session.group(writer, 6)
      }
    }
  }

  /// A journal of the first schema is opened by this program.
  static let migrate = CrashScenario(name: "migrate", prepare: { try first($0, entryCount: 7) }) { session in
    try session.writing(ends: true) { writer in
      session.acknowledge()
      try session.group(writer, 14)
    }
  }

  // A closed journal.
  private static func base(_ path: String) throws {
    let writer = try JournalWriter.create(at: path, facts: SampleJournal.facts)
    try writer.append(CrashRows.batch(after: SequenceNumber(0), 12))
    try writer.close()
  }

  // A journal whose writer died with two groups in the log.
  private static func crashed(_ path: String) throws {
    try base(path)
    let writer = try JournalWriter.open(at: path)
    for _ in 0..<2 {
      try writer.append(CrashRows.batch(after: writer.headSeq, 6))
      try writer.commit()
    }
    writer.abandon()
  }

  // A journal that has the first migration only.
  static func first(_ path: String, entryCount: Int) throws {
    let connection = try Connection(path, .write)
    try connection.execute(String(decoding: Migration.all[0].bytes, as: UTF8.self), "create")
    try connection.execute("PRAGMA user_version = 1", "create")
    for (id, kind) in [(0, "host"), (1, "hyp"), (2, "ffa")] {
      try connection.execute("INSERT INTO space_row VALUES (\(id), '\(kind)', NULL, 0, NULL, 0)", "create")
    }
    try connection.execute(
      """
      INSERT INTO site (id, kind, kernel_function, skipped, provenance) VALUES (1, 'mark', NULL, '', 'recorded'),
        (2, 'store', NULL, '', 'recorded'), (3, 'activation', '__pkvm_host_share_hyp', '', 'recorded')
      """, "fill")
    try connection.execute(
      """
      WITH RECURSIVE n(seq) AS (VALUES (1) UNION ALL SELECT seq + 1 FROM n WHERE seq < \(entryCount))
      INSERT INTO entry_row (seq, site) SELECT seq, 1 FROM n;
      INSERT INTO source_run VALUES (1, 0)
      """, "fill")
    try connection.close()
  }
}

/// Rows that fit a journal: dense, pointing nowhere else.
enum CrashRows {
  /// Entries that follow `head`, with notes of many lengths, changes and, if asked for, own leaves.
  static func batch(after head: SequenceNumber, _ count: Int64, leafCount: Int = 0) -> EntryBatch {
    var batch = EntryBatch()
    if head.rawValue == 0 {
      var call = Site(.activation)
      call.kernelFunction = "__pkvm_host_share_hyp"
      let sites = [Site(.mark), Site(.store), call]
      batch.sites = sites.enumerated().map { (SiteID(rawValue: Int32($0 + 1)), $1) }
    }
    let call = head.rawValue + 1
    batch.activations = [
      Activation(
        id: ActionID(call), parent: nil, kind: .hypercall, kernelFunction: "__pkvm_host_share_hyp", cpu: nil,
        firstSeq: SequenceNumber(call), registers: [1, .max], arguments: String(repeating: "a", count: 70))
    ]
    for number in head.rawValue + 1...head.rawValue + count {
      var entry = Entry(seq: SequenceNumber(number), site: SiteID(rawValue: number % 2 == 0 ? 2 : 1))
      entry.sourceIndex = number - 1
      if number == call {
        entry.site = SiteID(rawValue: 3)
        entry.action = ActionID(call)
      }
      if number % 3 == 0 { entry.note = String(repeating: "x", count: Int(number * 137 % 900)) }
      batch.entries.append(entry)
      if number % 2 == 0 { batch.changes += (0..<2).map { change(number, $0) } }
    }
    for index in 0..<leafCount {
      let body = [UInt8](repeating: UInt8(truncatingIfNeeded: head.rawValue), count: 2500)
      let leaf = LeafImage(space: .hyp, field: 1, level: 0, index: UInt64(index), body: body)
      batch.leaves.append((SequenceNumber(head.rawValue + count), leaf))
    }
    return batch
  }

  private static func change(_ seq: Int64, _ ordinal: Int32) -> Change {
    Change(
      seq: SequenceNumber(seq), ordinal: ordinal, space: .host, table: .hostStage2,
      pages: PageRange(PageFrame(UInt64(seq))), oldLevel: 3, newLevel: 3, old: UInt64(seq), new: .max,
      oldState: .owned, newState: .sharedOwned, owner: nil, isInferred: false)
  }
}

/// One run of a scenario: what it acknowledged.
final class CrashSession {
  let disk: FaultDisk
  /// How durable the writer is.
  private let synchronous: String
  /// What the journal held when something was acknowledged, as hashes; only kept by a reference run.
  private(set) var states: [UInt64] = []
  /// The last acknowledged state; -1 for none.
  private(set) var acknowledged: Int
  /// A writer that had failed and then did as if it had not.
  private(set) var wentOnAfterFailure = false
  private let isReference: Bool
  /// Wrap the opening of a writer, and what it does then.
  var whileOpening: (() throws -> Void) throws -> Void = { try $0() }
  var whileWriting: (() throws -> Void) throws -> Void = { try $0() }

  init(_ disk: FaultDisk, isReference: Bool, synchronous: String = "FULL") {
    self.disk = disk
    self.isReference = isReference
    self.synchronous = synchronous
    let exists = SystemFiles.kind(disk.journal) != .nothing
    acknowledged = exists ? 0 : -1
    if isReference, exists { states.append(Self.dump(disk)) }
  }

  var path: String { disk.journal }

  /// The store said that what it was given is safe.
  func acknowledge() {
    acknowledged += 1
    if isReference { states.append(Self.dump(disk)) }
    disk.note(acknowledged)
  }

  /// Appends and commits.
  func group(
    _ writer: JournalWriter, _ count: Int64, leafCount: Int = 0, importState: String? = nil, isComplete: Bool = false
  ) throws {
    try writer.append(CrashRows.batch(after: writer.headSeq, count, leafCount: leafCount))
    try writer.commit(importState: importState, isComplete: isComplete)
    acknowledge()
  }

  /// Opens the journal, or takes `given`, lets `body` write, and ends in order or not.
  ///
  /// - Parameter reads: whether `body` also reads, which may fail without the writer's knowledge.
  func writing(
    _ given: JournalWriter? = nil, ends: Bool = false, reads: Bool = false, _ body: (JournalWriter) throws -> Void
  ) throws {
    let writer = try given ?? open()
    defer { writer.abandon() }
    do {
      if synchronous != "FULL" { try writer.connection.execute("PRAGMA synchronous = \(synchronous)", "weaken") }
      try whileWriting {
        try body(writer)
        guard ends else { return }
        try writer.close()
        acknowledge()
      }
    } catch {
      if !reads { expectPoisoned(writer) }
      throw error
    }
  }

  private func open() throws -> JournalWriter {
    var writer: JournalWriter?
    try whileOpening { writer = try JournalWriter.open(at: path, key: FaultDisk.key(beside: path)) }
    guard let writer else { throw JournalError(.invalid, "no writer was opened") }
    return writer
  }

  /// Runs `body` while a reader stands at a row.
  func readingOneRow(_ body: () throws -> Void) throws {
    let reader = try disk.unseen { try JournalReader(at: path) }
    let row = try disk.unseen { try Cursor(reader.connection, "SELECT seq FROM entry_row") }
    _ = try disk.unseen { try row.step() }
    defer { disk.unseen { row.reset() } }
    try body()
  }

  // After a failure nothing more may be acknowledged.
  private func expectPoisoned(_ writer: JournalWriter) {
    disk.unseen {
      let next = CrashRows.batch(after: writer.headSeq, 1)
      let more: [() throws -> Void] = [
        { try writer.append(next) }, { try writer.commit(importState: "{}") },
        {
          try writer.append(next); try writer.close()
        },
      ]
      for step in more where (try? step()) != nil { wentOnAfterFailure = true }
    }
  }

  private static func dump(_ disk: FaultDisk) -> UInt64 {
    disk.unseen {
      (try? JournalReader(at: disk.journal)).map { fault_dump_hash($0.connection.handle, CrashOracle.notCompared) } ?? 0
    }
  }
}

/// A scenario that was run once in peace.
struct CrashRecording: Sendable {
  let scenario: CrashScenario
  /// The cuts that came before it: none, or those that it recovers from.
  var cuts: [CrashImage.Cut] = []
  let initial: DiskImage
  let operations: [DiskOperation]
  let states: [UInt64]
  /// What was acknowledged before: -1 for nothing.
  let acknowledged: Int
  /// What the journal holds when the scenario, or what it is recovered from, has come to its end.
  let settled: UInt64?

  init(_ scenario: CrashScenario, synchronous: String = "FULL") throws {
    let disk = try FaultDisk()
    try scenario.prepare(disk.journal)
    self.scenario = scenario
    initial = DiskImage(files: disk.contents())
    let session = CrashSession(disk, isReference: true, synchronous: synchronous)
    acknowledged = session.acknowledged
    operations = try disk.recording { try scenario.run(session) }
    states = session.states
    settled = states.last
  }

  init(
    recoveryOf recording: CrashRecording, _ cut: CrashImage.Cut, _ image: DiskImage, _ operations: [DiskOperation],
    _ states: [UInt64], acknowledged: Int
  ) {
    scenario = recording.scenario
    cuts = recording.cuts + [cut]
    initial = image
    self.operations = operations
    self.states = states
    self.acknowledged = acknowledged
    settled = recording.settled
  }
}
