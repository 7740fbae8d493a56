// Why: a small journal that says everything once: a hypercall, a refused and a completed transition, a
// guest, a gap, a snapshot, own leaves. Not here: random rows (`RandomRows.swift`).

import PageOwnership

@testable import Journal

enum SampleJournal {
  static let guest = SpaceID(rawValue: 3)
  static let page = PageFrame(0x48163)

  static var facts: Facts {
    var facts = Facts()
    facts.generation = Known(.linux7_1, .recorded)
    facts.kernel = Known("7.3.4", .recorded)
    facts.el2Debug = Known(false, .inferred)
    facts.hypVAOffset = Known(0xffff_8000_0000_0000, .recorded)
    facts.regions = Known(
      [
        Region(pages: PageRange(first: PageFrame(0x40000), count: 0x40000), kind: .memory),
        Region(pages: PageRange(first: PageFrame(0x8000), count: 16), kind: .mmio),
      ], .recorded)
    facts.others = ["machine": "virt", "kernel": "not the fact"]
    return facts
  }

  static var sites: [Site] {
    var activation = Site(.activation)
    activation.kernelFunction = "__pkvm_host_share_hyp"
    var begin = Site(.begin)
    begin.operation = .hostShareHyp
    begin.kernelFunction = "__pkvm_host_share_hyp"
    var check = begin
    check.kind = .check
    check.kernelStep = "__host_check_page_state_range"
    check.sourceLine = 1462
    check.condition = .sourceIsOwned
    check.skipped = "target is unmapped: needs EL2 debug"
    check.side = .source
    check.expected = .owned
    check.resultProvenance = .recorded
    var apply = begin
    apply.kind = .apply
    apply.effect = .lend
    apply.side = .both
    apply.newState = .sharedOwned
    var end = begin
    end.kind = .end
    var activationEnd = activation
    activationEnd.kind = .activationEnd
    return [activation, begin, check, apply, end, activationEnd, Site(.mark), Site(.lost), Site(.snapshot)]
  }

  /// 13 entries: activation 1 with transition 2 (completed), transition 3 (refused), a mark, a gap, a
  /// snapshot.
  static var batch: EntryBatch {
    var batch = EntryBatch()
    for (index, site) in sites.enumerated() { batch.sites.append((SiteID(rawValue: Int32(index + 1)), site)) }
    let space = Space(
      id: guest, kind: .guest, handle: VMHandle(rawValue: 0x1000), incarnation: 3, isProtected: true)
    batch.spaces = [(space, SequenceNumber(1))]
    batch.spaceEnds = [(guest, SequenceNumber(12))]
    batch.activations = [
      Activation(
        id: ActionID(1), parent: nil, kind: .hypercall, kernelFunction: "__pkvm_host_share_hyp", cpu: 1,
        firstSeq: SequenceNumber(1), registers: [0x48163, .max, 0], arguments: "")
    ]
    batch.activationEnds = [
      ActionEnd(id: ActionID(1), lastSeq: SequenceNumber(9), outcome: nil, result: 0, failedSeq: nil)
    ]
    batch.transitions = [transition(2, begin: 2), transition(3, begin: 6)]
    batch.transitionEnds = [
      ActionEnd(id: ActionID(2), lastSeq: SequenceNumber(5), outcome: .completed, result: 0, failedSeq: nil),
      ActionEnd(
        id: ActionID(3), lastSeq: SequenceNumber(8), outcome: .refused, result: -1, failedSeq: SequenceNumber(7)),
    ]
    batch.entries = entries
    batch.changes = [change(0, .vmemmap, old: 0, new: 0x1_0000_0000), change(1, .hostStage2, old: nil, new: nil)]
    batch.observations = [observation]
    batch.gaps = [Gap(seq: SequenceNumber(11), missing: 3, firstIndex: 10, why: "line 11: cut")]
    batch.snapshots = [
      Snapshot(
        id: 1, seq: SequenceNumber(12), origin: .observed, why: "end", registers: "HCR_EL2=0x1", busyCPUs: [0, 1],
        guests: [guest])
    ]
    batch.snapshotRanges = [
      SnapshotRange(
        snapshot: 1, ordinal: 0, space: .host, table: .hostStage2, pages: PageRange(first: page, count: 512),
        level: 2, raw: .max)
    ]
    batch.leaves = [
      (SequenceNumber(13), LeafImage(space: .hyp, field: 1, level: 0, index: 0x240, body: [1, 2, 3])),
      (SequenceNumber(13), LeafImage(space: .hyp, field: 1, level: 2, index: .max, body: [])),
    ]
    return batch
  }

