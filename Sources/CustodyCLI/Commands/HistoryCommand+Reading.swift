// Why: a page's biography, found once for all formats: every change that a replay shows, and the attempts that
// changed nothing. Not here: words and columns.

import Analysis
import Journal
import PageOwnership
import PageTables

/// One line of a biography.
struct HistoryItem {
  /// What it is.
  enum Content {
    /// Something changed; nanoseconds until it changed again, nil if it never did or no line tells.
    case change(PageEvent, lasted: Int64?)
    /// A transition that changed nothing, or whose check failed.
    case attempt(LogLine)
    /// A transition without an end, in words of what it left half done.
    case halfDone(LogLine, String)
  }

  /// The entry that changed something, or that decided.
  var seq: SequenceNumber
  /// Nanoseconds of the last line up to the entry that tells.
  var time: Int64?
  var content: Content
}

/// Whose history.
enum HistorySubject {
  case physical(PageFrame)
  case guest(GuestPage)
}

/// Reads the biography of one page.
struct HistoryReading {
  private let reader: JournalReader
  private let subject: HistorySubject
  private let context: ShowContext
  private var attempts: [ActionID: LogLine] = [:]
  // Completed ones: a check of theirs may fail all the same.
  private var completed: [ActionID: LogLine] = [:]
  // Attempts that name a guest's address only: whether that was this page shows when they begin.
  private var doubtful: [ActionID: LogLine] = [:]
  /// What happened, in order.
  private(set) var items: [HistoryItem] = []
  /// Nanoseconds of the last line that tells.
  private(set) var lastTime: Int64?

  /// Reads everything up to `until`, keeps what happened from `since` on.
  init(
    _ context: ShowContext, _ subject: HistorySubject, since: SequenceNumber, until: SequenceNumber
  ) throws {
    self.context = context
    self.subject = subject
    reader = context.reader
    try findAttempts(until)
    try follow(until)
    setDurations()
    items.removeAll { $0.seq < since }
  }

  private mutating func findAttempts(_ until: SequenceNumber) throws {
    let log = try TransitionLog(reader)
    var filter = LogFilter()
    switch subject {
    case .physical(let page): filter.page = (nil, page)
    case .guest(let place): filter.page = (place.space, place.page)
    }
    try log.forEach(filter) { line in
      guard line.transition.firstSeq <= until else { return }
      if line.outcome == .completed {
        completed[line.transition.id] = line
      } else {
        attempts[line.transition.id] = line
      }
    }
    guard case .physical = subject else { return }
    var others = LogFilter()
    others.outcomes = [.refused, .noEffect, .fatal, .open]
    try log.forEach(others) { line in
      guard line.transition.physicalAddress == nil, line.transition.guestEnd?.address != nil else { return }
      doubtful[line.transition.id] = line
    }
  }

  private mutating func follow(_ until: SequenceNumber) throws {
    let spaces = try reader.spaces().map(\.space)
    var watch =
      switch subject {
      case .physical(let page): PageWatch(ranges: [PageRange(page)], spaces: spaces)
      case .guest(let place): PageWatch(ranges: [], guestRanges: [(place.space, PageRange(place.page))], spaces: spaces)
      }
    var items: [HistoryItem] = []
    var time: Int64?
    var attempts = attempts
    var lastOwn: [ActionID: SequenceNumber] = [:]
    let (doubtful, completed, subject) = (doubtful, completed, subject)
    var replay = try JournalReplay(reader)
    // What the anchor shows is there from the beginning.
    if let anchor = context.anchor {
      time = anchor.time
      let entry = Entry(seq: anchor.seq, site: SiteID(rawValue: 0))
      watch.note(entry, .snapshot, changes: [], observations: [], replay.replay.image) {
        items.append(HistoryItem(seq: anchor.seq, time: anchor.time, content: .change($0, lasted: nil)))
      }
    }
    try replay.follow(through: until) { frame, site, replay in
      time = frame.entry.time ?? time
      let seq = frame.entry.seq
      if site.kind == .begin, let id = frame.entry.action, let line = doubtful[id],
        Self.concerns(line, subject, replay.image)
      {
        attempts[id] = line
      }
      watch.note(frame.entry, site.kind, changes: frame.changes, observations: frame.observations, replay.image) {
        items.append(HistoryItem(seq: seq, time: time, content: .change($0, lasted: nil)))
      }
      guard let id = frame.entry.action else { return true }
      if attempts[id]?.isUnended == true { lastOwn[id] = seq }
      let isFailure = site.kind == .check && frame.entry.outcome == CheckOutcome.failed.rawValue
      if isFailure { attempts[id]?.decided = site }
      if var line = isFailure ? completed[id] : nil {
        line.decided = site
        items.append(HistoryItem(seq: seq, time: time, content: .attempt(line)))
      } else if let line = attempts[id], line.decidingSeq == seq, !line.isUnended {
        items.append(HistoryItem(seq: seq, time: time, content: .attempt(line)))
      }
      return true
    }
    self.items = items.filter { $0.tells }
    for (id, seq) in lastOwn.sorted(by: { $0.value < $1.value }) {
      if let line = attempts[id] { try insertUnended(line, seq, watch, replay.replay.image) }
    }
    lastTime = time
  }

  // Where it stopped is its last word, behind what it changed.
  private mutating func insertUnended(
    _ line: LogLine, _ seq: SequenceNumber, _ watch: PageWatch, _ image: MachineImage
  ) throws {
    var text = "nothing is known of it since"
    if case .physical(let page) = subject, let view = watch.view(of: page) {
      text = HalfDoneWords(context).page(view, isMapped: image.maps(page))
    } else if case .guest(let place) = subject {
      let holding = image.ownership.holding(place.space, place.page)
      text = "\(context.name(place.space)) \(holding.state.name)"
    }
    let item = HistoryItem(seq: seq, time: try reader.time(upTo: seq), content: .halfDone(line, text))
    items.insert(item, at: items.firstIndex { $0.seq > seq } ?? items.count)
  }

  private static func concerns(_ line: LogLine, _ subject: HistorySubject, _ image: MachineImage) -> Bool {
    guard case .physical(let page) = subject, let end = line.transition.guestEnd, let address = end.address else {
      return false
    }
    let first = PageFrame(containing: address)
    let range = PageRange(first: first, count: min(line.transition.pageCount, 512))
    return range.frames.contains { image.physicalPage(of: GuestPage(end.space, $0)) == page }
  }

  private mutating func setDurations() {
    var next: [PageAspect: Int64] = [:]
    for index in items.indices.reversed() {
      guard case .change(let event, _) = items[index].content else { continue }
      let time = items[index].time
      if let time, let end = next[event.aspect], end >= time {
        items[index].content = .change(event, lasted: end - time)
      }
      next[event.aspect] = time
    }
  }
}

extension HistoryItem {
  fileprivate var tells: Bool {
    guard case .change(let event, _) = content else { return true }
    return event.tells
  }
}

extension MachineImage {
  /// Whether the hypervisor's own table maps a page; nil if unknown.
  fileprivate func maps(_ page: PageFrame) -> Bool? {
    leaf(.hypStage1, .hyp, at: page).map { Descriptor($0.raw).isValid }
  }
}

extension LogLine {
  /// Whether it never ended: the journal does, or the hypervisor panicked.
  var isUnended: Bool { outcome == .open || outcome == .fatal }

  /// The entry that decided, else the last one, else the first.
  var decidingSeq: SequenceNumber { end?.failedSeq ?? end?.lastSeq ?? transition.firstSeq }
}
