// Why: the one writer of a journal: group commit in WAL with one fsync a group, on one connection that
// also does every checkpoint (so SQLite's WAL-reset bug has nothing to bite on). After a failure nothing
// more is acknowledged: a sync that failed once has already forgotten what it did not write.
// Not here: the columns (`JournalWriter+Rows.swift`), making a journal (`JournalWriter+Create.swift`).

import GRDBSQLite
package import PageOwnership

/// Appends to a journal. One owner, one thread at a time.
package final class JournalWriter {
  /// What a writer found when it opened.
  package struct Resume: Hashable, Sendable {
    /// The last entry in the journal.
    package var headSeq: SequenceNumber
    /// Whether the last writer closed in order.
    package var wasClean: Bool
  }

  /// The absolute path of the journal.
  package let path: String
  /// What was found at opening.
  package let resume: Resume
  /// The last entry that survives a power cut.
  package var durableSeq: SequenceNumber { durable.seq }
  /// The same, for whoever waits for an entry.
  package let durable: DurableMark

  let statements: WriterStatements
  /// The chain, as far as rows were appended.
  var seals: SealWriter
  /// The notes that the chain's end covers.
  var notes: WriterNotes
  /// The source runs that began in the batch at hand.
  var startedRuns: [(seq: Int64, index: Int64?)] = []
  /// The last entry appended.
  var headSeq: SequenceNumber
  /// How many sites there are; their numbers are dense.
  var siteCount: Int32
  /// The index that the next entry has by the running count; `.none` before the first entry.
  var runningIndex: Int64??

  /// Tests weaken its durability here, to see that they then find what is lost.
  let connection: Connection
  private let lock: LockFile
  private let hold: WriterHold
  private let keyFile: SealKeyFile?
  private var state = State.idle
  private var isMarkedClean: Bool
  /// The pages in the log at which it is copied into the database; lowered by tests.
  var checkpointAt = checkpointPages
  /// Hears of each group that became durable by ``commit(importState:isComplete:)``; set by tests.
  var onCommit: (() -> Void)?
  private let logPages: UnsafeMutablePointer<Int32>

  private enum State {
    case idle, inGroup, poisoned, closed
  }

  /// The log is copied into the database when it has grown to 16 MiB.
  private static let checkpointPages: Int32 = 4096

  /// Opens a journal for appending; what a crash left in the log is recovered to the last group. The time this
  /// takes does not depend on the journal's length. An older journal is migrated first.
  ///
  /// - Parameters:
  ///   - key: the key that the journal is sealed with; nil for one without.
  ///   - keepsCopy: whether a copy of an older journal is kept beside it.
  /// - Throws: ``JournalError``: `missing`, `notAJournal`, `newer`, `locked`, `readOnly`, `io`, `corrupt`, `key`.
  package static func open(
    at path: String, key: SealKeyFile? = nil, keepsCopy: Bool = true
  ) throws(JournalError) -> JournalWriter {
    try Connection.checkPresence(path)
    let path = try SystemFiles.absolute(path)
    let lock = try LockFile.acquire(for: path)
    do throws(JournalError) {
      return try JournalWriter(path, lock, key, keepsCopy: keepsCopy)
    } catch {
      lock.release()
      throw error
    }
  }

  private init(
    _ path: String, _ lock: LockFile, _ keyFile: SealKeyFile?, keepsCopy: Bool
  ) throws(JournalError) {
    let hadLog = SystemFiles.hasLog(path)
    let connection = try Connection(path, .write)
    try Self.migrate(connection, keepsCopy: keepsCopy)
    try Self.enterLog(connection)
    try Self.checkKey(connection, keyFile)
    headSeq = try connection.headSeq()
    siteCount = Int32(clamping: try connection.number("SELECT max(id) FROM site") ?? 0)
    runningIndex = try Self.lastIndex(connection, headSeq)
    notes = try WriterNotes(connection)
    seals = try Self.resumeSeals(connection, key: keyFile?.key)
    statements = try WriterStatements(connection)
    resume = Resume(headSeq: headSeq, wasClean: notes.isClean && !hadLog)
    durable = DurableMark(headSeq)
    isMarkedClean = notes.isClean
    self.path = path
    self.connection = connection
    self.lock = lock
    hold = WriterHold(path)
    self.keyFile = keyFile
    logPages = .allocate(capacity: 1)
    logPages.initialize(to: 0)
    watchLog()
  }

  deinit {
    if state != .closed { abandon() }
    logPages.deallocate()
  }

  /// Adds a batch to the open group.
  ///
  /// - Throws: ``JournalError``; after any failure the group is gone and the writer poisoned.
  package func append(_ batch: EntryBatch) throws(JournalError) {
    try beginGroup()
    do throws(JournalError) {
      try insert(batch)
    } catch {
      throw poison(error)
    }
  }

  /// Makes the open group durable, together with the importer's state, in one transaction and one sync.
  ///
  /// - Parameters:
  ///   - importState: where the import stands, as JSON; nil leaves the stored state as it is.
  ///   - isComplete: whether the import has reached its end.
  package func commit(importState: String? = nil, isComplete: Bool = false) throws(JournalError) {
    if importState == nil, state == .idle { return }
    try beginGroup()
    do throws(JournalError) {
      if let importState { try insert(importState, isComplete) }
      try execute("UPDATE writer_state SET clean = 0 WHERE clean", if: isMarkedClean)
      notes.isClean = false
      try writeTail()
      try connection.execute("COMMIT", "commit")
      if isMarkedClean { try settleMark() }
      try checkFiles()
      // From now on the seals in this group can't be made again.
      if let epoch = seals.key?.epoch { try keyFile?.advance(to: epoch) }
    } catch {
      throw poison(error)
    }
    isMarkedClean = false
    state = .idle
    durable.advance(to: headSeq)
    onCommit?()
    try checkpointIfDue()
  }

  /// Commits, checkpoints, leaves DELETE mode and the clean mark, and lets go of the journal.
  ///
  /// With readers present the log cannot go away; it is emptied then and the next writer removes it.
  package func close() throws(JournalError) {
    if state == .closed { return }
    try beginGroup()
    do throws(JournalError) {
      try checkFiles()
      try connection.execute("UPDATE writer_state SET clean = 1", "mark the journal clean")
      notes.isClean = true
      try writeTail()
      try connection.execute("COMMIT", "commit")
      if let epoch = seals.key?.epoch { try keyFile?.advance(to: epoch) }
      durable.advance(to: headSeq)
      state = .idle
      statements.finalize()
      try leaveLog()
      try connection.close()
    } catch {
      if state != .idle { throw poison(error) }
      state = .closed
      durable.end()
      lock.release()
      throw error
    }
    state = .closed
    durable.end()
    lock.release()
  }

  /// Lets go without the open group and without the clean mark; committed groups stay.
  package func abandon() {
    // The files belong to the process that opened them.
    if state == .closed || !hold.isOurs { return }
    statements.finalize()
    if state == .inGroup { sqlite3_exec(connection.handle, "ROLLBACK", nil, nil, nil) }
    connection.keepLogOnClose()
    try? connection.close()
    state = .closed
    durable.end()
    lock.release()
  }
}

