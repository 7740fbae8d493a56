// Why: a check that passes over rows proves nothing of them, so every table's rows are counted by statements
// of their own and held against what the scan took. Windows keep each transaction short.

import PageOwnership

/// Counts rows up to the last entry of a check.
enum ChainCoverage {
  /// Rows by table: those that the scan took, and those that are there.
  static func rows(
    _ connection: Connection, _ taken: ChainTally, _ start: CheckStart, isLive: Bool
  ) throws(JournalError) -> [TableCoverage] {
    let last = start.last.rawValue
    var rows: [TableCoverage] = []
    for (table, key, count) in bySeq(taken) {
      rows.append(
        TableCoverage(table: table, present: try counted(connection, table, key, through: last, isLive), checked: count)
      )
    }
    for (table, key, column, count) in byNumber(taken) {
      let end = isLive ? last : Int64.max
      let sql =
        "SELECT count(*), max(key), sum(seq <= \(end)) FROM (SELECT \(key) AS key, \(column) AS seq FROM \(table)"
      let present = try counted(connection, sql + " WHERE \(key) > ?1 ORDER BY \(key) LIMIT 20000)")
      rows.append(TableCoverage(table: table, present: present, checked: count))
    }
    rows += try snapshots(connection, taken, start, isLive)
    for table in ["fact", "region"] { rows.append(try whole(connection, table)) }
    let isSealed = start.tail != nil
    let reason = isSealed ? nil : "an older journal has no seals"
    let sites = Int64(start.source.digests.count)
    rows.append(TableCoverage(table: "site", present: sites, checked: sites))
    rows.append(
      TableCoverage(table: "space_row", present: Int64(start.spaces.count), checked: Int64(start.spaces.count)))
    if try connection.hasAnchors() {
      let count = try connection.number("SELECT count(*) FROM anchor") ?? 0
      rows.append(TableCoverage(table: "anchor", present: count, checked: start.anchor == nil ? 0 : 1))
    }
    for table in ["import_state", "writer_state"] {
      let count = try connection.number("SELECT count(*) FROM \(table)") ?? 0
      rows.append(TableCoverage(table: table, present: count, checked: isSealed ? count : 0, skipped: reason))
    }
    return rows
  }

  private static func snapshots(
    _ connection: Connection, _ taken: ChainTally, _ start: CheckStart, _ isLive: Bool
  ) throws(JournalError) -> [TableCoverage] {
    let end = isLive ? start.last.rawValue : Int64.max
    let upToEnd = "FROM snapshot WHERE seq <= \(end)"
    let headers = try connection.number("SELECT count(*) \(upToEnd)") ?? 0
    let derived = try connection.number("SELECT count(*) \(upToEnd) AND origin <> 'observed'") ?? 0
    let inEnd = isLive ? "WHERE snapshot IN (SELECT id \(upToEnd))" : ""
    let ranges = try connection.number("SELECT count(*) FROM snapshot_range \(inEnd)") ?? 0
    // That of an anchor is under its digest.
    let own = derived - (start.anchor == nil ? 0 : 1)
    let reason = own > 0 ? "\(own) snapshots are the writer's own" : nil
    return [
      TableCoverage(table: "snapshot", present: headers, checked: taken.snapshots, skipped: reason),
      TableCoverage(table: "snapshot_range", present: ranges, checked: taken.ranges, skipped: reason),
    ]
  }

  private static func bySeq(_ taken: ChainTally) -> [(String, String, Int64)] {
    [
      ("entry_row", "seq", taken.entries), ("entry_note", "seq", taken.notes), ("source_run", "first_seq", taken.runs),
      ("gap", "seq", taken.gaps), ("change_row", "seq", taken.changes),
      ("observation_row", "seq", taken.observations),
    ]
  }

  private static func byNumber(_ taken: ChainTally) -> [(String, String, String, Int64)] {
    [
      ("activation_row", "id", "first_seq", taken.activations),
      ("activation_end", "id", "last_seq", taken.activationEnds),
      ("transition_row", "id", "first_seq", taken.transitions),
      ("transition_end", "id", "last_seq", taken.transitionEnds), ("space_end", "space", "died_seq", taken.spaceEnds),
    ]
  }

  // Keys of a live journal beyond the end belong to later commits; of any other they are wrong.
  private static func counted(
    _ connection: Connection, _ table: String, _ key: String, through last: Int64, _ isLive: Bool
  ) throws(JournalError) -> Int64 {
    // Numbers may be anything: windows begin where rows are.
    let starts = try Cursor(connection, "SELECT min(\(key)) FROM \(table) WHERE \(key) >= ?1")
    let windows = try Cursor(connection, "SELECT count(*) FROM \(table) WHERE \(key) BETWEEN ?1 AND ?2")
    let end = isLive ? last : Int64.max
    var present: Int64 = 0
    var next = Int64.min
    while next <= end {
      starts.restart(next)
      guard try starts.step(), let first = starts.optionalNumber(0), first <= end else { break }
      starts.reset()
      let (sum, overflow) = first.addingReportingOverflow(49_999)
      let windowEnd = overflow ? end : min(end, sum)
      windows.restart(first, windowEnd)
      if try windows.step() { present &+= windows.number(0) }
      windows.reset()
      if windowEnd == .max { break }
      next = windowEnd + 1
    }
    return present
  }

  private static func counted(_ connection: Connection, _ sql: String) throws(JournalError) -> Int64 {
    let windows = try Cursor(connection, sql)
    var present: Int64 = 0
    var key = Int64.min
    while true {
      windows.restart(key)
      guard try windows.step(), windows.number(0) > 0 else { return present }
      present &+= windows.number(2)
      key = windows.number(1)
      windows.reset()
    }
  }

  private static func whole(_ connection: Connection, _ table: String) throws(JournalError) -> TableCoverage {
    let count = try connection.number("SELECT count(*) FROM \(table)") ?? 0
    return TableCoverage(table: table, present: count, checked: count)
  }
}
