// Why: rebuilds a machine from a journal's changes alone and holds it against everything that was
// observed: snapshots, the state seen at each call, and what each change found before it. Sans-I/O: the
// caller feeds entries in order and the content of each snapshot when its entry comes.
// Not here: where entries come from, and what is printed.

package import PageOwnership
package import PageTables

/// A disagreement between the replay and something that was observed.
package struct ReplayDifference: Hashable, Sendable {
  /// What was observed there.
  package enum Kind: String, Hashable, Sendable {
    /// A snapshot.
    case snapshot
    /// The state that a call line recorded.
    case state
    /// The old value of a change.
    case old
  }
  /// What was observed.
  package var kind: Kind
  /// The entry that carries the observation.
  package var seq: SequenceNumber
  /// The transition that the entry belongs to.
  package var transition: ActionID?
  /// Which table.
  package var table: TableKind
  /// Whose table.
  package var space: SpaceID
  /// The pages.
  package var pages: PageRange
  /// What the replay says.
  package var replayed: String
  /// What was observed.
  package var seen: String
}

/// What a replay found.
package struct ReplayReport: Hashable, Sendable {
  /// Entries taken.
  package var entries: Int64 = 0
  /// Transitions begun.
  package var transitions: Int64 = 0
  /// Snapshots compared.
  package var snapshotsCompared: Int64 = 0
  /// Pages of snapshots whose word was known on both sides.
  package var pagesCompared: UInt64 = 0
  /// Pages that differ: of snapshots, and of changes whose old value is not what the replay has.
  package var pagesDiffering: UInt64 = 0
  /// Pages of snapshots that the journal could not say before.
  package var pagesUnknown: UInt64 = 0
  /// Words that calls saw.
  package var statesCompared: Int64 = 0
  /// Of those, how many differ.
  package var statesDiffering: Int64 = 0
  /// Old values of changes compared.
  package var changesCompared: Int64 = 0
  /// Of those, how many differ (counted in ``pagesDiffering`` too).
  package var changesDiffering: Int64 = 0
  /// Leaves that differ only in the access flag, which hardware sets.
  package var accessFlags: UInt64 = 0
  /// Words that were seen a moment before the entry that explains them (another CPU was inside a transition).
  package var racy: Int64 = 0
  /// Pages where the journal ends inside a transition and the last snapshot shows more than its entries.
  package var inDoubt: Int64 = 0
  /// The first differences, in order of their entries; never more than ``differenceLimit``.
  package var differences: [ReplayDifference] = []

  /// How many differences are kept.
  package static let differenceLimit = 100

  /// Whether everything that could be compared agrees.
  package var agrees: Bool { pagesDiffering == 0 && statesDiffering == 0 && changesDiffering == 0 }

  /// Nothing replayed yet.
  package init() {}
}

