// Why: the records of rows on their way into the journal. Each holds the columns as they are stored, in the
// order of the schema, without those that repeat the entry's own seq or action. The reader's mirror is
// ChainScan; a test holds the two against each other and against the documentation.

import PageOwnership

extension SealHasher {
  /// An entry; its site counts by content.
  @inline(__always)
  mutating func add(_ entry: Entry, site: ChainHash) {
    begin(.entry)
    raw(site)
    add(entry.action?.rawValue)
    add(entry.space.map { Int64($0.rawValue) })
    add(entry.page.map { Int64(bitPattern: $0.rawValue) })
    add(entry.storedPageCount)
    add(entry.cpu.map { Int64($0) })
    add(entry.found.map { Int64($0.rawValue) })
    add(entry.outcome.map { Int64($0) })
    add(entry.result)
    add(entry.time)
    end()
  }

  /// A note.
  mutating func add(note: String) {
    begin(.note)
    add(note)
    end()
  }

  /// The start of a run of source indices.
  mutating func add(runAt index: Int64?) {
    begin(.sourceRun)
    add(index)
    end()
  }

  /// A hole.
  mutating func add(_ gap: Gap) {
    begin(.gap)
    add(gap.missing)
    add(gap.firstIndex)
    add(gap.why)
    end()
  }

  /// What memory did.
  @inline(__always)
  mutating func add(_ change: Change) {
    begin(.change)
    add(Int64(change.space.rawValue))
    add(Int64(bitPattern: change.pages.first.rawValue))
    add(change.pages.storedCount)
    add(change.storedLevels)
    add(change.old.map { Int64(bitPattern: $0) })
    add(change.new.map { Int64(bitPattern: $0) })
    add(ChangeFlags.pack(change))
    add(change.owner.map { Int64($0.rawValue) })
    end()
  }

  /// What a begin entry saw.
  mutating func add(_ seen: Observation) {
    begin(.observation)
    add(Int64(bitPattern: seen.pages.first.rawValue))
    add(seen.pages.storedCount)
    add(seen.frame.map { Int64(bitPattern: $0) })
    add(seen.host.map { Int64(bitPattern: $0.raw) })
    add(seen.hyp.map { Int64(bitPattern: $0.raw) })
    add(seen.guestSpace.map { Int64($0.rawValue) })
    add(seen.guestPage.map { Int64(bitPattern: $0.rawValue) })
    add(seen.guest.map { Int64(bitPattern: $0.raw) })
    add(seen.storedLevels)
    add(seen.storedFlags)
    end()
  }

  /// A call that began.
  mutating func add(_ activation: Activation) {
    begin(.activation)
    add(activation.parent?.rawValue)
    add(activation.kind.code)
    for index in 0..<6 {
      add(index < activation.registers.count ? Int64(bitPattern: activation.registers[index]) : nil)
    }
    add(activation.arguments.isEmpty ? nil : activation.arguments)
    end()
  }

  /// A transition that began.
  mutating func add(_ transition: Transition) {
    begin(.transition)
    add(transition.activation?.rawValue)
    add(Int64(transition.source.space.rawValue))
    add(transition.source.address.map { Int64(bitPattern: $0) })
    add(Int64(transition.target.space.rawValue))
    add(transition.target.address.map { Int64(bitPattern: $0) })
    add(Int64(bitPattern: transition.pageCount))
    add(transition.arguments.isEmpty ? nil : transition.arguments)
    end()
  }

  /// A call that ended.
  mutating func add(activationEnd end: ActionEnd) {
    begin(.activationEnd)
    add(end.result)
    self.end()
  }

  /// A transition that ended.
  mutating func add(transitionEnd end: ActionEnd) {
    begin(.transitionEnd)
    add(Int64(end.storedOutcome))
    add(end.result)
    add(end.failedSeq?.rawValue)
    self.end()
  }

  /// A space that died.
  mutating func add(deathOf space: SpaceID) {
    begin(.spaceEnd)
    add(Int64(space.rawValue))
    end()
  }

  /// The header of an observed snapshot.
  mutating func add(_ snapshot: Snapshot) {
    begin(.snapshot)
    add(snapshot.id)
    add(snapshot.why)
    add(snapshot.registers)
    add(snapshot.storedBusyCPUs)
    add(snapshot.storedGuests)
    end()
  }

  /// A range of an observed snapshot.
  mutating func add(_ range: SnapshotRange) {
    begin(.snapshotRange)
    add(Int64(range.space.rawValue))
    add(Int64(range.table.rawValue))
    add(Int64(bitPattern: range.pages.first.rawValue))
    add(Int64(bitPattern: range.pages.count))
    add(Int64(range.level))
    add(Int64(bitPattern: range.raw))
    end()
  }

  /// A space, with the entry of its birth.
  mutating func add(_ space: Space, bornSeq: SequenceNumber) {
    begin(.space)
    add(Int64(space.id.rawValue))
    add(space.kind.rawValue)
    add(space.handle.map { Int64($0.rawValue) })
    add(Int64(space.incarnation))
    add(space.isProtected.map { Int64($0 ? 1 : 0) })
    add(bornSeq.rawValue)
    end()
  }
}

extension Site {
  /// The digest that stands for the site in every entry.
  var digest: ChainHash {
    var hasher = SealHasher("custody site v1")
    hasher.begin(.site)
    hasher.add(kind.rawValue)
    hasher.add(operation?.rawValue)
    hasher.add(kernelFunction)
    hasher.add(kernelStep)
    hasher.add(sourceLine)
    hasher.add(condition?.rawValue)
    hasher.add(skipped)
    hasher.add(effect?.rawValue)
    hasher.add(side?.rawValue)
    hasher.add(expected?.name)
    hasher.add(newState?.name)
    hasher.add(resultProvenance.rawValue)
    hasher.end()
    return hasher.value(endingWith: 0)
  }
}
