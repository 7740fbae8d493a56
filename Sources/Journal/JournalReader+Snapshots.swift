// Why: snapshots that came with a recording, to compare a replay with; and the writer's own, to start a
// replay near its goal.

package import PageOwnership

extension JournalReader {
  /// The headers of all snapshots, in order of their numbers.
  package func snapshots() throws(JournalError) -> [Snapshot] {
    let rows = try Cursor(
      connection, "SELECT id, seq, origin, why, registers, busy_cpus, guests FROM snapshot ORDER BY id",
      of: "snapshot")
    var snapshots: [Snapshot] = []
    while try rows.step() {
      snapshots.append(
        Snapshot(
          id: rows.number(0), seq: SequenceNumber(rows.number(1)),
          origin: try rows.coded(2, SnapshotOrigin.init(rawValue:)), why: rows.text(3), registers: rows.text(4),
          busyCPUs: try numbers(rows, 5), guests: try numbers(rows, 6).map(SpaceID.init(rawValue:))))
    }
    return snapshots
  }

  /// Walks the content of a snapshot, in the recorder's order.
  package func forEachSnapshotRange(of snapshot: Int64, _ body: (SnapshotRange) throws -> Void) throws {
    let rows = try Cursor(
      connection,
      """
      SELECT snapshot, ord, space, kind, page, page_count, level, raw
      FROM snapshot_range WHERE snapshot = ?1 ORDER BY ord
      """, of: "range of snapshot")
    rows.restart(snapshot)
    while try rows.step() {
      guard let table = TableKind(rawValue: try rows.exact(3, as: UInt8.self)) else { throw rows.damaged(3) }
      try body(
        SnapshotRange(
          snapshot: snapshot, ordinal: try rows.exact(1, as: Int32.self),
          space: SpaceID(rawValue: try rows.exact(2, as: Int32.self)), table: table,
          pages: PageRange(first: PageFrame(rows.word(4)), count: rows.word(5)),
          level: try rows.exact(6, as: Int8.self), raw: rows.word(7)))
    }
  }

  /// The entry of the newest own snapshot at or before `seq`; nil if there is none.
  package func ownSnapshotSeq(through seq: SequenceNumber) throws(JournalError) -> SequenceNumber? {
    let row = try Cursor(
      connection,
      """
      SELECT max(seq) FROM (SELECT max(seq) AS seq FROM snapshot_leaf WHERE seq <= ?1
      UNION ALL SELECT max(seq) FROM snapshot WHERE origin = 'derived' AND seq <= ?1)
      """)
    row.restart(seq.rawValue)
    return try row.step() ? row.optionalNumber(0).map { SequenceNumber($0) } : nil
  }

  /// The leaves of which the newest own snapshot at or before `seq` consists: of each node the newest image, in an
  /// order in which a later one overrides an earlier one.
  ///
  /// What it costs depends on how many nodes the spaces have, not on how long the journal is.
  ///
  /// - Parameter spaces: only the nodes of these.
  /// - Returns: the leaves, and the entry of that snapshot; nil if there is none.
  package func ownLeaves(
    through seq: SequenceNumber, of spaces: [SpaceID]
  ) throws(JournalError) -> (seq: SequenceNumber, leaves: [LeafImage])? {
    guard let newest = try ownSnapshotSeq(through: seq) else { return nil }
    let nodes = try Cursor(
      connection,
      """
      SELECT field, level, leaf FROM snapshot_leaf
      WHERE space = ?1 AND (field, level, leaf) > (?2, ?3, ?4) ORDER BY field, level, leaf LIMIT 1
      """, of: "leaf of own snapshot")
    // The number is our own, so it may stand in the text.
    let images = try Cursor(
      connection,
      """
      SELECT seq, space, field, level, leaf, body FROM snapshot_leaf
      WHERE space = ?1 AND field = ?2 AND level = ?3 AND leaf = ?4 AND seq <= \(newest.rawValue)
      ORDER BY seq DESC LIMIT 1
      """, of: "leaf of own snapshot")
    var found: [(seq: Int64, leaf: LeafImage)] = []
    for space in spaces {
      var node: (Int64, Int64, Int64) = (-1, 0, 0)
      while true {
        nodes.restart(Int64(space.rawValue), node.0, node.1, node.2)
        guard try nodes.step() else { break }
        node = (nodes.number(0), nodes.number(1), nodes.number(2))
        images.restart(Int64(space.rawValue), node.0, node.1, node.2)
        if try images.step() { found.append((images.number(0), try leaf(images))) }
      }
    }
    nodes.reset()
    images.reset()
    found.sort { ($0.seq, $1.leaf.level) < ($1.seq, $0.leaf.level) }
    return (newest, found.map(\.leaf))
  }

  /// The entries after which own snapshots were taken, in order.
  package func ownSnapshotSeqs() throws(JournalError) -> [SequenceNumber] {
    let rows = try Cursor(connection, "SELECT DISTINCT seq FROM snapshot_leaf ORDER BY seq")
    var seqs: [SequenceNumber] = []
    while try rows.step() { seqs.append(SequenceNumber(rows.number(0))) }
    return seqs
  }

  /// Walks the leaves of the one own snapshot that was taken after `seq`, coarse nodes first.
  package func forEachOwnLeaf(at seq: SequenceNumber, _ body: (LeafImage) throws -> Void) throws {
    let rows = try Cursor(
      connection,
      "SELECT seq, space, field, level, leaf, body FROM snapshot_leaf WHERE seq = ?1 ORDER BY level DESC, id",
      of: "leaf of own snapshot")
    rows.restart(seq.rawValue)
    while try rows.step() { try body(leaf(rows)) }
  }

  private func leaf(_ rows: Cursor) throws(JournalError) -> LeafImage {
    LeafImage(
      space: SpaceID(rawValue: try rows.exact(1, as: Int32.self)), field: try rows.exact(2, as: UInt8.self),
      level: try rows.exact(3, as: UInt8.self), index: rows.word(4), body: rows.bytes(5))
  }

  private func numbers(_ row: Cursor, _ column: Int32) throws(JournalError) -> [Int32] {
    var numbers: [Int32] = []
    for word in row.text(column).split(separator: " ") {
      guard let number = Int32(word) else { throw row.damaged(column) }
      numbers.append(number)
    }
    return numbers
  }
}
