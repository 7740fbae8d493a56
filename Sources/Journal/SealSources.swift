// Why: what a journal without a running writer gives to the chain: the facts that it begins with, the
// digests of its sites, its spaces, the writer's notes. Not here: entries (ChainScan).

import PageOwnership

/// The hash that a journal's chain begins with.
enum Genesis {
  /// SHA-256 of facts, regions and the three spaces that every journal has.
  static func hash(_ connection: Connection) throws(JournalError) -> ChainHash {
    var hasher = SealHasher("custody genesis v1")
    var count: Int64 = 0
    let facts = try Cursor(connection, "SELECT key, value, provenance FROM fact ORDER BY key", of: "fact")
    while try facts.step() {
      hasher.begin(.fact)
      for column in 0..<3 as Range<Int32> { try hasher.add(facts, text: column) }
      hasher.end()
      count &+= 1
    }
    let regions = try Cursor(
      connection, "SELECT id, start_page, page_count, kind FROM region ORDER BY id", of: "region")
    while try regions.step() {
      hasher.begin(.region)
      try hasher.add(regions, numbers: 0..<3)
      try hasher.add(regions, text: 3)
      hasher.end()
      count &+= 1
    }
    for life in try connection.spaces() where !life.space.id.isGuest {
      hasher.add(life.space, bornSeq: life.bornSeq)
    }
    return hasher.value(endingWith: count)
  }

  /// The seal of the facts, before the first entry.
  static func seal(_ connection: Connection) throws(JournalError) -> Seal {
    Seal(seq: SequenceNumber(0), head: try hash(connection), stateHash: .empty)
  }
}

extension SiteTable {
  /// The sites and their digests, in one reading.
  static func withDigests(_ connection: Connection) throws(JournalError) -> (SiteTable, SiteDigests) {
    let rows = try Cursor(connection, columns, of: "site")
    var sites: [Site] = []
    var digests = SiteDigests()
    while try rows.step() {
      guard rows.number(0) == sites.count + 1 else { throw rows.damaged(0) }
      sites.append(try site(rows))
      digests.append(try digest(rows))
    }
    return (SiteTable(sites: sites), digests)
  }

  // As ``Site/digest``, but of the stored bytes.
  private static func digest(_ row: Cursor) throws(JournalError) -> ChainHash {
    var hasher = SealHasher("custody site v1")
    hasher.begin(.site)
    for column in 1..<5 as Range<Int32> { try hasher.add(row, text: column) }
    try hasher.add(row, numbers: 5..<6)
    for column in 6..<13 as Range<Int32> { try hasher.add(row, text: column) }
    hasher.end()
    return hasher.value(endingWith: 0)
  }
}

extension WriterNotes {
  /// Reads them.
  init(_ connection: Connection) throws(JournalError) {
    let importing = try Cursor(connection, "SELECT one, complete, body FROM import_state", of: "import_state")
    if try importing.step() {
      isComplete = try importing.flag(1)
      importState = importing.text(2)
    }
    let writer = try Cursor(connection, "SELECT one, clean FROM writer_state", of: "writer_state")
    if try writer.step() { isClean = try writer.flag(1) }
  }
}
