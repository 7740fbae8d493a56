// Why: what the debugger shows at a stop: the transition when it is a new one, the phase with what it found and did,
// the pages before and after, who else is inside a transition. Not here: moving (StepCursor).

import Analysis
import Journal
import PageOwnership
import PageTables

/// What there is to show at a stop.
struct StepStop {
  var frame: EntryFrame
  var site: Site
  /// The physical pages that the entry is about.
  var pages: [PageRange]
  /// What all spaces said of the first page of each before the entry, and what they say now.
  var before: [PageView]
  var now: [PageView]
}

/// The words of a session.
final class StepText {
  private let context: ShowContext
  private let console: Console
  private let words: HoldingWords
  private var story: TransitionStory?

  /// More pages than this are counted, not shown.
  static let pageLimit = 3

  init(_ context: ShowContext, _ console: Console) {
    self.context = context
    self.console = console
    words = HoldingWords(context)
  }

  // MARK: - a stop

  /// Shows where the cursor came to.
  func write(_ stop: StepStop, _ cursor: StepCursor) throws {
    try showStory(stop)
    for line in HeaderLine.lines(title(stop), room: console.width ?? .max) {
      try console.write(console.paint(line, .bold) + "\n")
    }
    try writeEntry(stop)
    try writePages(stop)
    try writeOthers(stop, cursor)
  }

  // The header of a transition that was not shown last.
  private func showStory(_ stop: StepStop) throws {
    guard stop.site.operation != nil, let id = stop.frame.entry.action else {
      story = nil
      return
    }
    if story?.transition.id == id { return }
    story = try TransitionStory(context, id)
    guard let story else { return }
    try console.write("\n")
    try TransitionText(story, console, showsNames: false).writeHeader()
    try console.write("\n")
  }

  private func title(_ stop: StepStop) -> String {
    let entry = stop.frame.entry
    var parts = ["entry \(entry.seq.rawValue)"]
    if let time = entry.time { parts.append(HexText.seconds(time, decimals: 4) + " s") }
    if let cpu = entry.cpu { parts.append("cpu \(cpu)") }
    if let story {
      let phase = story.entries.first { $0.entry.seq == entry.seq }?.phase
      let count = story.entries.count { $0.phase != nil }
      let place = phase.map { "phase \($0) of \(count)" } ?? stop.site.kind.rawValue
      parts.append("T\(story.transition.id.rawValue) \(story.transition.operation.rawValue), \(place)")
    } else {
      parts.append(stop.site.kind.rawValue)
    }
    return parts.joined(separator: ", ")
  }

  private func writeEntry(_ stop: StepStop) throws {
    guard let story else { return try writeOther(stop) }
    let table = PhaseTable(story, console, showsNames: false, only: stop.frame.entry.seq)
    for line in table.lines { try console.write(line + "\n") }
    guard stop.site.kind == .end else { return }
    try console.write(
      HeaderLine.text("end", TransitionText(story, console, showsNames: false).ending, width: console.width))
  }

  // An entry that belongs to no transition.
  private func writeOther(_ stop: StepStop) throws {
    if let id = stop.frame.entry.action, let called = try context.chain(from: id).first {
      let isEnd = stop.site.kind == .activationEnd
      try console.write(line("call", DisplayText.escaped(isEnd ? called.callAndResult : called.call)))
    } else if let function = stop.site.kernelFunction {
      try console.write(line("kernel", DisplayText.escaped(function)))
    }
    if stop.site.kind == .mark, let value = stop.frame.entry.result {
      try console.write(line("value", HexText.hex(UInt64(bitPattern: value))))
    }
    if let note = stop.frame.entry.note { try console.write(line("note", DisplayText.escaped(note))) }
    let limit = 8
    for change in stop.frame.changes.prefix(limit) {
      for (index, part) in ChangeWords(ShortNames(context: context), change).parts.enumerated() {
        try console.write(line(index == 0 ? "change" : "", part))
      }
    }
    let rest = stop.frame.changes.count - limit
    if rest > 0 { try console.write(line("", "… \(rest) more changes")) }
  }

  private func writePages(_ stop: StepStop) throws {
    for (index, pages) in stop.pages.prefix(Self.pageLimit).enumerated() {
      guard index < stop.before.count, index < stop.now.count else { continue }
      let name = HexText.pages(pages.first.address, pages.count) + "  "
      let before = view(stop.before[index])
      let now = view(stop.now[index])
      if before != now { try console.write(line("before", name + before)) }
      try console.write(
        line(before == now ? "unchanged" : "after", name + console.paint(now, before == now ? .dim : nil)))
    }
    let rest = stop.pages.count - Self.pageLimit
    if rest > 0 { try console.write(line("", "… and more pages (l shows all)")) }
  }

  private func writeOthers(_ stop: StepStop, _ cursor: StepCursor) throws {
    let others = cursor.trail.now.inside.filter { $0.id != stop.frame.entry.action }
    for other in others.suffix(8) { try console.write(line("also inside", try inside(other))) }
  }

