// Why: where the writer's chain begins: with the facts of a new journal, behind what an older journal
// has, or where the last writer left it. Each commit leaves the chain's end in the journal.

import PageOwnership

extension JournalWriter {
  /// Seals all that a journal has: the facts of a new one, every entry of an older one; what follows an anchor, whose
  /// seal must be there.
  static func sealEverything(_ connection: Connection, key: SealKey?) throws(JournalError) {
    let row = try WriterStatements.seal(connection)
    defer { row.finalize() }
    var key = key
    func write(_ seal: Seal) throws(JournalError) {
      var seal = seal
      if let current = key {
        seal = seal.tagged(current)
        key?.advance(to: current.epoch + 1)
      }
      seal.bind(to: row)
      try row.run()
    }
    let genesis = try Genesis.seal(connection)
    try write(genesis)
    let anchor = try connection.anchor()
    let base = try anchor.flatMap { anchor throws(JournalError) in try connection.seal(at: anchor.seq) } ?? genesis
    let source = try ChainSource(connection)
    var scan = ChainScan(
      source, after: base, through: try connection.headSeq(),
      spaces: SpaceBook(try connection.spaces(), behind: anchor), decodes: false)
    while try scan.next() {
      guard scan.isSealDue else { continue }
      let seal = scan.sealHere()
      try write(seal)
      scan.restart(after: seal)
    }
    scan.close()
    if let finding = scan.findings.all.first { throw Self.unsound(connection, finding) }
    let state = scan.seq.rawValue == 0 ? StateHash.empty : nil
    var seals = SealWriter(scan, state: state, key: key)
    try store(seals.tail(WriterNotes(connection)), connection)
  }

  private static func store(_ tail: SealTail, _ connection: Connection) throws(JournalError) {
    let row = try WriterStatements.sealTail(connection)
    defer { row.finalize() }
    tail.bind(to: row)
    try row.run()
  }

  static func unsound(_ connection: Connection, _ finding: IntegrityFinding) -> JournalError {
    JournalError(
      .corrupt, "\(connection.path): \(finding.structure): \(finding.message)",
      hint: "`custody verify` lists what is damaged; work on a copy")
  }

  /// Refuses to go on without the journal's key, with another one, or with one that is ahead of the journal.
  static func checkKey(_ connection: Connection, _ file: SealKeyFile?) throws(JournalError) {
    guard let tail = try SealTail(connection) else { return }
    let path = connection.path
    guard let file else {
      guard tail.seal.epoch == nil else {
        throw JournalError(.key, "\(path) is sealed with a key", hint: "give it with --seal-key")
      }
      return
    }
    guard let epoch = tail.seal.epoch else {
      throw JournalError(
        .key, "\(path) was begun without a key", hint: "a key is given when a journal is made, or not at all")
    }
    guard file.key.epoch <= epoch else {
      throw JournalError(
        .key, "\(file.path) is ahead of \(path): the journal lost its end, or is an older copy",
        hint: "`custody verify --seal-key` with the first key tells what the seals prove")
    }
    // A crash may have left the key of an earlier group.
    try file.advance(to: epoch)
    guard file.key.tag(of: tail) == tail.seal.tag else {
      throw JournalError(.key, "\(file.path) is not the key of \(path), or the journal's end was changed")
    }
  }

  /// Goes on where the last writer left the chain: reads the entries behind the last seal, at most 1,024.
  static func resumeSeals(_ connection: Connection, key: SealKey?) throws(JournalError) -> SealWriter {
    let head = try connection.headSeq()
    guard let tail = try SealTail(connection), let seal = try connection.seal(through: SequenceNumber(.max)),
      tail.seal.seq == head, (0...Seal.interval).contains(head.rawValue &- seal.seq.rawValue)
    else {
      throw JournalError(
        .corrupt, "\(connection.path): the seals do not belong to the entries, which end at \(head.rawValue)",
        hint: "`custody verify` lists what is damaged; work on a copy")
    }
    let spaces = SpaceBook(loose: try connection.spaces(tail.loose))
    var scan = ChainScan(try ChainSource(connection), after: seal, through: head, spaces: spaces, decodes: false)
    while try scan.next() {}
    scan.close()
    var seals = SealWriter(scan, state: tail.seal.stateHash, key: key)
    let now = try seals.tail(WriterNotes(connection))
    guard now.seal.head == tail.seal.head, now.rest == tail.rest else {
      let what = now.rest == tail.rest ? "entries \(seal.seq.rawValue + 1) to \(head.rawValue)" : "sites or notes"
      throw JournalError(
        .corrupt, "\(connection.path): \(what) are not what was sealed",
        hint: "`custody verify` lists what is damaged; work on a copy")
    }
    return seals
  }
}

extension Connection {
  /// The last entry; 0 if there is none.
  func headSeq() throws(JournalError) -> SequenceNumber {
    SequenceNumber(try number("SELECT max(seq) FROM entry_row") ?? 0)
  }
}
