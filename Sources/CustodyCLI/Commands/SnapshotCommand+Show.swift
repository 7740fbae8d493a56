// Why: `custody snapshot show`: a state as ranges of pages of each space; what is nobody's business (no page, no
// owner named) is left out.

import ArgumentParser
import Journal
import PageOwnership
import PageTables

struct SnapshotShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show a snapshot as ranges of pages of each space",
    discussion: """
      NOPAGE is shown only of the host's memory, and where somebody is named as the owner; what was not seen is left \
      out.
      """)

  @Argument(help: ArgumentHelp("3, or own:50000; `custody snapshot list` has the names.", valueName: "snapshot"))
  var name: SnapshotArgument
  @Flag(help: "The words of the tables as recorded, of an observed snapshot.")
  var raw = false
  @OptionGroup var journal: JournalOption
  @OptionGroup var output: OutputOptions

  func run() throws { try run(on: output.console) }

  /// Shows on a console.
  func run(on console: Console) throws {
    let context = try ShowContext(journal.openReader())
    if raw { return try showRaw(context, console) }
    let snapshot = try SnapshotState(name, context)
    if output.format == .table { try console.write(try title(snapshot, context) + "\n\n") }
    let writer = output.format.writer(Self.columns, to: console)
    for space in snapshot.ownership.spaces { try write(space, snapshot.ownership, context, writer) }
    try writer.finish()
  }

  private static let columns = [
    Column("space"), Column("address", isTrailing: false), Column("page_count"), Column("state"), Column("names"),
    Column("pins"), Column("share_count"),
  ]

  private static let everything = PageRange(first: PageFrame(0), count: 1 << 52)

  private func title(_ snapshot: SnapshotState, _ context: ShowContext) throws -> String {
    var words = ["snapshot \(name.text), entry \(snapshot.seq.rawValue)"]
    if let time = try context.reader.time(upTo: snapshot.seq) {
      words.append(HexText.seconds(time, decimals: 4) + " s")
    }
    if let why = snapshot.header?.why { words.append(DisplayText.escaped(why)) }
    return words.joined(separator: ", ")
  }

  private func write(
    _ space: SpaceID, _ state: OwnershipState, _ context: ShowContext, _ writer: any RowWriter
  ) throws {
    let words = HoldingWords(context)
    var runs: [(PageRange, Holding)] = []
    state.forEachRun(space, in: Self.everything) { run, holding in
      // What the host does not have, though it is memory, is told even where its table names nobody.
      let isTold = space == .host && context.facts.isMemory(run.first) == true
      let isNothing = holding.state == .noPage && holding.annotation == .none && !isTold || holding.state == .unknown
      if !isNothing { runs.append((run, holding)) }
    }
    for (run, holding) in runs {
      for (pages, pins, shares) in counts(space, run, state) {
        try writer.write([
          .text(context.name(space)), .text(HexText.hex(pages.first.address)),
          .integer(Int64(bitPattern: pages.count)), .text(holding.state.name),
          Cell(names(holding, pages.first.rawValue - run.first.rawValue, words)), Cell(pins.map { Int64($0) }),
          Cell(shares.map { Int64($0) }),
        ])
      }
    }
  }

  private func names(_ holding: Holding, _ distance: UInt64, _ words: HoldingWords) -> String? {
    switch holding.annotation {
    case .none: nil
    case .guest(_, let gfn): holding.annotation.name + "/" + HexText.hex(gfn.advanced(by: distance).address)
    default: holding.annotation.name
    }
  }

  // A run in parts of equal counts; only those of pages that can have any.
  private func counts(_ space: SpaceID, _ run: PageRange, _ state: OwnershipState) -> [(PageRange, UInt32?, UInt32?)] {
    var parts: [(PageRange, UInt32?, UInt32?)] = []
    switch space {
    case .host: state.forEachShareCountRun(in: run) { parts.append(($0, nil, $1 == 0 ? nil : $1)) }
    case .hyp: state.forEachPinRun(in: run) { parts.append(($0, $1 == 0 ? nil : $1, nil)) }
    default: parts.append((run, nil, nil))
    }
    return parts.isEmpty ? [(run, nil, nil)] : parts
  }

  // MARK: - raw

  private func showRaw(_ context: ShowContext, _ console: Console) throws {
    guard case .observed(let number) = name else {
      throw CommandFailure(
        "own snapshots hold states, not the words of tables", hint: "leave --raw out", status: ExitStatus.usage)
    }
    _ = try SnapshotState.header(number, context.reader)
    let columns = [
      Column("space"), Column("table"), Column("address", isTrailing: false), Column("page_count"), Column("level"),
      Column("raw", isTrailing: false),
    ]
    let writer = output.format.writer(columns, to: console)
    try context.reader.forEachSnapshotRange(of: number) { range in
      try writer.write([
        .text(context.name(range.space)), .text(range.table.name), .text(HexText.hex(range.pages.first.address)),
        .integer(Int64(bitPattern: range.pages.count)), .integer(Int64(range.level)), .text(HexText.hex(range.raw)),
      ])
    }
    try writer.finish()
  }
}