  static func transition(_ id: Int64, begin: Int64) -> Transition {
    Transition(
      id: ActionID(id), activation: ActionID(1), operation: .hostShareHyp,
      source: Endpoint(.host, page.address), target: Endpoint(.hyp, 0xffff_8000_4816_3000), pageCount: 1, cpu: 1,
      firstSeq: SequenceNumber(begin), arguments: "pfn=0x48163")
  }

  static var entries: [Entry] {
    // site, action, outcome, result
    let rows: [(Int32, Int64?, UInt8?, Int64?)] = [
      (1, 1, nil, nil), (2, 2, nil, nil), (3, 2, CheckOutcome.passed.rawValue, 0), (4, 2, nil, nil),
      (5, 2, TransitionOutcome.completed.rawValue, 0), (2, 3, nil, nil), (3, 3, CheckOutcome.failed.rawValue, -1),
      (5, 3, TransitionOutcome.refused.rawValue, -1), (6, 1, nil, 0), (7, nil, nil, 0x4001), (8, nil, nil, nil),
      (9, nil, nil, nil), (7, nil, nil, 0x1ff),
    ]
    return rows.enumerated().map { index, row in
      var entry = Entry(seq: SequenceNumber(Int64(index + 1)), site: SiteID(rawValue: row.0))
      entry.action = row.1.map { ActionID($0) }
      entry.outcome = row.2
      entry.result = row.3
      entry.cpu = row.1 == nil ? nil : 1
      entry.sourceIndex = index >= 10 ? nil : Int64(index)
      if row.0 == 3 {
        entry.space = .host
        entry.page = page
        entry.pageCount = 1
        entry.found = row.3 == 0 ? .owned : .sharedOwned
      }
      if row.0 == 4 { entry.space = .host }
      if row.0 == 7 { entry.note = "guest shares pages back" }
      if index == 0 { entry.time = 2_299_500_000 }
      return entry
    }
  }

  static func change(_ ordinal: Int32, _ table: TableKind, old: UInt64?, new: UInt64?) -> Change {
    Change(
      seq: SequenceNumber(4), ordinal: ordinal, space: .host, table: table, pages: PageRange(page), oldLevel: 3,
      newLevel: 3, old: old, new: new, oldState: .owned, newState: .sharedOwned, owner: nil, isInferred: false)
  }

  static var observation: Observation {
    var seen = Observation(seq: SequenceNumber(2), ordinal: 0, pages: PageRange(page))
    seen.frame = 0
    seen.host = LeafWord(level: 3, raw: 0x4816_37ff)
    seen.hyp = LeafWord(level: 2, raw: 0)
    return seen
  }

  /// A closed journal with ``batch``.
  static func write(at path: String) throws {
    let writer = try JournalWriter.create(at: path, facts: facts)
    try writer.append(batch)
    try writer.close()
  }
}

extension JournalReader {
  /// All frames up to the head.
  func frames(from first: Int64 = 1) throws -> [EntryFrame] {
    var frames: [EntryFrame] = []
    try forEachEntry(from: SequenceNumber(first), through: headSeq()) {
      frames.append($0)
      return true
    }
    return frames
  }

  /// The rows of a query as text.
  func table(_ sql: String) throws -> [[String]] {
    var rows: [[String]] = []
    try query(sql) { cells in
      rows.append(cells.map(Self.text))
      return true
    }
    return rows
  }

  private static func text(_ cell: SQLCell) -> String {
    switch cell {
    case .null: "-"
    case .integer(let value): "\(value)"
    case .real(let value): "\(value)"
    case .text(let value): value
    case .blob(let bytes): "\(bytes)"
    }
  }
}
