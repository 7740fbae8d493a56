// Why: what goes into which column, one short function a table, in the order of the schema. These loops
// are the append path: numbers are bound as they are, words only where they are rare.

import PageOwnership

extension JournalWriter {
  /// Writes all rows of a batch; entries must go on where the journal ends.
  func insert(_ batch: EntryBatch) throws(JournalError) {
    startedRuns.removeAll(keepingCapacity: true)
    for (id, site) in batch.sites { try insert(id, site) }
    for (space, bornSeq) in batch.spaces { try insert(space, bornSeq) }
    try insert(batch.activations)
    try insert(batch.transitions)
    try insert(batch.entries)
    try insert(batch.changes)
    try insert(batch.observations)
    try insert(activationEnds: batch.activationEnds)
    try insert(transitionEnds: batch.transitionEnds)
    for (space, diedSeq) in batch.spaceEnds {
      statements.spaceEnd.bind(1, Int64(space.rawValue))
      statements.spaceEnd.bind(2, diedSeq.rawValue)
      try statements.spaceEnd.run()
    }
    for gap in batch.gaps { try insert(gap) }
    for snapshot in batch.snapshots { try insert(snapshot) }
    for range in batch.snapshotRanges { try insert(range) }
    for (seq, leaf) in batch.leaves { try insert(leaf, seq) }
    try seals.take(batch, runs: startedRuns) { [statements] seal throws(JournalError) in
      seal.bind(to: statements.seal)
      try statements.seal.run()
    }
  }

  /// Stores where the chain stands.
  func writeTail() throws(JournalError) {
    seals.tail(notes).bind(to: statements.sealTail)
    try statements.sealTail.run()
  }

  /// Stores where the import stands.
  func insert(_ importState: String, _ isComplete: Bool) throws(JournalError) {
    notes.importState = importState
    notes.isComplete = isComplete
    statements.importState.bind(1, Int64(isComplete ? 1 : 0))
    statements.importState.bind(2, importState)
    try statements.importState.run()
  }

  private func insert(_ id: SiteID, _ site: Site) throws(JournalError) {
    guard id.rawValue == siteCount &+ 1 else {
      throw JournalError(.invalid, "\(path): site \(id.rawValue) does not follow site \(siteCount)")
    }
    siteCount = id.rawValue
    let row = statements.site
    row.bind(1, Int64(id.rawValue))
    row.bind(2, site.kind.rawValue)
    row.bind(3, site.operation?.rawValue)
    row.bind(4, site.kernelFunction)
    row.bind(5, site.kernelStep)
    row.bind(6, site.sourceLine)
    row.bind(7, site.condition?.rawValue)
    row.bind(8, site.skipped)
    row.bind(9, site.effect?.rawValue)
    row.bind(10, site.side?.rawValue)
    row.bind(11, site.expected?.name)
    row.bind(12, site.newState?.name)
    row.bind(13, site.resultProvenance.rawValue)
    try row.run()
  }

  private func insert(_ space: Space, _ bornSeq: SequenceNumber) throws(JournalError) {
    let row = statements.space
    row.bind(1, Int64(space.id.rawValue))
    row.bind(2, space.kind.rawValue)
    row.bind(3, space.handle.map { Int64($0.rawValue) })
    row.bind(4, Int64(space.incarnation))
    row.bind(5, space.isProtected.map { Int64($0 ? 1 : 0) })
    row.bind(6, bornSeq.rawValue)
    try row.run()
  }

  private func insert(_ activations: [Activation]) throws(JournalError) {
    let row = statements.activation
    for activation in activations {
      row.bind(1, activation.id.rawValue)
      row.bind(2, activation.parent?.rawValue)
      row.bind(3, activation.kind.code)
      row.bind(4, activation.firstSeq.rawValue)
      let registers = activation.registers
      for index in 0..<6 {
        row.bind(Int32(5 + index), word: index < registers.count ? registers[index] : nil)
      }
      row.bind(11, activation.arguments.isEmpty ? nil : activation.arguments)
      try row.run()
    }
  }

  private func insert(_ transitions: [Transition]) throws(JournalError) {
    let row = statements.transition
    for transition in transitions {
      row.bind(1, transition.id.rawValue)
      row.bind(2, transition.activation?.rawValue)
      row.bind(3, Int64(transition.source.space.rawValue))
      row.bind(4, word: transition.source.address)
      row.bind(5, Int64(transition.target.space.rawValue))
      row.bind(6, word: transition.target.address)
      row.bind(7, word: transition.pageCount)
      row.bind(8, transition.firstSeq.rawValue)
      row.bind(9, transition.arguments.isEmpty ? nil : transition.arguments)
      try row.run()
    }
  }

  private func insert(activationEnds ends: [ActionEnd]) throws(JournalError) {
    let row = statements.activationEnd
    for end in ends {
      row.bind(1, end.id.rawValue)
      row.bind(2, end.lastSeq.rawValue)
      row.bind(3, end.result)
      try row.run()
    }
  }