extension JournalWriter {
  func beginGroup() throws(JournalError) {
    try hold.checkProcess()
    switch state {
    case .inGroup: return
    case .idle:
      do throws(JournalError) {
        try connection.execute("BEGIN IMMEDIATE", "begin a group")
      } catch {
        throw poison(error)
      }
    case .poisoned:
      throw JournalError(
        .poisoned, "\(path): writing stopped after an earlier failure",
        hint: "open the journal again; everything that was acknowledged is in it")
    case .closed: throw JournalError(.invalid, "\(path) is closed")
    }
    state = .inGroup
  }

  func poison(_ error: JournalError) -> JournalError {
    sqlite3_exec(connection.handle, "ROLLBACK", nil, nil, nil)
    state = .poisoned
    headSeq = durableSeq
    durable.end(error)
    return error
  }

  /// The file itself says from the first acknowledged group on that it has a writer: a log that goes away is missed.
  private func settleMark() throws(JournalError) {
    let code = sqlite3_wal_checkpoint_v2(connection.handle, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
    guard code == SQLITE_OK || code == SQLITE_BUSY else {
      throw .sqlite(code, connection.handle, "\(path): cannot checkpoint")
    }
  }

  /// Refuses to acknowledge what lies where nobody will look.
  private func checkFiles() throws(JournalError) {
    do throws(JournalError) {
      try hold.checkFiles()
    } catch {
      // What was acknowledged is saved from a log that is going away; beside another log it would do harm.
      if hold.logIsGone { sqlite3_wal_checkpoint_v2(connection.handle, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil) }
      throw error
    }
  }

  private func execute(_ sql: String, if isNeeded: Bool) throws(JournalError) {
    if isNeeded { try connection.execute(sql, "commit") }
  }

  /// Switches to the log; every commit is then one sync.
  static func enterLog(_ connection: Connection) throws(JournalError) {
    guard try connection.switchMode(to: "WAL") == "wal" else {
      throw JournalError(.io, "\(connection.path): the file system cannot hold a write-ahead log")
    }
    try connection.execute("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0", "configure the journal")
    // A log that a reader made has no durable name yet, and a rollback journal that is gone must stay gone.
    try SystemFiles.syncFolder(of: connection.path)
  }

  /// What the running count of source indices says of the next entry.
  private static func lastIndex(_ connection: Connection, _ head: SequenceNumber) throws(JournalError) -> Int64?? {
    let cursor = try Cursor(
      connection, "SELECT first_seq, first_index FROM source_run ORDER BY first_seq DESC LIMIT 1")
    guard try cursor.step() else { return .none }
    guard let index = cursor.optionalNumber(1) else { return .some(nil) }
    return .some(index &+ (head.rawValue &+ 1 &- cursor.number(0)))
  }

  private func watchLog() {
    sqlite3_wal_hook(
      connection.handle,
      { context, _, _, pageCount in
        context?.assumingMemoryBound(to: Int32.self).pointee = pageCount
        return SQLITE_OK
      }, logPages)
  }

  /// Bounds the log. A reader may hold it back: then it is tried again when the log has grown by as much.
  private func checkpointIfDue() throws(JournalError) {
    guard logPages.pointee >= checkpointAt else { return }
    var total: Int32 = 0
    var copied: Int32 = 0
    let code = sqlite3_wal_checkpoint_v2(connection.handle, nil, SQLITE_CHECKPOINT_PASSIVE, &total, &copied)
    guard code == SQLITE_OK || code == SQLITE_BUSY else {
      throw poison(.sqlite(code, connection.handle, "\(path): cannot checkpoint"))
    }
    checkpointAt = copied >= total ? Self.checkpointPages : logPages.pointee &+ Self.checkpointPages
  }

  private func leaveLog() throws(JournalError) {
    let code = sqlite3_wal_checkpoint_v2(connection.handle, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
    if code & 0xff == SQLITE_BUSY { return }
    guard code == SQLITE_OK else { throw .sqlite(code, connection.handle, "\(path): cannot checkpoint") }
    do throws(JournalError) {
      _ = try connection.switchMode(to: "DELETE")
    } catch {
      guard error.code == .locked else { throw error }
    }
  }
}
