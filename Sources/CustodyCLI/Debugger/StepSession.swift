// Why: the debugger's loop: a prompt, a command, what it shows. Not here: what commands there are (StepCommand), the
// place in the journal (StepCursor), the words (StepText).

import Analysis
import Journal
import PageOwnership

/// A session of `custody replay --step`.
struct StepSession {
  private var cursor: StepCursor
  private var input = StepInput()
  private var text: StepText
  private let console: Console
  private var last: StepCommand?
  private var lastPages: [AskedPages] = []
  private var watched: [AskedPages] = []
  private var hasFailed = false

  /// Runs a session that begins at a moment, before the first entry without one.
  ///
  /// Throws a ``CommandFailure``: status 2 for a moment that is not there, or if a command from a pipe could not be
  /// followed; 130 after ctrl-C.
  static func run(_ reader: JournalReader, from point: PointInTime?) throws {
    Interrupt.install(endsStandardInput: true)
    let console = Console.standard(isFull: false)
    var session = try StepSession(reader, console)
    if let point {
      let goal = try PointInTime.moment(point, in: reader).seq
      try session.announce(goal)
      try session.cursor.move(to: goal)
    }
    try session.loop()
    try console.flush()
    if Interrupt.isRequested { throw CommandFailure.silent(ExitStatus.interrupted) }
    if session.hasFailed, !session.input.isTerminal { throw CommandFailure.silent(ExitStatus.usage) }
  }

  private init(_ reader: JournalReader, _ console: Console) throws {
    cursor = try StepCursor(reader)
    text = StepText(cursor.context, console)
    self.console = console
  }

  private mutating func loop() throws {
    try console.write("\(cursor.head.rawValue) entries; h lists the commands, an empty line repeats the last\n")
    if cursor.seq > cursor.start { try showStop() }
    while true {
      try console.write("custody \(cursor.seq.rawValue)> ")
      try console.flush()
      guard let line = input.next() else { return try console.write("\n") }
      // What is typed at a terminal is there already.
      if !input.isTerminal { try console.write(DisplayText.escaped(line) + "\n") }
      guard try follow(line) else { return }
    }
  }

  // False ends the session.
  private mutating func follow(_ line: String) throws -> Bool {
    do {
      let isEmpty = line.allSatisfy(\.isWhitespace)
      guard let command = isEmpty ? last : try StepCommand(line: line) else { return true }
      last = command
      if command.verb == .quit { return false }
      try perform(command)
    } catch let error as StepCommand.Misunderstood {
      hasFailed = true
      try console.write(error.message + "\n")
    } catch let failure as CommandFailure where failure.status == ExitStatus.usage {
      hasFailed = true
      try console.write(failure.message + (failure.hint.map { "; \($0)" } ?? "") + "\n")
    } catch let failure as CommandFailure where failure.status == ExitStatus.interrupted {
      try console.write(failure.message + "\n")
      return false
    }
    return true
  }

  private mutating func perform(_ command: StepCommand) throws {
    switch command.verb {
    case .phase: try step(.phase, command.count, isForward: true)
    case .phaseBack: try step(.phase, command.count, isForward: false)
    case .transition: try step(.transition, command.count, isForward: true)
    case .transitionBack: try step(.transition, command.count, isForward: false)
    case .entry: try step(.entry, command.count, isForward: true)
    case .entryBack: try step(.entry, command.count, isForward: false)
    case .finish: try finish()
    case .change: try stepToChange(command.pages, isForward: true)
    case .changeBack: try stepToChange(command.pages, isForward: false)
    case .goTo: try goTo(command)
    case .owner: try text.writePages(try asked(command.pages), cursor)
    case .watch: try watch(command.pages)
    case .unwatch: watched = []
    case .show: try text.writeTransition(at: cursor.seq, cursor)
    case .here: try text.writeInfo(cursor)
    case .help: try text.writeHelp()
    case .quit: break
    }
  }

  // MARK: - moving

