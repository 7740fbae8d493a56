// Why: a reader is welcome at any time: beside a writer, on a crashed journal, on read-only media. It
// reads rows of unknown origin, so everything is checked on the way. Not here: what rows mean for
// ownership (Analysis). Entries are in `JournalReader+Entries.swift`, actions and snapshots beside it.

package import PageOwnership

/// Reads a journal. One owner, one thread at a time.
package final class JournalReader {
  /// The absolute path of the journal.
  package let path: String
  let connection: Connection
  /// Whether the file is read as one that nobody can change.
  let isImmutable: Bool

  /// Opens a journal for reading.
  ///
  /// - Throws: ``JournalError``: `missing`, `notAJournal`, `newer`, `readOnly`, `io`, `corrupt`.
  package init(at path: String) throws(JournalError) {
    try Connection.checkPresence(path)
    let path = try SystemFiles.absolute(path)
    (connection, isImmutable) = try Self.connect(path)
    self.path = path
    _ = try connection.checkedVersion()
  }

  /// Reads normally; where no shared memory can be made, as an unchanging file if there is no log to miss.
  private static func connect(_ path: String) throws(JournalError) -> (Connection, Bool) {
    let refusal: JournalError
    do throws(JournalError) {
      let connection = try Connection(path, .read)
      _ = try connection.number("SELECT count(*) FROM sqlite_schema")
      return (connection, false)
    } catch {
      if error.cause?.code == HotJournal.refusal { return (try HotJournal.undo(path, error), false) }
      guard error.code == .io || error.code == .readOnly else { throw error }
      refusal = error
    }
    guard !SystemFiles.hasLog(path) else {
      throw JournalError(
        .readOnly, "\(path) has a write-ahead log, and its folder may not be written",
        hint: "copy the file and its -wal to a folder that may be written", cause: refusal.cause)
    }
    guard let connection = try? Connection(path, .readImmutable) else { throw refusal }
    return (connection, true)
  }

  /// The last entry of the journal; 0 if it is empty.
  package func headSeq() throws(JournalError) -> SequenceNumber { try connection.headSeq() }

  /// The number in the first column of the first row of a statement of ours; nil for NULL or no row.
  package func number(_ sql: String) throws(JournalError) -> Int64? { try connection.number(sql) }

  /// Nanoseconds of the last entry up to `seq` that tells a time, pruned ones among them; nil if none does.
  package func time(upTo seq: SequenceNumber) throws(JournalError) -> Int64? {
    let anchor = try anchor()
    let row = try Cursor(
      connection,
      "SELECT time FROM entry_row WHERE seq BETWEEN ?2 AND ?1 AND time IS NOT NULL ORDER BY seq DESC LIMIT 1")
    row.restart(seq.rawValue, anchor?.firstSeq.rawValue ?? 1)
    return try row.step() ? row.number(0) : anchor?.time
  }

  /// The first moment that can be asked for: of the anchor, or 0, before the first entry.
  package func startSeq() throws(JournalError) -> SequenceNumber { try anchor()?.seq ?? SequenceNumber(0) }

  /// The first entry that was not pruned; 1 in a journal that has its beginning.
  package func firstSeq() throws(JournalError) -> SequenceNumber { SequenceNumber(try startSeq().rawValue + 1) }

  /// Whether the last writer closed in order: its mark stands and there is no log.
  package func isClean() throws(JournalError) -> Bool {
    try connection.number("SELECT clean FROM writer_state") == 1 && !SystemFiles.hasLog(path)
  }

  /// Whether the import that made the journal reached its end; true if no import did.
  package func isComplete() throws(JournalError) -> Bool {
    try connection.number("SELECT complete FROM import_state") != 0
  }

  /// Where the import stands, as the importer wrote it; nil if there was none.
  package func importState() throws(JournalError) -> String? {
    try connection.text("SELECT body FROM import_state")
  }

  /// How many migrations the file has.
  package func schemaVersion() throws(JournalError) -> Int { try connection.checkedVersion() }

  /// What the journal knows of the machine.
  package func facts() throws(JournalError) -> Facts { try FactRows.read(connection) }

  /// All sites.
  package func sites() throws(JournalError) -> SiteTable { try SiteTable(connection) }

  /// All spaces, by number.
  package func spaces() throws(JournalError) -> [SpaceLife] { try connection.spaces() }

  /// Where lines are missing, in order.
  package func gaps() throws(JournalError) -> [Gap] {
    let rows = try Cursor(connection, "SELECT seq, missing, first_index, why FROM gap ORDER BY seq", of: "gap")
    var gaps: [Gap] = []
    while try rows.step() {
      gaps.append(
        Gap(
          seq: SequenceNumber(rows.number(0)), missing: rows.optionalNumber(1), firstIndex: rows.optionalNumber(2),
          why: rows.text(3)))
    }
    return gaps
  }
}

