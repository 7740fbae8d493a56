// Why: which column goes where in the chain, in the order that the writer has (SealWriter), and what each row
// must point to. A column of a wrong type is an error with its name. Not here: actions and snapshots
// (ChainScan+Actions), stepping (ChainCursors).

import PageOwnership

extension ChainScan {
  /// Takes the entry that the cursors stand at.
  mutating func takeRows() throws(JournalError) {
    isDecoded = true
    let entry = cursors.entries.rows
    let number = Int32(truncatingIfNeeded: entry.number(1))
    let digest = Int64(number) == entry.number(1) ? digests[number] : nil
    if digest == nil { findings.note("entry_row", "site points to no row of site", at: seq.rawValue) }
    hasher.begin(.entry)
    hasher.raw(digest ?? ChainHash([]))
    try hasher.add(entry, numbers: 2..<11)
    hasher.end()
    taken.entries &+= 1
    mention(entry, 3, "entry_row", "space")
    if decodes { decodeEntry() }
    try takeNotes()
    try takeRuns()
    try takeGaps()
    try takeChanges()
    try takeObservations()
    if !entry.isNull(2) { try takeAction(entry.number(2), digest == nil ? nil : sites[SiteID(rawValue: number)]) }
    try takeDeaths()
    try takeSnapshots()
    if spaces.hasBirths { spaces.takeBirths(into: &hasher) }
  }

  /// Follows a column to a space; NULL points nowhere.
  @inline(__always)
  mutating func mention(_ row: Cursor, _ column: Int32, _ table: String, _ name: String) {
    if row.isNull(column) || spaces.mention(row.number(column)) { return }
    findings.note(table, "\(name) points to no row of space_row", at: seq.rawValue)
  }

  private mutating func decodeEntry() {
    do throws(JournalError) {
      frame.entry = try RowDecoding.entry(cursors.entries.rows)
    } catch { noteUndecodable(error) }
    frame.changes.removeAll(keepingCapacity: true)
    frame.observations.removeAll(keepingCapacity: true)
  }

  private mutating func noteUndecodable(_ error: JournalError) {
    isDecoded = false
    findings.note(IntegrityFinding(structure: "rows", message: error.message, place: seq.rawValue))
  }

  private mutating func takeNotes() throws(JournalError) {
    while let found = cursors.notes.seq, found <= seq.rawValue {
      if stands(found, "entry_note") {
        hasher.begin(.note)
        try hasher.add(cursors.notes.rows, text: 1)
        hasher.end()
        taken.notes &+= 1
      }
      try cursors.notes.advance()
    }
  }

  private mutating func takeRuns() throws(JournalError) {
    while let found = cursors.runs.seq, found <= seq.rawValue {
      if stands(found, "source_run") {
        hasher.begin(.sourceRun)
        try hasher.add(cursors.runs.rows, numbers: 1..<2)
        hasher.end()
        taken.runs &+= 1
      }
      try cursors.runs.advance()
    }
  }

  private mutating func takeGaps() throws(JournalError) {
    while let found = cursors.gaps.seq, found <= seq.rawValue {
      if stands(found, "gap") {
        hasher.begin(.gap)
        try hasher.add(cursors.gaps.rows, numbers: 1..<3)
        try hasher.add(cursors.gaps.rows, text: 3)
        hasher.end()
        taken.gaps &+= 1
      }
      try cursors.gaps.advance()
    }
  }

  private mutating func takeChanges() throws(JournalError) {
    var ordinal: Int64 = 0
    while let found = cursors.changes.seq, found <= seq.rawValue {
      if stands(found, "change_row") { try takeChange(&ordinal) }
      try cursors.changes.advance()
    }
  }

  private mutating func takeChange(_ ordinal: inout Int64) throws(JournalError) {
    let row = cursors.changes.rows
    checkOrdinal(row, &ordinal, "change_row")
    hasher.begin(.change)
    try hasher.add(row, numbers: 2..<10)
    hasher.end()
    taken.changes &+= 1
    mention(row, 2, "change_row", "space")
    mention(row, 9, "change_row", "owner")
    guard decodes, isDecoded else { return }
    do throws(JournalError) { frame.changes.append(try RowDecoding.change(row)) } catch { noteUndecodable(error) }
  }

  private mutating func takeObservations() throws(JournalError) {
    var ordinal: Int64 = 0
    while let found = cursors.observations.seq, found <= seq.rawValue {
      if stands(found, "observation_row") { try takeObservation(&ordinal) }
      try cursors.observations.advance()
    }
  }

  private mutating func takeObservation(_ ordinal: inout Int64) throws(JournalError) {
    let row = cursors.observations.rows
    checkOrdinal(row, &ordinal, "observation_row")
    hasher.begin(.observation)
    try hasher.add(row, numbers: 2..<12)
    hasher.end()
    taken.observations &+= 1
    mention(row, 7, "observation_row", "guest_space")
    guard decodes, isDecoded else { return }
    do throws(JournalError) {
      frame.observations.append(try RowDecoding.observation(row))
    } catch { noteUndecodable(error) }
  }

  /// Rows of one entry count from 0; `ordinal` is what the next one should have.
  mutating func checkOrdinal(_ row: Cursor, _ ordinal: inout Int64, _ table: String) {
    if row.number(1) != ordinal {
      findings.note(table, "rows of an entry are missing: ord is not dense from 0", at: seq.rawValue)
    }
    ordinal = row.number(1) &+ 1
  }

  /// Whether a row belongs to the entry; one of an entry that is missing was passed over.
  mutating func stands(_ found: Int64, _ table: String) -> Bool {
    if found == seq.rawValue { return true }
    findings.note(table, "seq points to no row of entry_row", at: found)
    return false
  }
}

extension SealHasher {
  /// Adds columns that hold numbers or NULL.
  @inline(__always)
  mutating func add(_ row: Cursor, numbers columns: Range<Int32>) throws(JournalError) {
    for column in columns {
      switch row.type(column) {
      case .number: add(row.number(column))
      case .null: add(nil as Int64?)
      default: throw row.damaged(column)
      }
    }
  }

  /// Adds a column that holds text or NULL.
  mutating func add(_ row: Cursor, text column: Int32) throws(JournalError) {
    switch row.type(column) {
    case .text: row.withText(column) { add(text: $0) }
    case .null: add(nil as Int64?)
    default: throw row.damaged(column)
    }
  }
}
