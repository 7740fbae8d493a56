// Why: rows back into values, the mirror of `JournalWriter+Rows.swift`; every number is checked for its
// range because a journal may come from anybody.

import PageOwnership

/// Makes values of the row a cursor stands at.
enum RowDecoding {
  /// An entry, but for its note and source index.
  static func entry(_ row: Cursor) throws(JournalError) -> Entry {
    var entry = Entry(
      seq: SequenceNumber(row.number(0)), site: SiteID(rawValue: try row.exact(1, as: Int32.self)))
    entry.action = row.optionalNumber(2).map { ActionID($0) }
    entry.space = try row.optionalExact(3, as: Int32.self).map(SpaceID.init(rawValue:))
    entry.page = row.optionalWord(4).map { PageFrame($0) }
    entry.pageCount = row.optionalWord(5) ?? (entry.page == nil ? nil : 1)
    entry.cpu = try row.optionalExact(6, as: Int32.self)
    if let found = try row.optionalExact(7, as: UInt8.self) { entry.found = try state(found, row, 7) }
    entry.outcome = try row.optionalExact(8, as: UInt8.self)
    entry.result = row.optionalNumber(9)
    entry.time = row.optionalNumber(10)
    return entry
  }

  /// A change.
  static func change(_ row: Cursor) throws(JournalError) -> Change {
    let flags = try row.exact(8, as: UInt16.self)
    let levels = row.optionalNumber(5) ?? LevelCode.pack(0, 3, 3)
    guard let table = TableKind(rawValue: UInt8(flags & 3)) else { throw row.damaged(8) }
    return Change(
      seq: SequenceNumber(row.number(0)), ordinal: try row.exact(1, as: Int32.self),
      space: SpaceID(rawValue: try row.exact(2, as: Int32.self)), table: table,
      pages: PageRange(first: PageFrame(row.word(3)), count: row.optionalWord(4) ?? 1),
      oldLevel: LevelCode.unpack(levels, 1), newLevel: LevelCode.unpack(levels, 0), old: row.optionalWord(6),
      new: row.optionalWord(7), oldState: try state(UInt8(flags >> 2 & 7), row, 8),
      newState: try state(UInt8(flags >> 5 & 7), row, 8),
      owner: try row.optionalExact(9, as: Int32.self).map(SpaceID.init(rawValue:)), isInferred: flags & 256 != 0)
  }

  /// An observation.
  static func observation(_ row: Cursor) throws(JournalError) -> Observation {
    let levels = row.optionalNumber(10) ?? LevelCode.pack(3, 3, 3)
    func leaf(_ column: Int32, _ index: Int64) -> LeafWord? {
      row.optionalWord(column).map { LeafWord(level: LevelCode.unpack(levels, index), raw: $0) }
    }
    var seen = Observation(
      seq: SequenceNumber(row.number(0)), ordinal: try row.exact(1, as: Int32.self),
      pages: PageRange(first: PageFrame(row.word(2)), count: row.optionalWord(3) ?? 1),
      isUnordered: row.number(11) & 1 != 0)
    seen.frame = row.optionalWord(4)
    seen.host = leaf(5, 2)
    seen.hyp = leaf(6, 1)
    seen.guestSpace = try row.optionalExact(7, as: Int32.self).map(SpaceID.init(rawValue:))
    seen.guestPage = row.optionalWord(8).map { PageFrame($0) }
    seen.guest = leaf(9, 0)
    return seen
  }

  private static func state(_ code: UInt8, _ row: Cursor, _ column: Int32) throws(JournalError) -> PageState {
    guard let state = PageState(rawValue: code) else { throw row.damaged(column) }
    return state
  }
}