  private func inside(_ other: TrailState.Inside) throws -> String {
    let operation = try context.reader.transition(other.id)?.0.operation.rawValue ?? ""
    let cpu = other.cpu.map { "cpu \($0): " } ?? ""
    return "\(cpu)T\(other.id.rawValue) \(operation), since entry \(other.firstSeq.rawValue)"
  }

  private func line(_ label: String, _ text: String) -> String {
    HeaderLine.text(label, text, indent: 15, width: console.width)
  }

  // MARK: - pages

  /// What every space says of a page: `owner host: host OWNED, hyp NOPAGE`.
  private func view(_ view: PageView) -> String {
    var parts = ["host " + words.text(view.host, named: view.namedGuest.map { ($0.space, $0.page) })]
    parts.append("hyp " + words.text(view.hyp, named: nil))
    for guest in view.guests {
      parts.append("\(words.place(guest.place.space, guest.place.page)) \(words.text(guest.holding, named: nil))")
    }
    if let pins = view.pins, pins > 0 { parts.append("\(pins) pin\(pins == 1 ? "" : "s")") }
    if let count = view.shareCount, count > 0 { parts.append("lent to \(count) guest\(count == 1 ? "" : "s")") }
    return "owner \(owner(view.owner)): " + parts.joined(separator: ", ")
  }

  private func owner(_ owner: DerivedOwner) -> String {
    switch owner {
    case .one(let space): context.name(space)
    case .nobody: "nobody"
    case .two(let spaces): spaces.map(context.name).joined(separator: " and ")
    case .unknown: "unknown"
    }
  }

  /// How pages are named.
  func name(_ asked: AskedPages) -> String {
    switch asked {
    case .physical(let pages): HexText.pages(pages.first.address, pages.count)
    case .guest(let space, let pages): words.place(space, pages.first) + HexText.times(pages.count)
    }
  }

  /// Who holds pages here.
  func writePages(_ asked: [AskedPages], _ cursor: StepCursor) throws {
    for item in asked { try writePages(item, "page", cursor) }
  }

  /// The pages that are shown at each stop.
  func writeWatched(_ watched: [AskedPages], _ cursor: StepCursor) throws {
    for item in watched { try writePages(item, "watch", cursor) }
  }

  private func writePages(_ asked: AskedPages, _ label: String, _ cursor: StepCursor) throws {
    switch asked {
    case .physical(let pages):
      let limit = 16
      for shown in cursor.views(of: [pages], limit: limit) {
        try console.write(line(label, HexText.hex(shown.page.address) + "  " + view(shown)))
      }
      if pages.count > UInt64(limit) { try console.write(line("", "… \(pages.count - UInt64(limit)) more pages")) }
    case .guest(let space, let pages):
      for page in pages.frames.prefix(16) { try writeGuest(GuestPage(space, page), label, cursor) }
    }
  }

  private func writeGuest(_ place: GuestPage, _ label: String, _ cursor: StepCursor) throws {
    let name = words.place(place.space, place.page)
    guard let page = cursor.image.physicalPage(of: place) else {
      let holding = cursor.image.ownership.holding(place.space, place.page)
      let isAlive = cursor.image.livingGuests.contains(place.space)
      return try console.write(line(label, "\(name)  " + (isAlive ? words.text(holding, named: nil) : "no guest")))
    }
    for shown in cursor.views(of: [PageRange(page)], limit: 1) {
      try console.write(line(label, "\(name) → \(HexText.hex(page.address))  " + view(shown)))
    }
  }

  // MARK: - the rest

  /// The whole transition of an entry.
  func writeTransition(at seq: SequenceNumber, _ cursor: StepCursor) throws {
    guard let (frame, site) = try cursor.entry(at: seq), site.operation != nil, let id = frame.entry.action,
      let story = try TransitionStory(context, id)
    else { return try console.write("this entry belongs to no transition\n") }
    try TransitionText(story, console, showsNames: true).write()
  }

  /// Where the cursor stands.
  func writeInfo(_ cursor: StepCursor) throws {
    let moment = try PointInTime.moment(.entry(cursor.seq), in: context.reader)
    let time = moment.time.map { ", \(HexText.seconds($0, decimals: 4)) s" } ?? ""
    try console.write("after entry \(cursor.seq.rawValue) of \(cursor.head.rawValue)\(time)\n")
    let inside = cursor.trail.now.inside
    if inside.isEmpty { try console.write("  no CPU is inside a transition\n") }
    for other in inside.suffix(64) { try console.write(line("inside", try self.inside(other))) }
    let guests = cursor.image.livingGuests.map(context.name)
    try console.write(line("guests", guests.isEmpty ? "none" : guests.joined(separator: ", ")))
    try console.write(line("state hash", cursor.image.ownership.hash.description))
  }

  /// The commands.
  func writeHelp() throws {
    for verb in StepVerb.allCases {
      let words = verb.words
      let name = "\(words.letter), \(words.word) \(words.argument)"
      try console.write(HeaderLine.text(name, words.help, indent: 24, width: console.width))
    }
    try console.write("  An empty line repeats the last command. PAGE: 0x48163000, pfn:0x48163, 0x48100000+16,\n")
    try console.write("  guest:0x1000#3/0x80000000. A phase is a check or an apply; ~ marks what is inferred.\n")
  }
}