/// A replay of one journal.
package struct Replay: Sendable {
  /// The machine as the entries so far leave it.
  package private(set) var image: MachineImage
  /// What was found so far.
  package private(set) var report = ReplayReport()
  /// The last entry taken.
  package private(set) var lastSeq = SequenceNumber(0)

  private var births: [(Space, SequenceNumber)]
  private var deaths: [(SpaceID, SequenceNumber)]
  private var openTransitions: [ActionID: OpenTransition] = [:]
  private var pending: [PendingWord] = []

  private struct OpenTransition {
    var cpu: Int32?
    var space: SpaceID?
    var pages: PageRange
  }

  // A word that was seen and that no entry so far explains; entries of the transitions it waits for may.
  private struct PendingWord {
    var difference: ReplayDifference
    var seen: LeafWord
    var half: SpaceID?
    var waitsFor: Set<ActionID>
  }

  /// Begins a replay of a journal with these spaces; a birth at 0 was not seen, so nothing is known of the guest.
  package init(
    generation: Generation, regions: [Region], births: [(Space, SequenceNumber)], deaths: [(SpaceID, SequenceNumber)]
  ) {
    image = MachineImage(generation: generation, regions: regions)
    let guests = births.filter { $0.0.id.isGuest }
    self.births = guests.filter { $0.1.rawValue > 0 }.sorted { $0.1 > $1.1 }
    self.deaths = deaths.sorted { $0.1 > $1.1 }
    for (space, born) in guests where born.rawValue == 0 { image.addGuest(space, isEmpty: false) }
  }

  /// The leaves of the logical state that changed since the last call.
  package mutating func takeDirtyLeaves() -> [LeafImage] { image.takeDirtyLeaves() }

  /// Takes the next entry with its changes and observations.
  package mutating func take(_ entry: Entry, _ site: Site, changes: [Change], observations: [Observation]) {
    report.entries += 1
    lastSeq = entry.seq
    noteBegin(entry, site)
    if site.kind == .lost {
      pending.removeAll()
      image.forgetEverything()
    }
    for observation in observations { compare(observation, entry) }
    compareOld(changes, entry)
    for change in changes { image.apply(change) }
    if !changes.isEmpty { resolvePending() }
    noteEnd(entry, site)
    noteLives(entry.seq)
  }

  private mutating func noteBegin(_ entry: Entry, _ site: Site) {
    guard site.kind == .begin, let action = entry.action else { return }
    report.transitions += 1
    let pages = PageRange(first: entry.page ?? PageFrame(0), count: entry.page == nil ? 0 : entry.pageCount ?? 1)
    openTransitions[action] = OpenTransition(cpu: entry.cpu, space: entry.space, pages: pages)
  }

  private mutating func noteEnd(_ entry: Entry, _ site: Site) {
    guard site.kind == .end, let action = entry.action else { return }
    openTransitions[action] = nil
    guard !pending.isEmpty else { return }
    var left: [PendingWord] = []
    for var word in pending {
      word.waitsFor.remove(action)
      if word.waitsFor.isEmpty { note(word.difference) } else { left.append(word) }
    }
    pending = left
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

  // MARK: - comparing

  private mutating func compare(_ observation: Observation, _ entry: Entry) {
    if let frame = observation.frame { compareFrames(observation, frame, entry) }
    let page = observation.pages.first
    if let leaf = observation.host { compare(.hostStage2, .host, page, leaf, entry) }
    if let leaf = observation.hyp, MachineImage.isLinear(page) { compare(.hypStage1, .hyp, page, leaf, entry) }
    if let leaf = observation.guest, let space = observation.guestSpace, let page = observation.guestPage {
      compare(.guestStage2, space, page, leaf, entry)
    }
    image.learn(from: observation)
  }

  private mutating func compareFrames(_ observation: Observation, _ frame: UInt64, _ entry: Entry) {
    let word = LeafWord(level: 3, raw: frame)
    guard !observation.isUnordered else { return compareUnordered(observation, word, entry) }
    for offset in 0..<min(observation.pages.count, 512) {
      let page = observation.pages.first.advanced(by: offset)
      for half in [SpaceID.host, .hyp] { compare(.vmemmap, half, page, word, entry) }
    }
  }

  // Of these pages only the number is known, not which of the transition's range they are.
  private mutating func compareUnordered(_ observation: Observation, _ word: LeafWord, _ entry: Entry) {
    report.statesCompared += 1
    var agreeing: UInt64 = 0
    for offset in 0..<min(entry.pageCount ?? 0, 512) {
      let page = observation.pages.first.advanced(by: offset)
      switch image.compare(.vmemmap, nil, at: page, seen: word) {
      case .equal, .accessFlagOnly, .unknown: agreeing += 1
      case .different: break
      }
    }
    guard agreeing < observation.pages.count else { return }
    report.statesDiffering += 1
    note(
      ReplayDifference(
        kind: .state, seq: entry.seq, transition: entry.action, table: .vmemmap, space: .host,
        pages: observation.pages, replayed: "\(agreeing) pages with this word",
        seen: "\(observation.pages.count) pages with 0x\(String(word.raw, radix: 16))"), isCounted: true)
  }

  private mutating func compare(
    _ table: TableKind, _ space: SpaceID, _ page: PageFrame, _ seen: LeafWord, _ entry: Entry
  ) {
    report.statesCompared += 1
    guard case .different(let replayed, let shown) = image.compare(table, space, at: page, seen: seen) else { return }
    let others = openTransitions.filter { $0.key != entry.action && $0.value.cpu != entry.cpu }
    let difference = ReplayDifference(
      kind: .state, seq: entry.seq, transition: entry.action, table: table, space: space, pages: PageRange(page),
      replayed: replayed, seen: shown)
    postpone(difference, seen, half: space, Set(others.keys))
  }

  private mutating func postpone(
    _ difference: ReplayDifference, _ seen: LeafWord, half: SpaceID?, _ transitions: Set<ActionID>
  ) {
    guard !transitions.isEmpty else { return note(difference) }
    pending.append(PendingWord(difference: difference, seen: seen, half: half, waitsFor: transitions))
  }

  // Old values are those before the whole entry: its changes may lie under one block.
  private mutating func compareOld(_ changes: [Change], _ entry: Entry) {
    for change in changes {
      guard let old = change.old else { continue }
      report.changesCompared += 1
      for offset in 0..<min(change.table == .vmemmap ? change.pages.count : 1, 512) {
        let page = change.pages.first.advanced(by: offset)
        let seen = LeafWord(level: change.oldLevel, raw: old)
        guard case .different(let replayed, let shown) = image.compare(change.table, change.space, at: page, seen: seen)
        else { continue }
        if isAlreadyThere(change, page) {
          report.racy += 1
          continue
        }
        note(
          ReplayDifference(
            kind: .old, seq: entry.seq, transition: entry.action, table: change.table, space: change.space,
            pages: PageRange(page), replayed: replayed, seen: shown))
      }
    }
  }

  // Another CPU's change, seen a second time by a transition that overlaps it.
  private func isAlreadyThere(_ change: Change, _ page: PageFrame) -> Bool {
    guard openTransitions.count > 1, let new = change.new else { return false }
    let seen = LeafWord(level: change.newLevel, raw: new)
    return image.compare(change.table, change.space, at: page, seen: seen) == .equal
  }

  private mutating func resolvePending() {
    guard !pending.isEmpty else { return }
    pending.removeAll { word in
      let difference = word.difference
      switch image.compare(difference.table, word.half, at: difference.pages.first, seen: word.seen) {
      case .equal, .accessFlagOnly:
        report.racy += 1
        return true
      case .different, .unknown: return false
      }
    }
  }

  private mutating func note(_ difference: ReplayDifference, isCounted: Bool = false) {
    if !isCounted {
      switch difference.kind {
      case .snapshot: report.pagesDiffering += difference.pages.count
      case .state: report.statesDiffering += 1
      case .old:
        report.changesDiffering += 1
        report.pagesDiffering += 1
      }
    }
    guard report.differences.count < ReplayReport.differenceLimit else { return }
    report.differences.append(difference)
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
      let difference = ReplayDifference(
        kind: .snapshot, seq: lastSeq, transition: nil, table: found.table, space: found.space, pages: found.pages,
        replayed: found.replayed, seen: found.seen)
      if busy.isEmpty || found.pages.count > 512 {
        note(difference)
        continue
      }
      kept.append(found)
      for offset in 0..<found.pages.count { awaitPage(difference, found, offset, busy) }
    }
    image.adopt(content, after: verdict, keeping: kept)
  }

  private mutating func awaitPage(
    _ difference: ReplayDifference, _ found: SnapshotDifference, _ offset: UInt64, _ busy: Set<ActionID>
  ) {
    var single = difference
    single.pages = PageRange(found.pages.first.advanced(by: offset))
    let isPage = found.table != .vmemmap && found.seenLeaf.level == 3
    let raw = isPage ? Descriptor(found.seenLeaf.raw).advanced(byPages: offset).rawValue : found.seenLeaf.raw
    postpone(single, LeafWord(level: found.seenLeaf.level, raw: raw), half: found.space, busy)
  }

  /// Ends the replay: what is still unexplained is a difference, or in doubt where the journal ends inside
  /// a transition on the same pages.
  package mutating func finish() {
    report.differences.sort { $0.seq < $1.seq }
    for word in pending {
      let isOpen = word.waitsFor.contains { openTransitions[$0].map { covers($0, word.difference) } ?? false }
      if isOpen { report.inDoubt += 1 } else { note(word.difference) }
    }
    pending.removeAll()
    report.differences.sort { $0.seq < $1.seq }
  }

  private func covers(_ transition: OpenTransition, _ difference: ReplayDifference) -> Bool {
    transition.pages.count == 0 || difference.space.isGuest || transition.pages.contains(difference.pages.first)
  }
}
