// Why: tests of pruning need a journal longer than a sealed range in which everything reaches across the cut: calls,
// spaces that are named late, marks, runs of lines, a key. Not here: states (the machine at the cut is made up).

import PageOwnership

@testable import Journal

enum PrunedJournal {
  /// A closed journal of 2,600 entries; a transition lies across the seal at 2048.
  static func write(at path: String, key: SealKeyFile? = nil) throws {
    let writer = try JournalWriter.create(at: path, facts: SampleJournal.facts, key: key)
    try writer.append(SampleJournal.batch)
    try writer.append(batch)
    try writer.setBookmark(Bookmark(name: "early", seq: SequenceNumber(7)))
    try writer.setBookmark(Bookmark(name: "late", seq: SequenceNumber(1500)))
    try writer.commit()
    try writer.close()
  }

  /// Prunes it to a cut, with a machine of its own.
  static func prune(_ path: String, through cut: Int64, key: SealKeyFile? = nil) throws {
    let writer = try JournalWriter.open(at: path, key: key)
    try writer.prune(machine(cut))
    try writer.shrink()
    try writer.close()
  }

  static func machine(_ cut: Int64) -> AnchorMachine {
    let range = SnapshotRange(
      snapshot: AnchorMachine.snapshot, ordinal: 0, space: .host, table: .hostStage2,
      pages: PageRange(SampleJournal.page),
      level: 3, raw: UInt64(cut))
    return AnchorMachine(
      seq: SequenceNumber(cut),
      leaves: [
        LeafImage(space: .hyp, field: 1, level: 0, index: 0x240, body: [1, 2, UInt8(truncatingIfNeeded: cut >> 8)])
      ],
      ranges: [range], knowledge: .shown, guests: [SampleJournal.guest], registers: "HCR_EL2=0x1")
  }

  private static let store = SiteID(rawValue: 10)

  private static var batch: EntryBatch {
    var batch = EntryBatch()
    batch.sites = [(store, Site(.store))]
    // Number 4 is named late, number 5 behind the first cut, number 6 never.
    for (number, born) in [(4, 14), (5, 20), (6, 30)] as [(Int32, Int64)] {
      let space = Space(
        id: SpaceID(rawValue: number), kind: .guest, handle: VMHandle(rawValue: 0x1000), incarnation: number,
        isProtected: nil)
      batch.spaces.append((space, SequenceNumber(born)))
    }
    batch.entries = (14...2600 as ClosedRange<Int64>).map { number in
      var entry = Entry(seq: SequenceNumber(number), site: store)
      entry.sourceIndex = number < 900 ? number : number + 5
      if number % 100 == 0 { entry.time = number * 1_000_000 }
      if number % 50 == 0 { entry.note = "note \(number)" }
      return entry
    }
    name(5, at: 900, &batch)
    name(4, at: 2000, &batch)
    mark([400, 1200, 2200], &batch)
    // Never returns; across the first cut; with another one inside; across the second cut.
    call(100, from: 50, through: nil, parent: nil, &batch)
    call(101, from: 1000, through: 1100, parent: nil, &batch)
    call(102, from: 1010, through: 1090, parent: 101, &batch)
    call(103, from: 1900, through: 2100, parent: nil, &batch)
    batch.transitions = [SampleJournal.transition(104, begin: 2040)]
    batch.transitionEnds = [
      ActionEnd(id: ActionID(104), lastSeq: SequenceNumber(2060), outcome: .completed, result: 0, failedSeq: nil)
    ]
    set(2040, SiteID(rawValue: 2), 104, &batch)
    set(2060, SiteID(rawValue: 5), 104, &batch)
    batch.entries[2060 - 14].outcome = TransitionOutcome.completed.rawValue
    batch.stateHashes = [(SequenceNumber(1024), StateHash(first: 5, second: 6))]
    batch.activations.sort { $0.firstSeq < $1.firstSeq }
    batch.activationEnds.sort { $0.lastSeq < $1.lastSeq }
    return batch
  }

  private static func name(_ space: Int32, at seq: Int64, _ batch: inout EntryBatch) {
    var change = SampleJournal.change(0, .guestStage2, old: 0, new: 1)
    change.seq = SequenceNumber(seq)
    change.space = SpaceID(rawValue: space)
    batch.changes.append(change)
  }

  private static func mark(_ seqs: [Int64], _ batch: inout EntryBatch) {
    for seq in seqs {
      set(seq, SiteID(rawValue: 7), nil, &batch)
      batch.entries[Int(seq) - 14].result = 0x77
    }
  }

  private static func call(_ id: Int64, from: Int64, through: Int64?, parent: Int64?, _ batch: inout EntryBatch) {
    batch.activations.append(
      Activation(
        id: ActionID(id), parent: parent.map { ActionID($0) }, kind: .hypercall,
        kernelFunction: "__pkvm_host_share_hyp", cpu: 1, firstSeq: SequenceNumber(from), registers: [UInt64(id)],
        arguments: ""))
    set(from, SiteID(rawValue: 1), id, &batch)
    guard let through else { return }
    batch.activationEnds.append(
      ActionEnd(id: ActionID(id), lastSeq: SequenceNumber(through), outcome: nil, result: 0, failedSeq: nil))
    set(through, SiteID(rawValue: 6), id, &batch)
  }

  private static func set(_ seq: Int64, _ site: SiteID, _ action: Int64?, _ batch: inout EntryBatch) {
    batch.entries[Int(seq) - 14].site = site
    batch.entries[Int(seq) - 14].action = action.map { ActionID($0) }
  }
}
