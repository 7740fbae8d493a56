// Why: what must hold of a journal after a power cut or a failure, whatever it was: the oracles A to F of the
// catalogue of faults. Everything is asked of the store's own reader and writer.

import FaultVFS
import Glibc
import PageOwnership

@testable import Journal

/// An oracle that says no.
struct CrashFailure: Error, CustomStringConvertible {
  /// A: the file is damaged. B: half a group is visible. C: something acknowledged is gone. D: seals or derived rows do
  /// not fit. F: the journal cannot go on.
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

  init(_ disk: FaultDisk) { self.disk = disk }

  /// What a journal was found to hold, and what it held after more was added.
  struct Verdict {
    /// The state that was found; -1 if there was no journal yet.
    var found: Int
    var states: [UInt64]
  }

  /// Opens, checks and continues the journal.
  ///
  /// - Parameters:
  ///   - states: what the journal held whenever something was acknowledged.
  ///   - acknowledged: the last of them that was; -1 for none.
  func judge(_ states: [UInt64], acknowledged: Int) throws(CrashFailure) -> Verdict {
    guard SystemFiles.kind(disk.journal) != .nothing else {
      guard acknowledged < 0 else { throw CrashFailure(oracle: "C", message: "there is no journal") }
      return try createAnew(states)
    }
    let (hash, head) = try read()
    guard let found = states.lastIndex(of: hash) else {
      throw CrashFailure(oracle: "B", message: "the journal ends at entry \(head), and holds what it never held there")
    }
    guard found >= acknowledged else {
      throw CrashFailure(
        oracle: "C", message: "state \(acknowledged) was acknowledged, \(found) is here, entry \(head)")
    }
    let (opened, after) = try goOn(from: hash, head)
    return Verdict(found: found, states: [hash, opened, after])
  }

  private func createAnew(_ states: [UInt64]) throws(CrashFailure) -> Verdict {
    try step("F", "create") {
      let writer = try JournalWriter.create(at: disk.journal, facts: SampleJournal.facts, importState: "{}")
      disk.note(0)
      writer.abandon()
    }
    let (hash, _) = try read()
    guard hash == states.first else { throw CrashFailure(oracle: "F", message: "a new journal differs") }
    try expectOneFile(["journal.db", "journal.db-shm", "journal.db-wal"])
    return Verdict(found: -1, states: [hash])
  }

  /// What a reader finds.
  private func read(isClosed: Bool = false) throws(CrashFailure) -> (hash: UInt64, head: Int64) {
    var head: Int64 = 0
    var hash: UInt64 = 0
    try step("A", "read") {
      let reader = try JournalReader(at: disk.journal)
      let finding = try reader.connection.text("PRAGMA integrity_check(1)") ?? "nothing"
      guard finding == "ok" else { throw CrashFailure(oracle: "A", message: finding) }
      hash = fault_dump_hash(reader.connection.handle, Self.notCompared)
      head = try reader.headSeq().rawValue
      let isClean = try reader.isClean()
      guard isClean || !isClosed else { throw CrashFailure(oracle: "F", message: "no clean mark after closing") }
    }
    return (hash, head)
  }

  /// A writer goes on where the reader stood, and closes in order.
  ///
  /// - Returns: what was there once it had opened (a migration changes rows), and in the end.
  private func goOn(from hash: UInt64, _ head: Int64) throws(CrashFailure) -> (opened: UInt64, after: UInt64) {
    var opened = hash
    try step("F", "go on after entry \(head)") {
      let isOlder = try JournalReader(at: disk.journal).schemaVersion() < Migration.all.count
      let writer = try JournalWriter.open(at: disk.journal)
      defer { writer.abandon() }
      if isOlder { opened = try disk.unseen { try read().hash } }
      guard writer.resume.headSeq.rawValue == head else {
        throw CrashFailure(oracle: "F", message: "a reader found entry \(head), a writer \(writer.resume.headSeq)")
      }
      try writer.append(CrashRows.batch(after: writer.headSeq, 3))
      try writer.commit()
      disk.note(2)
      try writer.close()
    }
    let (after, newHead) = try read(isClosed: true)
    // Equal rows need not be judged twice.
    if continued[hash] == nil { try findings() }
    try expectOneFile(["journal.db"])
    guard newHead == head + 3, continued[hash, default: after] == after else {
      throw CrashFailure(oracle: "F", message: "entry \(head) was continued to \(newHead) with other rows")
    }
    continued[hash] = after
    return (opened, after)
  }

  // Derived rows and seals must fit; where the rows are those of a sound journal, the rules about rows hold too.
  private func findings() throws(CrashFailure) {
    try step("D", "verify") {
      let reader = try JournalReader(at: disk.journal)
      if let finding = try reader.integrity().first {
        throw CrashFailure(oracle: "D", message: "\(finding.structure): \(finding.message)")
      }
    }
  }

  private func expectOneFile(_ allowed: Set<String>) throws(CrashFailure) {
    // A migration keeps a copy of the older journal.
    let names = disk.names.filter { !$0.hasPrefix("journal.db.schema-") }
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
    let (hash, head) = try read()
    _ = try goOn(from: hash, head)
  }
}
