// Why: rebuilds a machine from a journal's changes alone and holds it against everything that was
// observed: snapshots, the state seen at each call, and what each change found before it. Sans-I/O: the
// caller feeds entries in order and the content of each snapshot when its entry comes.
// Not here: where entries come from, and what is printed.

package import PageOwnership
package import PageTables

/// A replay of one journal.
package struct Replay: Sendable {
  /// The machine as the entries so far leave it.
  package private(set) var image: MachineImage
  /// What was found so far.
  package internal(set) var report = ReplayReport()
  /// The last entry taken.
  package private(set) var lastSeq: SequenceNumber

  private var births: [(Space, SequenceNumber)]
  private var deaths: [(SpaceID, SequenceNumber)]
  var openTransitions: [ActionID: OpenTransition] = [:]
  /// Transitions that ended in a panic: what they left half done stands in no entry.
  var panicked: [OpenTransition] = []
  var pending: [PendingWord] = []
  var recent = RecentChanges()

  /// Begins a replay.
  package init(_ start: ReplayStart) {
    image = start.image
    lastSeq = start.seq
    births = start.births
    deaths = start.deaths
  }

  /// Takes over the lives of guests that a writer added since; those up to the last entry taken are known.
  package mutating func extend(births: [(Space, SequenceNumber)], deaths: [(SpaceID, SequenceNumber)]) {
    self.births = births.filter { $0.0.id.isGuest && $0.1 > lastSeq }.sorted { $0.1 > $1.1 }
    self.deaths = deaths.filter { $0.1 > lastSeq }.sorted { $0.1 > $1.1 }
  }

  /// The leaves of the logical state that changed since the last call.
  package mutating func takeDirtyLeaves() -> [LeafImage] { image.takeDirtyLeaves() }

  /// The CPUs that are inside a transition now.
  package var busyCPUs: [Int32] { Set(openTransitions.values.compactMap(\.cpu)).sorted() }

  /// From now on keeps note of where ownership is written.
  package mutating func recordWrites() { image.recordWrites() }

  /// Tells a tracker what the entry taken last wrote.
  package mutating func tell(_ tracker: inout OwnershipTracker) {
    let writes = image.takeWrites()
    if !writes.isEmpty { tracker.note(lastSeq, writes, image) }
  }

  /// The same for what follows a table.
  package mutating func tell(_ tracker: inout DisagreementTracker) {
    let writes = image.takeWrites()
    if !writes.isEmpty { tracker.note(lastSeq, writes, image.ownership) }
  }

  /// Takes the next entry with its changes and observations.
  package mutating func take(_ entry: Entry, _ site: Site, changes: [Change], observations: [Observation]) {
    report.entries += 1
    lastSeq = entry.seq
    if site.kind == .begin { noteBegin(entry) }
    if site.kind == .lost {
      pending.removeAll()
      image.forgetEverything()
    }
    for observation in observations { compare(observation, entry) }
    compareOld(changes, entry)
    perform(changes, entry)
    if site.kind == .end || site.kind == .recovery && entry.outcome != nil { noteEnd(entry) }
    noteLives(entry.seq)
  }

  /// Takes over what an observation shows of unknown pages.
  mutating func learn(from observation: Observation) { image.learn(from: observation) }

  private mutating func perform(_ changes: [Change], _ entry: Entry) {
    guard !changes.isEmpty else { return }
    let isAlone = entry.action.flatMap { openTransitions[$0] }.map { !$0.isOverlapped } ?? openTransitions.isEmpty
    for change in changes {
      image.apply(change)
      if !isAlone { recent.note(change, by: entry.action) }
    }
    resolvePending(changes, by: entry.action)
  }

  private mutating func noteBegin(_ entry: Entry) {
    guard let action = entry.action else { return }
    report.transitions += 1
    // A CPU is inside one transition: the end of an earlier one was lost.
    openTransitions = openTransitions.filter { $0.value.cpu == nil || $0.value.cpu != entry.cpu }
    let isOverlapped = !openTransitions.isEmpty
    if isOverlapped {
      for other in openTransitions.keys { openTransitions[other]?.isOverlapped = true }
    }
    openTransitions[action] = OpenTransition(
      cpu: entry.cpu, pages: hostPages(entry), isOverlapped: isOverlapped, firstSeq: entry.seq)
  }

  // What a guest gives is found by its own table.
  private func hostPages(_ entry: Entry) -> PageRange? {
    guard let page = entry.page, let space = entry.space else { return nil }
    guard space.isGuest else { return PageRange(first: page, count: max(1, entry.pageCount ?? 1)) }
    guard let leaf = image.leaf(.guestStage2, space, at: page), leaf.raw & 1 == 1 else { return nil }
    let address = Descriptor(leaf.raw).outputAddress(level: leaf.level)
    return PageRange(first: PageFrame(containing: address), count: MachineImage.pagesPerLeaf(leaf.level))
  }

  private mutating func noteEnd(_ entry: Entry) {
    guard let action = entry.action, let ended = openTransitions.removeValue(forKey: action) else { return }
    if entry.outcome == TransitionOutcome.fatal.rawValue { panicked.append(ended) }
    expirePending(after: action)
  }

  // A guest is there from the entry after its birth on, and gone with the entry of its death.
  private mutating func noteLives(_ seq: SequenceNumber) {
    while let (space, born) = births.last, born <= seq {
      births.removeLast()
      image.addGuest(space, isEmpty: true)
    }
    while let (space, died) = deaths.last, died <= seq {
      deaths.removeLast()
      image.removeGuest(space)
    }
  }

  // MARK: - snapshots

  /// Takes the content of the snapshot whose entry came last.
  package mutating func take(_ snapshot: Snapshot, _ content: SnapshotImage) {
    let verdict = image.compare(with: content)
    report.snapshotsCompared += 1
    report.pagesCompared += verdict.pagesCompared
    report.pagesUnknown += verdict.pagesUnknown
    report.accessFlags += verdict.accessFlags
    let busy = Set(openTransitions.filter { $0.value.cpu.map(snapshot.busyCPUs.contains) ?? false }.keys)
    var kept: [SnapshotDifference] = []
    for found in verdict.differences {
      if !busy.isEmpty, found.leafCount <= 512 {
        kept.append(found)
        found.forEachLeaf { postpone(difference(found, $0), $1, busy) }
      } else {
        note(difference(found, found.pages))
      }
    }
    image.adopt(content, after: verdict, keeping: kept)
  }

  private func difference(_ found: SnapshotDifference, _ pages: PageRange) -> ReplayDifference {
    ReplayDifference(
      kind: .snapshot, seq: lastSeq, transition: nil, table: found.table, space: found.space, pages: pages,
      replayed: found.replayed, seen: found.seen)
  }
}

extension SnapshotDifference {
  /// The pages of one leaf as the snapshot shows it.
  private var step: UInt64 { table == .vmemmap ? 1 : MachineImage.pagesPerLeaf(seenLeaf.level) }

  /// How many leaves differ.
  fileprivate var leafCount: UInt64 { (pages.count + step - 1) / step }

  /// Goes through the leaves, with their pages and the word that the snapshot shows.
  fileprivate func forEachLeaf(_ body: (PageRange, LeafWord) -> Void) {
    for offset in stride(from: 0, to: pages.count, by: Int(clamping: step)) {
      let raw = table == .vmemmap ? seenLeaf.raw : Descriptor(seenLeaf.raw).advanced(byPages: offset).rawValue
      body(
        PageRange(first: pages.first.advanced(by: offset), count: min(step, pages.count - offset)),
        LeafWord(level: seenLeaf.level, raw: raw))
    }
  }
}
