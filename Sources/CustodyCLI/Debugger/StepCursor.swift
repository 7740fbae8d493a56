// Why: the composition of a journal and a trail of states: a place in the journal that moves both ways, and the
// finding of the next place worth a stop. Not here: commands (StepSession), words (StepText).

import Analysis
import Journal
import PageOwnership
import PageTables

/// What counts as the next stop.
enum StopKind {
  /// A check, an apply, an end, or whatever else changed something or tells where the workload is.
  case phase
  /// The end of a transition.
  case transition
  /// Any entry.
  case entry

  // What says nothing of ownership by itself is passed over, unless it changed something.
  fileprivate var condition: String {
    switch self {
    case .phase:
      "s.kind NOT IN ('begin', 'activation', 'activation end', 'store', 'locked', 'whole')"
        + " OR EXISTS (SELECT 1 FROM change_row c WHERE c.seq = e.seq)"
    case .transition: "s.kind = 'end'"
    case .entry: "true"
    }
  }
}

/// A place in a journal.
struct StepCursor {
  let context: ShowContext
  /// The first place: of the anchor, or 0.
  let start: SequenceNumber
  let head: SequenceNumber
  private(set) var trail: StateTrail
  private let spaces: [Space]
  private let snapshots: [SequenceNumber: Snapshot]

  /// The entry after which it stands.
  var seq: SequenceNumber { trail.now.seq }
  /// The machine there.
  var image: MachineImage { trail.now.follower.image }

  /// Stands before the first entry that is there.
  init(_ reader: JournalReader) throws {
    context = try ShowContext(reader)
    start = try reader.startSeq()
    head = try reader.headSeq()
    trail = StateTrail(try JournalStates(reader, unwritten: []).follower)
    spaces = try reader.spaces().map(\.space)
    var observed: [SequenceNumber: Snapshot] = [:]
    for snapshot in try reader.snapshots() where snapshot.origin == .observed { observed[snapshot.seq] = snapshot }
    snapshots = observed
  }

  /// Moves to right after an entry.
  ///
  /// Throws a ``CommandFailure`` with status 130 if the user asks to stop on the way; it then stands where it came to.
  mutating func move(to goal: SequenceNumber) throws {
    try take(from: trail.aim(at: goal), through: goal) { _, _, _ in true }
  }

  /// How many entries are replayed on the way to one.
  func distance(to goal: SequenceNumber) -> Int64 {
    let start = trail.start(before: goal)
    return goal.rawValue - (seq <= goal ? max(seq, start) : start).rawValue
  }

  // `body` hears of each entry, and of the machine after it; false stops there.
  private mutating func take(
    from first: SequenceNumber, through goal: SequenceNumber,
    _ body: (EntryFrame, Site, MachineImage) throws -> Bool
  ) throws {
    guard first <= goal else { return }
    try context.reader.forEachEntry(from: first, through: goal) { frame in
      if frame.entry.seq.rawValue & 1023 == 0, Interrupt.isRequested {
        throw CommandFailure("stopped at entry \(trail.now.seq.rawValue)", status: ExitStatus.interrupted)
      }
      guard let site = context.sites[frame.entry.site] else {
        throw JournalError(.corrupt, "\(context.reader.path): entry \(frame.entry.seq.rawValue) has no site")
      }
      trail.take(frame.entry, site, changes: frame.changes, observations: frame.observations)
      if site.kind == .snapshot, let snapshot = snapshots[frame.entry.seq] {
        var content = SnapshotImage(guests: snapshot.guests)
        try context.reader.forEachSnapshotRange(of: snapshot.id) { content.add($0) }
        trail.take(content)
      }
      return try body(frame, site, trail.now.follower.image)
    }
  }

  // MARK: - stops

  /// The nearest stop behind the present place; nil if there is none.
  func nextStop(_ kind: StopKind) throws -> SequenceNumber? {
    try stop("e.seq > \(seq.rawValue) AND (\(kind.condition)) ORDER BY e.seq")
  }

  /// The nearest stop before the present place; nil if there is none.
  func previousStop(_ kind: StopKind) throws -> SequenceNumber? {
    try stop("e.seq > \(start.rawValue) AND e.seq < \(seq.rawValue) AND (\(kind.condition)) ORDER BY e.seq DESC")
  }