  private func insert(transitionEnds ends: [ActionEnd]) throws(JournalError) {
    let row = statements.transitionEnd
    for end in ends {
      row.bind(1, end.id.rawValue)
      row.bind(2, end.lastSeq.rawValue)
      row.bind(3, Int64(end.storedOutcome))
      row.bind(4, end.result)
      row.bind(5, end.failedSeq?.rawValue)
      try row.run()
    }
  }

  private func insert(_ entries: [Entry]) throws(JournalError) {
    let row = statements.entry
    for entry in entries {
      let seq = entry.seq.rawValue
      guard seq == headSeq.rawValue &+ 1 else {
        throw JournalError(.invalid, "\(path): entry \(seq) does not follow entry \(headSeq.rawValue)")
      }
      row.bind(1, seq)
      row.bind(2, Int64(entry.site.rawValue))
      row.bind(3, entry.action?.rawValue)
      row.bind(4, entry.space?.rawValue)
      row.bind(5, word: entry.page?.rawValue)
      row.bind(6, entry.storedPageCount)
      row.bind(7, entry.cpu)
      row.bind(8, entry.found.map { Int64($0.rawValue) })
      row.bind(9, entry.outcome.map { Int64($0) })
      row.bind(10, entry.result)
      row.bind(11, entry.time)
      try row.run()
      headSeq = entry.seq
      if runningIndex != .some(entry.sourceIndex) { try startRun(at: seq, entry.sourceIndex) }
      runningIndex = .some(entry.sourceIndex.map { $0 &+ 1 })
      if let note = entry.note { try insert(note, seq) }
    }
  }

  private func startRun(at seq: Int64, _ index: Int64?) throws(JournalError) {
    startedRuns.append((seq, index))
    statements.run.bind(1, seq)
    statements.run.bind(2, index)
    try statements.run.run()
  }

  private func insert(_ note: String, _ seq: Int64) throws(JournalError) {
    statements.note.bind(1, seq)
    statements.note.bind(2, note)
    try statements.note.run()
  }

  private func insert(_ changes: [Change]) throws(JournalError) {
    let row = statements.change
    for change in changes {
      row.bind(1, change.seq.rawValue)
      row.bind(2, Int64(change.ordinal))
      row.bind(3, Int64(change.space.rawValue))
      row.bind(4, Int64(bitPattern: change.pages.first.rawValue))
      row.bind(5, change.pages.storedCount)
      row.bind(6, change.storedLevels)
      row.bind(7, word: change.old)
      row.bind(8, word: change.new)
      row.bind(9, ChangeFlags.pack(change))
      row.bind(10, change.owner?.rawValue)
      try row.run()
    }
  }

  private func insert(_ observations: [Observation]) throws(JournalError) {
    let row = statements.observation
    for seen in observations {
      row.bind(1, seen.seq.rawValue)
      row.bind(2, Int64(seen.ordinal))
      row.bind(3, Int64(bitPattern: seen.pages.first.rawValue))
      row.bind(4, seen.pages.storedCount)
      row.bind(5, word: seen.frame)
      row.bind(6, word: seen.host?.raw)
      row.bind(7, word: seen.hyp?.raw)
      row.bind(8, seen.guestSpace?.rawValue)
      row.bind(9, word: seen.guestPage?.rawValue)
      row.bind(10, word: seen.guest?.raw)
      row.bind(11, seen.storedLevels)
      row.bind(12, seen.storedFlags)
      try row.run()
    }
  }

  private func insert(_ gap: Gap) throws(JournalError) {
    statements.gap.bind(1, gap.seq.rawValue)
    statements.gap.bind(2, gap.missing)
    statements.gap.bind(3, gap.firstIndex)
    statements.gap.bind(4, gap.why)
    try statements.gap.run()
  }

  /// Writes the header of a snapshot.
  func insert(_ snapshot: Snapshot) throws(JournalError) {
    let row = statements.snapshot
    row.bind(1, snapshot.id)
    row.bind(2, snapshot.seq.rawValue)
    row.bind(3, snapshot.origin.rawValue)
    row.bind(4, snapshot.why)
    row.bind(5, snapshot.registers)
    row.bind(6, snapshot.storedBusyCPUs)
    row.bind(7, snapshot.storedGuests)
    try row.run()
  }

  /// Writes a range of a snapshot.
  func insert(_ range: SnapshotRange) throws(JournalError) {
    let row = statements.snapshotRange
    row.bind(1, range.snapshot)
    row.bind(2, Int64(range.ordinal))
    row.bind(3, Int64(range.space.rawValue))
    row.bind(4, Int64(range.table.rawValue))
    row.bind(5, Int64(bitPattern: range.pages.first.rawValue))
    row.bind(6, Int64(bitPattern: range.pages.count))
    row.bind(7, Int64(range.level))
    row.bind(8, Int64(bitPattern: range.raw))
    try row.run()
  }

  /// Writes a node of an own snapshot.
  func insert(_ leaf: LeafImage, _ seq: SequenceNumber) throws(JournalError) {
    let row = statements.leaf
    row.bind(1, seq.rawValue)
    row.bind(2, Int64(leaf.space.rawValue))
    row.bind(3, Int64(leaf.field))
    row.bind(4, Int64(leaf.level))
    row.bind(5, Int64(bitPattern: leaf.index))
    row.bind(6, leaf.body)
    try row.run()
  }
}