/// A space with the entries that gave birth to it and ended it.
package struct SpaceLife: Hashable, Sendable {
  /// The space.
  package var space: Space
  /// The entry that it appeared with; 0 for the three fixed ones.
  package var bornSeq: SequenceNumber
  /// The entry that ended it; nil if it lives at the end of the journal.
  package var diedSeq: SequenceNumber?
}

extension Connection {
  /// All spaces, by number.
  func spaces() throws(JournalError) -> [SpaceLife] {
    var spaces: [SpaceLife] = []
    try self.spaces(from: .min, through: .max, into: &spaces)
    return spaces
  }

  /// The spaces with these numbers.
  func spaces(_ numbers: [SpaceID]) throws(JournalError) -> [SpaceLife] {
    var spaces: [SpaceLife] = []
    for number in numbers.sorted() {
      try self.spaces(from: Int64(number.rawValue), through: Int64(number.rawValue), into: &spaces)
    }
    return spaces
  }

  private func spaces(
    from first: Int64, through last: Int64, into spaces: inout [SpaceLife]
  ) throws(JournalError) {
    let rows = try Cursor(
      self,
      """
      SELECT s.id, s.kind, s.handle, s.incarnation, s.protected, s.born_seq, e.died_seq
      FROM space_row s LEFT JOIN space_end e ON e.space = s.id WHERE s.id BETWEEN ?1 AND ?2 ORDER BY s.id
      """, of: "space_row")
    rows.restart(first, last)
    while try rows.step() {
      let space = Space(
        id: SpaceID(rawValue: try rows.exact(0, as: Int32.self)),
        kind: try rows.coded(1, SpaceKind.init(rawValue:)),
        handle: try rows.optionalExact(2, as: UInt16.self).map(VMHandle.init(rawValue:)),
        incarnation: try rows.exact(3, as: Int32.self), isProtected: rows.isNull(4) ? nil : try rows.flag(4))
      spaces.append(
        SpaceLife(
          space: space, bornSeq: SequenceNumber(rows.number(5)),
          diedSeq: rows.optionalNumber(6).map { SequenceNumber($0) }))
    }
  }
}

/// The sites of a journal, by number.
package struct SiteTable: Sendable {
  /// The sites, in order of their numbers, from 1 without holes.
  package let sites: [Site]

  /// The site with a number; nil if there is none.
  package subscript(id: SiteID) -> Site? {
    let index = Int(id.rawValue) - 1
    return sites.indices.contains(index) ? sites[index] : nil
  }

  init(sites: [Site]) { self.sites = sites }

  init(_ connection: Connection) throws(JournalError) {
    let rows = try Cursor(connection, Self.columns, of: "site")
    var sites: [Site] = []
    while try rows.step() {
      guard rows.number(0) == sites.count + 1 else { throw rows.damaged(0) }
      sites.append(try Self.site(rows))
    }
    self.sites = sites
  }

  static let columns = """
    SELECT id, kind, operation, kernel_function, kernel_step, source_line, condition, skipped, effect, side,
      expected, new_state, provenance
    FROM site ORDER BY id
    """

  static func site(_ row: Cursor) throws(JournalError) -> Site {
    var site = Site(try row.coded(1, EntryKind.init(rawValue:)))
    site.operation = try row.optionallyCoded(2, Operation.init(rawValue:))
    site.kernelFunction = row.optionalText(3)
    site.kernelStep = row.optionalText(4)
    site.sourceLine = row.optionalNumber(5)
    site.condition = try row.optionallyCoded(6, Condition.init(rawValue:))
    site.skipped = row.text(7)
    site.effect = try row.optionallyCoded(8, Effect.init(rawValue:))
    site.side = try row.optionallyCoded(9, Side.init(rawValue:))
    site.expected = try row.optionallyCoded(10) { PageState(name: $0) }
    site.newState = try row.optionallyCoded(11) { PageState(name: $0) }
    site.resultProvenance = try row.coded(12, Provenance.init(rawValue:))
    return site
  }
}