  private func stop(_ rest: String) throws -> SequenceNumber? {
    try context.reader.number("SELECT e.seq FROM entry_row e JOIN site s ON s.id = e.site WHERE \(rest) LIMIT 1")
      .map { SequenceNumber($0) }
  }

  // MARK: - changes of pages

  /// Moves to the next entry that changes what a space says of the pages; false, standing where it was, if none does.
  mutating func moveToNextChange(of pages: [AskedPages]) throws -> Bool {
    let start = seq
    var found: SequenceNumber?
    try follow(pages, through: head) { seq in
      found = seq
      return false
    }
    if found == nil { try move(to: start) }
    return found != nil
  }

  /// The same backward.
  mutating func moveToPreviousChange(of pages: [AskedPages]) throws -> Bool {
    let start = seq
    var found: SequenceNumber?
    var last = SequenceNumber(max(0, start.rawValue - 1))
    // From one kept state to the next, nearest first.
    while found == nil, last.rawValue > 0 {
      let first = trail.start(before: SequenceNumber(last.rawValue - 1))
      try move(to: first)
      try follow(pages, through: last) { seq in
        found = seq
        return true
      }
      last = first
    }
    try move(to: found ?? start)
    return found != nil
  }

  // Moves on; `body` hears of each entry that changed the pages, and stops by false.
  private mutating func follow(
    _ pages: [AskedPages], through last: SequenceNumber, _ body: (SequenceNumber) -> Bool
  ) throws {
    var watch = PageWatch(pages, spaces)
    let here = Entry(seq: seq, site: SiteID(rawValue: 0))
    watch.note(here, .mark, changes: [], observations: [], image) { _ in }
    try take(from: trail.aim(at: last, isLeaping: false), through: last) { frame, site, image in
      var isTold = false
      watch.note(frame.entry, site.kind, changes: frame.changes, observations: frame.observations, image) {
        isTold = isTold || $0.tells
      }
      return isTold ? body(frame.entry.seq) : true
    }
  }

  // MARK: - what is there

  /// What there is to show here; nil before the first entry.
  ///
  /// What was before is seen only by going there: one entry back, and on again.
  mutating func stop() throws -> StepStop? {
    let here = seq
    guard here.rawValue > 0, let (frame, site) = try entry(at: here) else { return nil }
    let after = StepPages.physical(frame, image, limit: StepText.pageLimit)
    try move(to: SequenceNumber(here.rawValue - 1))
    let pages = StepPages.union(StepPages.physical(frame, image, limit: StepText.pageLimit), after)
    let before = views(of: pages.map { PageRange($0.first) }, limit: StepText.pageLimit)
    try move(to: here)
    let now = views(of: pages.map { PageRange($0.first) }, limit: StepText.pageLimit)
    return StepStop(frame: frame, site: site, pages: pages, before: before, now: now)
  }

  /// The entry of a place; nil for 0.
  func entry(at seq: SequenceNumber) throws -> (EntryFrame, Site)? {
    var found: (EntryFrame, Site)?
    try context.reader.forEachEntry(from: seq, through: seq) { frame in
      if let site = context.sites[frame.entry.site] { found = (frame, site) }
      return false
    }
    return found
  }

  /// What all spaces say of physical pages now, of at most so many.
  func views(of ranges: [PageRange], limit: Int) -> [PageView] {
    var mappings: [PageFrame: [GuestPage]] = [:]
    for range in ranges { image.forEachGuestMapping(of: range) { mappings[$1, default: []].append($0) } }
    let guests = LivingGuests(spaces, in: image)
    var views: [PageView] = []
    for range in ranges {
      for page in range.frames.prefix(limit - views.count) {
        views.append(image.view(of: page, mappings: Array(Set(mappings[page] ?? [])), guests: guests))
      }
    }
    return views
  }
}

extension PageWatch {
  fileprivate init(_ pages: [AskedPages], _ spaces: [Space]) {
    var ranges: [PageRange] = []
    var guestRanges: [(space: SpaceID, pages: PageRange)] = []
    for asked in pages {
      switch asked {
      case .physical(let pages): ranges.append(pages)
      case .guest(let space, let pages): guestRanges.append((space, pages))
      }
    }
    self.init(ranges: ranges, guestRanges: guestRanges, spaces: spaces)
  }
}
