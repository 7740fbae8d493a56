// Why: `custody mark`: gives a moment a name that every `--at` understands. Not here: how names are kept.

import ArgumentParser
import Journal
import PageOwnership

struct MarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mark",
    abstract: "Give a moment a name, for --at @NAME everywhere",
    discussion: """
      custody mark before-teardown --at T5446     names the state right after that transition
      custody mark now                            names the end of the journal
      custody mark                                lists the names
      custody mark before-teardown --remove       takes the name away

      A name that exists is moved only with --force. Names are kept in the journal; they are notes, no history: no \
      seal covers them. `verify` finds a name that was damaged.
      """)

  @Argument(help: "The name: letters, digits, . _ - (64 at most); without one the names are listed.")
  var name: String?
  @OptionGroup var journal: JournalOption
  @OptionGroup var point: AtOption
  @OptionGroup var output: OutputOptions
  @Flag(help: "Move a name that exists.")
  var force = false
  @Flag(help: "Take the name away.")
  var remove = false

  func validate() throws {
    guard let name else {
      if remove || force || point.at != nil { throw ValidationError("--at, --force and --remove need a name") }
      return
    }
    // A damaged name can be anything, and must go away all the same.
    guard remove || Bookmark.isName(Self.bare(name)) else {
      throw ValidationError("\"\(DisplayText.escaped(name))\" cannot be a name: 1 to 64 of a-z, A-Z, 0-9, . _ -")
    }
    if remove, point.at != nil { throw ValidationError("--remove takes no --at") }
  }

  func run() throws { try run(on: output.console) }

  /// Does what was asked on a console.
  func run(on console: Console) throws {
    guard let name = name.map(Self.bare) else { return try list(on: console) }
    let reader = try journal.openReader()
    if remove {
      guard try reader.hasBookmark(named: name) else { throw unknown(name) }
      try write { try $0.removeBookmark(named: name) }
      return try console.note("@\(DisplayText.escaped(name)) is gone")
    }
    let moment = try PointInTime.moment(point.at, in: reader)
    if !force, let existing = try reader.bookmarks().first(where: { $0.name == name }), existing.seq != moment.seq {
      throw CommandFailure(
        "@\(name) is entry \(existing.seq.rawValue) already", hint: "--force moves it", status: ExitStatus.usage)
    }
    try write { try $0.setBookmark(Bookmark(name: name, seq: moment.seq)) }
    try console.note("@\(name): \(moment.words)")
  }

  private func write(_ body: (JournalWriter) throws -> Void) throws {
    let writer = try JournalWriter.open(at: journal.path)
    do {
      try body(writer)
      try writer.close()
    } catch {
      writer.abandon()
      throw error
    }
  }

  private func unknown(_ name: String) -> CommandFailure {
    CommandFailure(
      "no moment is called @\(DisplayText.escaped(name))", hint: "`custody mark` lists the names",
      status: ExitStatus.usage)
  }

  private func list(on console: Console) throws {
    let reader = try journal.openReader()
    let columns = [Column("name"), Column("entry"), Column("time", isTrailing: true)]
    let writer = output.format.writer(columns, to: console)
    for bookmark in try reader.bookmarks() {
      let time = try reader.time(upTo: bookmark.seq)
      let shown: Cell = output.format.isForPeople ? Cell(time.map { HexText.seconds($0, decimals: 4) }) : Cell(time)
      try writer.write([.text("@" + bookmark.name), .integer(bookmark.seq.rawValue), shown])
    }
    try writer.finish()
  }

  // `@name` is how it is typed elsewhere.
  private static func bare(_ name: String) -> String { name.hasPrefix("@") ? String(name.dropFirst()) : name }
}
