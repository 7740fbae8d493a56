// Why: what must hold of a journal after a power cut or a failure, whatever it was: the oracles A to F of the
// catalogue of faults. Everything is asked of the store's own reader and writer.

import FaultVFS
import Glibc
import PageOwnership

@testable import Journal

/// An oracle that says no.
struct CrashFailure: Error, CustomStringConvertible {
  /// A: the file is damaged. B: half a group is visible. C: something acknowledged is gone. D: seals or derived rows do
  /// not fit, or recovery ends otherwise. F: the journal cannot go on.
  let oracle: String
  let message: String

  var description: String { "\(oracle): \(message)" }
}

/// Judges the journal of one disk.
final class CrashOracle {
  /// Tables that say how the last writer ended.
  static let notCompared = " writer_state seal_tail "
  private let disk: FaultDisk
  /// What a state becomes when the usual rows are added to it.
  private var continued: [UInt64: UInt64] = [:]
  /// What was read, by the hash of the pages that SQLite shows: equal pages need not be read twice.
  private var known: [UInt64: Found] = [:]
  /// The same of closed journals, by the hash of their bytes.
  private var closed: [UInt64: Found] = [:]
  /// Contents that were mended a second time.
  private var mendedTwice: Set<UInt64> = []

  init(_ disk: FaultDisk) { self.disk = disk }

  /// What a journal was found to hold, and what it held after more was added.
  struct Verdict {
    /// The state that was found; -1 if there was no journal yet.
    var found: Int
    var states: [UInt64]
  }

  private struct Found {
    var hash: UInt64 = 0
    var head: Int64 = 0
    var isOlder = false
    var isMarkedClean = false
  }

  /// Opens, checks, mends and continues the journal.
  ///
  /// - Parameters:
  ///   - recording: tells what the journal held whenever something was acknowledged.
  ///   - acknowledged: the last of these states that was; -1 for none.
  func judge(_ recording: CrashRecording, acknowledged: Int) throws(CrashFailure) -> Verdict {
    guard SystemFiles.kind(disk.journal) != .nothing else {
      guard acknowledged < 0 else { throw CrashFailure(oracle: "C", message: "there is no journal") }
      return try createAnew(recording.states)
    }
    var found = try read(checking: recording.scenario.check)
    guard let state = recording.states.lastIndex(of: found.hash) else {
      throw CrashFailure(
        oracle: "B", message: "the journal ends at entry \(found.head), and holds what it never held there")
    }
    guard state >= acknowledged else {
      throw CrashFailure(
        oracle: "C", message: "state \(acknowledged) was acknowledged, \(state) is here, entry \(found.head)")
    }
    var states = [found.hash]
    if let mend = recording.scenario.mend {
      // What was added behind a recovery stays as it is.
      let isPast = !recording.cuts.isEmpty && state == recording.states.count - 1
      found = try mended(found, by: mend, &states, isPast ? nil : recording.settled)
    }
    let (opened, after) = try goOn(from: found, note: states.count + 1)
    return Verdict(found: state, states: states + [opened, after])
  }

  private func createAnew(_ states: [UInt64]) throws(CrashFailure) -> Verdict {
    try step("F", "create") {
      let writer = try JournalWriter.create(at: disk.journal, facts: SampleJournal.facts, importState: "{}")
      disk.note(0)
      writer.abandon()
    }
    let found = try read()
    guard found.hash == states.first else { throw CrashFailure(oracle: "F", message: "a new journal differs") }
    try expectOneFile(["journal.db", "journal.db-shm", "journal.db-wal"])
    return Verdict(found: -1, states: [found.hash])
  }

  /// What a reader finds.
  private func read(checking check: CrashScenario.Check? = nil) throws(CrashFailure) -> Found {
    var found = Found()
    try step("A", "read") {
      let reader = try JournalReader(at: disk.journal)
      let pages = fault_page_hash(reader.connection.handle)
      if let before = known[pages] {
        found = before
        return
      }
      let finding = try reader.connection.text("PRAGMA integrity_check(1)") ?? "nothing"
      guard finding == "ok" else { throw CrashFailure(oracle: "A", message: finding) }
      found.hash = fault_dump_hash(reader.connection.handle, Self.notCompared)
      found.head = try reader.headSeq().rawValue
      found.isOlder = try reader.schemaVersion() < Migration.all.count
      found.isMarkedClean = try reader.number("SELECT clean FROM writer_state") == 1
      try step("D", "check after entry \(found.head)") { try check?(reader) }
      if pages != 0, found.hash != 0 { known[pages] = found }
    }
    return found
  }

