// Why: `custody snapshot diff`: what differs between two snapshots, or between one and the replayed state. Not
// here: the comparison (Analysis).

import Analysis
import ArgumentParser
import Journal
import PageOwnership
import PageTables

struct SnapshotDiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Compare two snapshots, or one with the replayed state",
    discussion: """
      With one name: against the replayed state right before the snapshot's own entry, or at --at. States, owners, \
      pins and share counts are compared, page by page; descriptors are not (`custody replay` does that). Pages that \
      one side does not know are counted, not listed. Exit status 1 if anything differs.
      """)

  @Argument(help: ArgumentHelp("3, or own:50000.", valueName: "snapshot"))
  var first: SnapshotArgument
  @Argument(help: ArgumentHelp("Another one; without it the replayed state.", valueName: "snapshot"))
  var second: SnapshotArgument?
  @OptionGroup var journal: JournalOption
  @OptionGroup var moment: AtOption
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if second != nil, moment.at != nil { throw ValidationError("two snapshots need no --at") }
  }

  func run() throws { try run(on: output.console) }

  /// Compares on a console.
  func run(on console: Console) throws {
    let context = try ShowContext(journal.openReader())
    let before = try SnapshotState(first, context)
    let (after, name) = try other(before, context)
    let diff = OwnershipDiff(from: before.ownership, to: after)
    let isForPeople = output.format.isForPeople
    if output.format == .table { try console.write("from snapshot \(first.text) to \(name)\n") }
    let writer = output.format.writer(Self.columns, to: console)
    for difference in diff.differences { try writer.write(cells(difference, context, isForPeople)) }
    if !(diff.differences.isEmpty && output.format == .table) { try writer.finish() }
    if diff.differences.isEmpty, output.format == .table { try console.write("nothing differs\n") }
    try console.flush()
    if diff.pagesUnknown > 0 { try console.note("\(diff.pagesUnknown) pages are unknown on one side") }
    if !diff.differences.isEmpty { throw CommandFailure.silent(ExitStatus.differences) }
  }

  private func other(_ before: SnapshotState, _ context: ShowContext) throws -> (OwnershipState, String) {
    if let second { return (try SnapshotState(second, context).ownership, "snapshot \(second.text)") }
    let seq: SequenceNumber
    var name = "the replayed state"
    if let at = moment.at {
      let found = try PointInTime.moment(at, in: context.reader)
      seq = found.seq
      name += " " + found.words
    } else {
      // The replay takes over what a snapshot shows: what the changes alone give is what holds before its entry.
      seq = before.header == nil ? before.seq : SequenceNumber(before.seq.rawValue - 1)
      name += " at entry \(seq.rawValue)"
    }
    return (try StateAt(context.reader).image(seq).ownership, name)
  }

  private static let columns = [
    Column("space"), Column("address", isTrailing: false), Column("page_count"), Column("what"), Column("before"),
    Column("after"),
  ]

  private func cells(_ difference: OwnershipDifference, _ context: ShowContext, _ isForPeople: Bool) -> [Cell] {
    let words = HoldingWords(context)
    let (what, before, after): (String, String, String) =
      switch difference.what {
      case .holding(let one, let other): ("state", words.text(one, named: nil), words.text(other, named: nil))
      case .pins(let one, let other): ("pins", "\(one)", "\(other)")
      case .shareCount(let one, let other): ("share_count", "\(one)", "\(other)")
      case .onlyBefore: ("guest", "lives", isForPeople ? "does not live" : "")
      case .onlyAfter: ("guest", isForPeople ? "does not live" : "", "lives")
      }
    let hasPages = difference.pages.count > 0
    return [
      .text(context.name(difference.space)),
      hasPages ? .text(HexText.hex(difference.pages.first.address)) : .null,
      hasPages ? .integer(Int64(bitPattern: difference.pages.count)) : .null, .text(what), .text(before), .text(after),
    ]
  }
}
