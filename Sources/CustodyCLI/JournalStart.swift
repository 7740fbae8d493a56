// Why: whatever follows a journal begins with nothing known, or with the machine that a pruned journal's anchor keeps.
// One place composes that. Not here: following (JournalReplay, JournalStates, StateCheck).

import Analysis
import Journal
import PageOwnership
import PageTables

extension JournalReader {
  /// Where a replay begins; `unwritten` are guests that an unfinished import knows of and has no row for.
  ///
  /// Throws a ``JournalError``, or a ``CommandFailure`` if the journal names no rules.
  func replayStart(unwritten: [(Space, SequenceNumber)] = []) throws -> ReplayStart {
    let facts = try facts()
    guard let generation = facts.generation.value else {
      throw CommandFailure(
        "\(path): the journal does not name its generation, so its raw words have no meaning",
        hint: "import again with --generation", status: ExitStatus.corrupt)
    }
    let lives = try spaces()
    let births = lives.map { ($0.space, $0.bornSeq) } + unwritten
    let deaths = lives.compactMap { life in life.diedSeq.map { (life.space.id, $0) } }
    let regions = facts.regions.value ?? []
    guard let anchor = try anchor() else {
      return ReplayStart(generation: generation, regions: regions, births: births, deaths: deaths)
    }
    let image = try image(of: anchor, generation, regions)
    return ReplayStart(image, after: anchor.seq, births: births, deaths: deaths)
  }

  private func image(of anchor: Anchor, _ generation: Generation, _ regions: [Region]) throws -> MachineImage {
    guard let ownership = try StateAt(self).own(anchor.seq) else { throw damagedAnchor(anchor) }
    var ranges: [SnapshotRange] = []
    try forEachSnapshotRange(of: anchor.snapshot) { ranges.append($0) }
    do {
      return try MachineImage(
        generation: generation, regions: regions, ownership: ownership, anchorRanges: ranges,
        isWhollyKnown: anchor.knowledge == .whole)
    } catch {
      throw damagedAnchor(anchor)
    }
  }

  private func damagedAnchor(_ anchor: Anchor) -> JournalError {
    JournalError(
      .corrupt, "\(path): the machine that was kept at entry \(anchor.seq.rawValue) cannot be read",
      hint: "`custody verify` lists what is damaged; the journal from before it was pruned has it")
  }
}