  /// What a reader finds after an orderly end.
  private func readClosed() throws(CrashFailure) -> Found {
    try expectOneFile(["journal.db"])
    let hash = disk.hash(of: "journal.db")
    if let known = hash.flatMap({ closed[$0] }) { return known }
    let found = try read()
    guard found.isMarkedClean else { throw CrashFailure(oracle: "F", message: "no clean mark after closing") }
    if let hash { closed[hash] = found }
    return found
  }

  /// Does a scenario's work again: it ends where it would have ended undisturbed, and once more changes nothing.
  private func mended(
    _ found: Found, by mend: CrashScenario.Mending, _ states: inout [UInt64], _ settled: UInt64?
  ) throws(CrashFailure) -> Found {
    var committed: [UInt64] = []
    try work("mend after entry \(found.head)") { writer in
      writer.onCommit = { [disk, handle = writer.connection.handle] in
        committed.append(disk.unseen { fault_dump_hash(handle, Self.notCompared) })
        disk.note(committed.count)
      }
      try mend(writer)
    }
    states += committed
    let mended = try readClosed()
    guard mended.hash == settled ?? mended.hash else {
      throw CrashFailure(oracle: "D", message: "recovery from entry \(found.head) ends otherwise, at \(mended.head)")
    }
    guard mendedTwice.insert(mended.hash).inserted else { return mended }
    try work("mend again after entry \(mended.head)", mend)
    guard try read().hash == mended.hash else {
      throw CrashFailure(oracle: "D", message: "a second recovery changes something")
    }
    return mended
  }

  /// A writer goes on where the reader stood, and closes in order.
  ///
  /// - Returns: what was there once it had opened (a migration changes rows), and in the end.
  private func goOn(from found: Found, note: Int) throws(CrashFailure) -> (opened: UInt64, after: UInt64) {
    var opened = found.hash
    try work("go on after entry \(found.head)") { writer in
      if found.isOlder { opened = try disk.unseen { try read().hash } }
      guard writer.resume.headSeq.rawValue == found.head else {
        throw CrashFailure(
          oracle: "F", message: "a reader found entry \(found.head), a writer \(writer.resume.headSeq)")
      }
      try writer.append(CrashRows.batch(after: writer.headSeq, 3))
      try writer.commit()
      disk.note(note)
    }
    let after = try readClosed()
    // Equal rows need not be judged twice.
    if continued[found.hash] == nil { try findings() }
    guard after.head == found.head + 3, continued[found.hash, default: after.hash] == after.hash else {
      throw CrashFailure(oracle: "F", message: "entry \(found.head) was continued to \(after.head) with other rows")
    }
    continued[found.hash] = after.hash
    return (opened, after.hash)
  }

  // A writer from its opening to its orderly end.
  private func work(_ doing: String, _ body: (JournalWriter) throws -> Void) throws(CrashFailure) {
    try step("F", doing) {
      let writer = try JournalWriter.open(at: disk.journal, key: FaultDisk.key(beside: disk.journal))
      defer { writer.abandon() }
      try body(writer)
      try writer.close()
    }
  }

  // Derived rows and seals must fit; where the rows are those of a sound journal, the rules about rows hold too.
  private func findings() throws(CrashFailure) {
    try step("D", "verify") {
      let first = disk.file(FaultDisk.firstKeyName)
      let key = SystemFiles.kind(first) == .nothing ? nil : try SealKeyFile.read(at: first)
      if let finding = try JournalReader(at: disk.journal).check(key: key).findings.first {
        throw CrashFailure(oracle: "D", message: "\(finding.structure): \(finding.message)")
      }
    }
  }

  private func expectOneFile(_ allowed: Set<String>) throws(CrashFailure) {
    // A migration keeps a copy of the older journal.
    let others = [FaultDisk.keyName, FaultDisk.firstKeyName]
    let names = disk.names.filter { !$0.hasPrefix("journal.db.schema-") && !others.contains($0) }
    guard allowed.isSuperset(of: names) else { throw CrashFailure(oracle: "F", message: "left behind: \(names)") }
  }

  private func step(_ oracle: String, _ doing: String, _ body: () throws -> Void) throws(CrashFailure) {
    do {
      try body()
    } catch let failure as CrashFailure {
      throw failure
    } catch {
      throw CrashFailure(oracle: oracle, message: "cannot \(doing): \(error)")
    }
  }
}

extension CrashOracle {
  /// Judges a journal of which only the file is known: it is sound, or not there, and goes on.
  func judgeAny() throws(CrashFailure) {
    guard SystemFiles.kind(disk.journal) != .nothing else { return }
    _ = try goOn(from: read(), note: 0)
  }
}