  private mutating func step(_ kind: StopKind, _ count: Int, isForward: Bool) throws {
    for done in 0..<count {
      guard let goal = isForward ? try cursor.nextStop(kind) : try cursor.previousStop(kind) else {
        // Back from the first stop is the beginning.
        if !isForward, cursor.seq > cursor.start { return try move(to: cursor.start) }
        if done > 0 { try showStop() }
        return try console.write(isForward ? "there is nothing behind this entry\n" : "this is the beginning\n")
      }
      if done == count - 1 { return try move(to: goal) }
      try cursor.move(to: goal)
    }
  }

  private mutating func move(to goal: SequenceNumber) throws {
    try announce(goal)
    try cursor.move(to: goal)
    try showStop()
  }

  // A person should know why nothing happens.
  private func announce(_ goal: SequenceNumber) throws {
    let count = cursor.distance(to: goal)
    guard input.isTerminal, count > 200_000 else { return }
    try console.write("replaying \(count) entries …\n")
    try console.flush()
  }

  private mutating func goTo(_ command: StepCommand) throws {
    try move(to: PointInTime.moment(command.moment, in: cursor.context.reader).seq)
  }

  private mutating func finish() throws {
    guard let (frame, site) = try cursor.entry(at: cursor.seq), site.operation != nil, let id = frame.entry.action
    else {
      return try console.write("this entry belongs to no transition\n")
    }
    guard let end = try cursor.context.reader.transition(id)?.1?.lastSeq else {
      return try console.write("T\(id.rawValue) never ends\n")
    }
    try move(to: end)
  }

  private mutating func stepToChange(_ named: [PagesArgument], isForward: Bool) throws {
    if !named.isEmpty { lastPages = try asked(named) }
    if lastPages.isEmpty { lastPages = watched }
    if lastPages.isEmpty { lastPages = try pagesHere() }
    guard !lastPages.isEmpty else { return try console.write("name a page: c 0x48163000\n") }
    let pages = lastPages
    if isForward ? try cursor.moveToNextChange(of: pages) : try cursor.moveToPreviousChange(of: pages) {
      try showStop()
      // A guest's page may have nothing behind it that the entry would show.
      return try text.writePages(pages.filter(\.isOfGuest), cursor)
    }
    let name = pages.map(text.name).joined(separator: ", ")
    try console.write("nothing changes \(name) \(isForward ? "behind" : "before") entry \(cursor.seq.rawValue)\n")
  }

  // The pages of the entry, else those of its transition.
  private func pagesHere() throws -> [AskedPages] {
    guard let (frame, site) = try cursor.entry(at: cursor.seq) else { return [] }
    let own = StepPages.physical(frame, cursor.image, limit: 8)
    guard own.isEmpty else { return own.map { .physical(Self.followed($0.first, $0.count)) } }
    guard site.operation != nil, let id = frame.entry.action,
      let transition = try cursor.context.reader.transition(id)?.0
    else { return [] }
    if let address = transition.physicalAddress {
      return [.physical(Self.followed(PageFrame(containing: address), transition.pageCount))]
    }
    guard let guest = transition.guestEnd, let address = guest.address else { return [] }
    return [.guest(guest.space, Self.followed(PageFrame(containing: address), transition.pageCount))]
  }

  private static func followed(_ first: PageFrame, _ count: UInt64) -> PageRange {
    PageRange(first: first, count: min(count, StepCommand.pageLimit))
  }

  private func asked(_ pages: [PagesArgument]) throws -> [AskedPages] {
    try pages.map { try $0.asked(of: cursor.context.reader, at: cursor.seq, console) }
  }

  private mutating func watch(_ pages: [PagesArgument]) throws {
    watched += try asked(pages)
    if watched.isEmpty { return try console.write("nothing is watched: w 0x48163000\n") }
    try text.writeWatched(watched, cursor)
  }

  private mutating func showStop() throws {
    if let stop = try cursor.stop() {
      try text.write(stop, cursor)
    } else {
      try console.write("before the first entry\n")
    }
    try text.writeWatched(watched, cursor)
  }
}

extension AskedPages {
  fileprivate var isOfGuest: Bool {
    if case .guest = self { return true }
    return false
  }
}
