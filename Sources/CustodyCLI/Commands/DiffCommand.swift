// Why: `custody diff`: what two moments say differently of who owns which page, and which transition made each
// difference. Not here: what a side is (DiffCommand+Sides), finding causes (+Causes), the comparison (Analysis).

import Analysis
import ArgumentParser
import Journal
import PageOwnership

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Compare two moments, of one journal or of two, or a moment with a snapshot",
    discussion: """
      custody diff 100 T5446            two moments of the journal of -j; all forms of --at are understood
      custody diff @before HEAD         moments with names, and the end
      custody diff a.db b.db            the ends of two journals
      custody diff a.db@100 b.db@T12    moments of two journals; a file named like a moment is ./100
      custody diff snapshot:3 HEAD      an observed snapshot, or snapshot:own:50000, of the journal
      custody diff a.db@snapshot:3 b.db
      custody diff seen.jsonl#3 HEAD    the third snapshot of a snapshots file, plain or .gz; without #3 its last

      States, owners, pins and share counts are compared page by page of each space; descriptors are not. With each \
      run of pages comes the entry that made it as the later moment has it, of two journals those of both; of a file \
      and a moment that of the moment. Guests of two journals are the same if handle and incarnation are, those of a \
      file are those of the same handles that live at the other moment. Two boots never share addresses: compare \
      copies, replays, and recordings of the same addresses. Pages that one side does not know are counted, not \
      listed. Exit status 0 if nothing differs, 1 if anything does.
      """)

  @Argument(help: ArgumentHelp("A moment, a journal, snapshot:3, or a snapshots file.", valueName: "a"))
  var first: String
  @Argument(help: ArgumentHelp("The other one.", valueName: "b"))
  var second: String
  @Flag(help: "How many pages differ in each space, and in how many runs; no causes.")
  var stat = false
  @OptionGroup var journal: JournalOption
  @OptionGroup var output: OutputOptions

  func run() throws { try run(on: output.console) }

  /// Compares on a console.
  func run(on console: Console) throws {
    let (before, after) = try DiffSide.both(first, second, journal)
    let counterparts = before.counterparts(in: after)
    let diff = OwnershipDiff(from: before.ownership, to: after.ownership) { counterparts[$0] }
    if output.format == .table { try console.write("from \(before.words)\n  to \(after.words)\n") }
    let isEqual = diff.differences.isEmpty
    if isEqual, output.format == .table {
      try console.write("nothing differs\n")
    } else if stat {
      try writeStat(diff, before, after, console)
    } else {
      let rows = DiffRows(before, after, counterparts, isForPeople: output.format.isForPeople)
      try rows.write(diff, output.format.writer(rows.columns, to: console))
    }
    try console.flush()
    if diff.pagesUnknown > 0 { try console.note("\(diff.pagesUnknown) pages are unknown on one side") }
    if !isEqual { throw CommandFailure.silent(ExitStatus.differences) }
  }

  private func writeStat(_ diff: OwnershipDiff, _ before: DiffSide, _ after: DiffSide, _ console: Console) throws {
    let columns = [Column("space"), Column("what"), Column("page_count"), Column("runs")]
    let writer = output.format.writer(columns, to: console)
    var rest = diff.differences[...]
    while let first = rest.first {
      let same = rest.prefix { $0.space == first.space && $0.what.name == first.what.name }
      let context = first.what == .onlyAfter ? after.context : before.context
      let count = same.reduce(UInt64(0)) { $0 &+ $1.pages.count }
      try writer.write([
        .text(context.name(first.space)), .text(first.what.name), .integer(Int64(bitPattern: count)),
        .integer(Int64(same.count)),
      ])
      rest = rest.dropFirst(same.count)
    }
    try writer.finish()
  }
}

extension OwnershipDifference.What {
  /// The word of what differs.
  var name: String {
    switch self {
    case .holding: "state"
    case .pins: "pins"
    case .shareCount: "share_count"
    case .onlyBefore, .onlyAfter: "guest"
    }
  }
}
