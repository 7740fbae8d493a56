// Why: `custody bisect snapshot`: a table that was observed is not what the history says: since when, page by page?
// Not here: following the pages (DisagreementTracker), reading tables (SnapshotState, ObservedTable), rows (+Rows).

import Analysis
import ArgumentParser
import Journal
import PageOwnership
import PageTables

struct BisectSnapshotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshot",
    abstract: "Find since which entry each page disagrees with an observed table",
    discussion: """
      custody bisect snapshot 3                    a snapshot of the journal, at the moment right before its own entry
      custody bisect snapshot seen.jsonl           the last one of a snapshots file (plain or .gz), at the end
      custody bisect snapshot seen.jsonl#2 --at T5446

      States, owners, pins and share counts are compared at one moment, page by page of each space. Of each page that \
      differs there, the entry is told since which the history disagrees with the table without interruption: after \
      it and after each entry up to the moment both are known and differ. `before` tells what was right before it: \
      agreed, or unknown; an entry 0 means from where the journal begins. One replay up to the moment, every entry \
      looked at: exact, nothing is assumed, and an earlier disagreement that ended is not told. Pages that one side \
      does not know are counted, not listed. `own:50000` takes the writer's own snapshot, at its entry.

      A guest of a file is the one of the same handle that lives at the moment; one that lives only in the table has \
      incarnation 0. With the entry come its transition, the phase, the cpu and the call around it, and the command \
      that explains it. Exit status: 0 if nothing differs, 1 if anything does.
      """)

  @Argument(help: ArgumentHelp("3, own:50000, or a snapshots file.", valueName: "snapshot"))
  var table: String
  @OptionGroup var journal: JournalOption
  @OptionGroup var moment: AtOption
  @OptionGroup var output: OutputOptions

  func run() throws { try run(on: output.console) }

  /// Compares on a console.
  func run(on console: Console) throws {
    Interrupt.install()
    let compared = try ComparedTable(table, moment.at, ShowContext(journal.openReader()))
    let search = try DisagreementSearch(compared)
    let rows = BisectSnapshotRows(compared, isForPeople: output.format.isForPeople)
    let isEqual = search.diff.differences.isEmpty
    if output.format == .table {
      try console.write("\(compared.words)\n  against the history at entry \(compared.seq.rawValue)\n")
      if isEqual { try console.write("nothing differs\n") }
    }
    if !isEqual || output.format != .table {
      try rows.write(search.disagreements(), output.format.writer(rows.columns, to: console))
    }
    try console.flush()
    if search.diff.pagesUnknown > 0 { try console.note("\(search.diff.pagesUnknown) pages are unknown on one side") }
    if !isEqual { throw CommandFailure.silent(ExitStatus.differences) }
  }
}

/// A table and the moment of a history that it is held against.
struct ComparedTable {
  /// The journal.
  let context: ShowContext
  /// What the table says.
  let ownership: OwnershipState
  /// The moment: right after this entry.
  let seq: SequenceNumber
  /// Which table it is, in words.
  let words: String

  /// Reads what was typed: the number of a snapshot, else a file.
  init(_ text: String, _ at: PointInTime?, _ context: ShowContext) throws {
    if let name = SnapshotArgument(argument: text) {
      let snapshot = try SnapshotState(name, context)
      // The replay takes over what an observed one shows of unknown pages: the history's own word is that before it.
      let own = snapshot.header == nil ? snapshot.seq.rawValue : max(0, snapshot.seq.rawValue - 1)
      seq = try at.map { try PointInTime.moment($0, in: context.reader).seq } ?? SequenceNumber(own)
      self.context = context
      ownership = snapshot.ownership
      words = "snapshot \(name.text), entry \(snapshot.seq.rawValue)"
    } else {
      seq = try PointInTime.moment(at, in: context.reader).seq
      let table = try ObservedTable(SnapshotFileName(text), context, at: seq)
      self.context = table.context
      ownership = table.ownership
      words = table.words
    }
  }
}

/// A run of pages that disagree, since one entry.
struct DisagreeingPages: Equatable {
  /// What differs, of these pages alone.
  var difference: OwnershipDifference
  /// Since when; nil where the journal does not tell.
  var since: DisagreementTracker.Beginning?
}

/// One replay that compares a history with a table.
struct DisagreementSearch {
  /// What differs at the moment.
  let diff: OwnershipDiff
  private let tracker: DisagreementTracker
  private let lives: [(space: Space, bornSeq: SequenceNumber, diedSeq: SequenceNumber?)]
  private let seq: SequenceNumber

  /// Replays up to the moment. Throws ``JournalError``; a ``CommandFailure`` with status 130 if interrupted.
  init(_ compared: ComparedTable) throws {
    let reader = compared.context.reader
    var replay = try JournalReplay(reader)
    replay.replay.recordWrites()
    var tracker = DisagreementTracker(compared.ownership, replay.replay.image.ownership)
    try replay.run(through: compared.seq) { replay in
      replay.tell(&tracker)
      return !Interrupt.isRequested
    }
    if Interrupt.isRequested { throw CommandFailure("stopped", status: ExitStatus.interrupted) }
    diff = OwnershipDiff(from: replay.replay.image.ownership, to: compared.ownership)
    lives = try reader.spaces().map { ($0.space, $0.bornSeq, $0.diedSeq) }
    seq = compared.seq
    self.tracker = tracker
  }

  /// All pages that differ, by the entry since which they do, then by space and page.
  func disagreements() -> [DisagreeingPages] {
    var found: [DisagreeingPages] = []
    for difference in diff.differences {
      guard difference.pages.count > 0 else {
        found.append(DisagreeingPages(difference: difference, since: life(of: difference)))
        continue
      }
      tracker.forEachBeginning(of: difference) { pages, since in
        let part = difference.part(pages)
        if let last = found.last, last.since == since, let joined = last.difference.joined(part) {
          found[found.count - 1].difference = joined
        } else {
          found.append(DisagreeingPages(difference: part, since: since))
        }
      }
    }
    // Sorting keeps no order of equals by itself.
    return found.enumerated().sorted {
      ($0.element.since?.seq.rawValue ?? 0, $0.offset) < ($1.element.since?.seq.rawValue ?? 0, $1.offset)
    }.map(\.element)
  }

  // A guest that only the history has is there since its birth; one that only the table has is gone since its death.
  private func life(of difference: OwnershipDifference) -> DisagreementTracker.Beginning? {
    guard let life = lives.first(where: { $0.space.id == difference.space }) else { return nil }
    let change = difference.what == .onlyBefore ? life.bornSeq : life.diedSeq
    guard let change, change <= seq else { return nil }
    return DisagreementTracker.Beginning(seq: change, before: change.rawValue > 0 ? .agreed : .unknown)
  }
}

extension OwnershipDifference {
  /// The same of some of the pages.
  func part(_ pages: PageRange) -> OwnershipDifference {
    var part = self
    part.pages = pages
    if case .holding(let one, let other) = what {
      let distance = pages.first.rawValue &- self.pages.first.rawValue
      part.what = .holding(one.advanced(by: distance), other.advanced(by: distance))
    }
    return part
  }

  /// This and the pages right behind it as one; nil if they are not there or differ in another way.
  func joined(_ next: OwnershipDifference) -> OwnershipDifference? {
    guard next.space == space, next.pages.first == pages.end else { return nil }
    let whole = PageRange(first: pages.first, count: pages.count + next.pages.count)
    var joined = self
    joined.pages = whole
    return joined.part(next.pages).what == next.what ? joined : nil
  }
}
