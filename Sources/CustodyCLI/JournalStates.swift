// Why: the composition of a journal and a StateFollower: entries in, and the content of each observed snapshot
// when its entry comes. Used to resume an import. Not here: comparing (StateCheck, JournalReplay).

import Analysis
import Journal
import PageOwnership
import PageTables

/// Follows a journal from its beginning.
struct JournalStates {
  private let reader: JournalReader
  private let sites: Journal.SiteTable
  private let snapshots: [SequenceNumber: Snapshot]
  /// The state, as far as it got.
  private(set) var follower: StateFollower

  /// Prepares; `unwritten` are guests that an unfinished import knows of and has no row for.
  ///
  /// Throws a ``JournalError``, or a ``CommandFailure`` if the journal names no rules.
  init(_ reader: JournalReader, unwritten: [(Space, SequenceNumber)]) throws {
    self.reader = reader
    let facts = try reader.facts()
    guard let generation = facts.generation.value else {
      throw CommandFailure(
        "\(reader.path): the journal does not name its generation, so its raw words have no meaning",
        hint: "import again with --generation", status: ExitStatus.corrupt)
    }
    sites = try reader.sites()
    let lives = try reader.spaces()
    follower = StateFollower(
      generation: generation, regions: facts.regions.value ?? [],
      births: lives.map { ($0.space, $0.bornSeq) } + unwritten,
      deaths: lives.compactMap { life in life.diedSeq.map { (life.space.id, $0) } })
    var observed: [SequenceNumber: Snapshot] = [:]
    for snapshot in try reader.snapshots() where snapshot.origin == .observed { observed[snapshot.seq] = snapshot }
    snapshots = observed
  }

  /// Follows through `last`; `every` is called after each entry, and stops by returning false.
  mutating func run(through last: SequenceNumber, every: (inout StateFollower) throws -> Bool) throws {
    try reader.forEachEntry(through: last) { frame in
      guard let site = sites[frame.entry.site] else {
        throw JournalError(.corrupt, "\(reader.path): entry \(frame.entry.seq.rawValue) has no site")
      }
      follower.take(frame.entry.seq, site, changes: frame.changes, observations: frame.observations)
      if site.kind == .snapshot, let snapshot = snapshots[frame.entry.seq] {
        var content = SnapshotImage(guests: snapshot.guests)
        try reader.forEachSnapshotRange(of: snapshot.id) { content.add($0) }
        follower.take(content)
      }
      return try every(&follower)
    }
  }
}
