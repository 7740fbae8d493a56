// Why: benchmarks and crash tests need journals of any length that are true: what the rules engine does on a
// machine of a million pages, in the mix and with the overlap of a recording of many guests on two CPUs (k73-volume).
// The same seed gives the same entries. Not here: writing them (Journal).

package import PageOwnership
import PageTables
import TestSupport
import TransitionRules

/// Makes the batches of a journal, one after the other.
package struct JournalGenerator {
  /// How much of a machine is at work.
  package struct Scale: Sendable {
    /// Pages of memory; a multiple of 512.
    package var pages: UInt64 = 1 << 20
    /// Blocks of 512 pages whose pages change hands, spread over all memory.
    package var busyBlocks = 64
    /// Guests; every other one is protected.
    package var guests = 16
    /// Entries between own snapshots; nil for none.
    package var leafInterval: Int64? = 16_384

    /// The scale of the published figures: 4 GiB, 32 Ki pages at work.
    package init() {}
  }

  /// The first page of memory.
  package static let firstPage: UInt64 = 0x40000

  private let scale: Scale
  private var random: SeededRandom
  private var journaler: TransitionJournaler
  private var blocks: [BusyBlock]
  private var stamp: StateStamp
  private let spaces: [Space]
  private var isFirst = true

  /// Prepares a machine.
  package init(seed: UInt64, scale: Scale = Scale()) {
    self.scale = scale
    random = SeededRandom(seed: seed)
    let memory = PageRange(first: PageFrame(Self.firstPage), count: scale.pages)
    let shape = MachineShape(regions: [Region(pages: memory, kind: .memory)], hypOffset: 1 << 44)
    let engine = Engine(.of(.linux7_1), shape: shape, el2Debug: false)
    journaler = TransitionJournaler(engine)
    spaces = (0..<scale.guests).map { index in
      Space(
        id: SpaceID(rawValue: SpaceID.firstGuest.rawValue + Int32(index)), kind: .guest,
        handle: VMHandle(rawValue: 0x1000 + UInt16(index)), incarnation: 1, isProtected: index % 2 == 1)
    }
    let stride = max(1, scale.pages / 512 / UInt64(max(1, scale.busyBlocks)))
    let busy = (0..<UInt64(scale.busyBlocks)).map { Self.firstPage + $0 * stride * 512 }
    let machine = BusyBlock.machine(shape, memory, busy, spaces)
    let all = spaces
    blocks = busy.map { BusyBlock(machine, first: $0, all) }
    stamp = StateStamp(.linux7_1, shape.regions, interval: scale.leafInterval)
  }

  /// The facts that the journal begins with.
  package var facts: Facts {
    var facts = Facts()
    facts.generation = Known(.linux7_1, .recorded)
    facts.el2Debug = Known(false, .recorded)
    facts.pageShift = Known(12, .recorded)
    facts.addressBits = Known(Int64(journaler.engine.shape.addressBits), .recorded)
    facts.hypVAOffset = Known(0 &- journaler.engine.shape.hypOffset, .recorded)
    facts.regions = Known(journaler.engine.shape.regions, .recorded)
    return facts
  }

  /// The last entry that was made.
  package var lastSeq: SequenceNumber { journaler.lastSeq }

  /// Whole transitions until there are `entryCount` entries or more; the first batch begins with all tables.
  package mutating func batch(entryCount: Int) -> EntryBatch {
    var batch = EntryBatch()
    if isFirst, let block = blocks.first {
      batch = journaler.snapshot(of: block.machine, number: 1, why: "the machine at the start")
      batch.spaces = spaces.map { ($0, SequenceNumber(0)) }
      stamp.begin(batch, spaces)
      isFirst = false
    }
    while batch.entries.count < entryCount { addTransitions(to: &batch) }
    return batch
  }

  // About every fourth transition meets one of the other CPU on its way.
  private mutating func addTransitions(to batch: inout EntryBatch) {
    let first = batch.entries.count
    let firstSeq = journaler.lastSeq.rawValue &+ 1
    let cpu: Int32 = random.below(100) < 69 ? 0 : 1
    var made = perform(cpu)
    if random.below(100) < 15 {
      let other = perform(1 - cpu)
      made = Interleaving.merge(made, other, from: firstSeq, &random)
    }
    batch.append(made)
    stamp.follow(&batch, from: first)
  }

  private mutating func perform(_ cpu: Int32) -> EntryBatch {
    let place = random.below(blocks.count)
    let (call, arguments) = blocks[place].next(&random)
    let done = journaler.perform(call, arguments: arguments, on: &blocks[place].machine)
    blocks[place].note(done.result)
    var batch = EntryBatch()
    for made in done.batches { batch.append(made) }
    batch.set(cpu)
    return batch
  }
}

extension EntryBatch {
  /// Adds what another batch has.
  fileprivate mutating func append(_ other: EntryBatch) {
    sites += other.sites
    activations += other.activations
    activationEnds += other.activationEnds
    transitions += other.transitions
    transitionEnds += other.transitionEnds
    entries += other.entries
    changes += other.changes
  }

  fileprivate mutating func set(_ cpu: Int32) {
    for index in entries.indices { entries[index].cpu = cpu }
    for index in activations.indices { activations[index].cpu = cpu }
    for index in transitions.indices { transitions[index].cpu = cpu }
  }
}
