// Why: the machine of a journal that Custody drove, or a fresh one: what `run` performs on. Not here: the steps
// (RunCommand), and what a recording cannot tell (TryCommand).

import Analysis
import Capture
import Journal
import PageOwnership
import PageTables
import TransitionRules

/// A machine with its engine and what a journal needs to say of it.
struct DrivenMachine {
  let engine: Engine
  var machine: Machine
  /// The guests as the journal names them, in order.
  let guests: [RestoredGuest]
  /// Table pages that are free at the start of the journal.
  private let freeTables: (host: Int, hyp: Int)

  /// The guests' spaces, in order.
  var guestSpaces: [SpaceID] { guests.map(\.space.id) }

  private static let freeHostKey = "free_host_tables"
  private static let freeHypKey = "free_hyp_tables"
  private static let memcacheKey = "memcache_pages"

  /// A fresh machine: the default one of a generation, or the one that a file describes.
  init(_ generation: Generation, el2Debug: Bool, file: String?) throws {
    var start = StartingMachine(generation)
    if let file { start = try Self.read(file, generation, el2Debug) }
    engine = Engine(.of(generation), shape: start.shape, el2Debug: el2Debug)
    machine = start.machine
    freeTables = machine.freeTables
    guests = machine.guests.map { guest in
      let space = Space(
        id: guest.space, kind: .guest, handle: guest.handle, incarnation: 1, isProtected: guest.isProtected)
      return RestoredGuest(space: space, isAlive: guest.hasTable, isKnown: guest.isKnown, memcache: guest.memcache)
    }
  }

  private static func read(_ path: String, _ generation: Generation, _ el2Debug: Bool) throws -> StartingMachine {
    let told = try VectorMachineReader.read(path)
    guard let start = VectorStart(told, rules: .of(generation)), let machine = start.machines[el2Debug] else {
      throw CommandFailure("\(path): the machine is of no generation that Custody knows", status: ExitStatus.corrupt)
    }
    let made = VectorStart.generation(of: told)
    guard made == generation else {
      throw CommandFailure(
        "\(path) describes a machine of \(made?.rawValue ?? "another generation"), not of \(generation.rawValue)",
        hint: "give --generation \(made?.rawValue ?? "")", status: ExitStatus.usage)
    }
    return StartingMachine(shape: start.shape, machine: machine)
  }

  /// The facts that a new journal of this machine begins with.
  var facts: Facts {
    var facts = Facts()
    let shape = engine.shape
    facts.generation = Known(engine.rules.generation, .recorded)
    facts.el2Debug = Known(engine.el2Debug, .recorded)
    facts.pageShift = Known(12, .recorded)
    facts.addressBits = Known(Int64(shape.addressBits), .recorded)
    facts.hypVAOffset = Known(0 &- shape.hypOffset, .recorded)
    facts.regions = Known(shape.regions, .recorded)
    facts.drivenBy = Known(Facts.runDriver, .recorded)
    facts.others = [
      Self.freeHostKey: "\(freeTables.host)", Self.freeHypKey: "\(freeTables.hyp)",
      Self.memcacheKey: "\(guests.first?.memcache ?? 0)",
    ]
    return facts
  }

  /// The machine that a journal ends with, or that it began with.
  ///
  /// Throws a ``CommandFailure`` for journals that Custody did not drive, and for machines that cannot go on.
  init(resuming reader: JournalReader, atStart: Bool = false) throws {
    let facts = try reader.facts()
    guard facts.drivenBy.value == Facts.runDriver, let generation = facts.generation.value else {
      throw CommandFailure(
        "\(reader.path) was not made by `custody run`: what was recorded cannot be driven on",
        hint: "choose another path with -j; `custody try` asks what would happen", status: ExitStatus.usage)
    }
    if !atStart { try Self.refuseStopped(reader) }
    if let anchor = try reader.anchor() {
      throw anchor.refusal(reader.path, "the machine that the journal began with, which is needed to go on,")
    }
    let shape = MachineShape(
      regions: facts.regions.value ?? [], addressBits: Int(clamping: facts.addressBits.value ?? 40),
      hypOffset: 0 &- (facts.hypVAOffset.value ?? 0))
    engine = Engine(.of(generation), shape: shape, el2Debug: facts.el2Debug.value ?? false)
    func number(_ key: String) -> Int { facts.others[key].flatMap { Int($0) } ?? 0 }
    freeTables = (number(Self.freeHostKey), number(Self.freeHypKey))
    var replayed = try ReplayedTables(reader)
    let start = try replayed.run(through: SequenceNumber(1))
    let image = atStart ? start : try replayed.run(through: reader.headSeq())
    let unpublished = replayed.unpublished
    guests = try reader.spaces().filter(\.space.id.isGuest).map { life in
      RestoredGuest(
        space: life.space, isAlive: atStart || life.diedSeq == nil, isKnown: !unpublished.contains(life.space.id),
        memcache: number(Self.memcacheKey))
    }
    machine = Machine(restoring: image, shape: shape, guests: guests, references: replayed.references)
    machine.fillPools(as: Machine(restoring: start, shape: shape, guests: []), free: freeTables)
  }

  private static func refuseStopped(_ reader: JournalReader) throws {
    if let id = try reader.number("SELECT min(id) FROM \"transition\" WHERE outcome = 'open'") {
      throw CommandFailure(
        "\(reader.path) ends inside T\(id)", hint: "`custody recover` settles it; then this goes on",
        status: ExitStatus.usage)
    }
    if let id = try reader.number("SELECT min(id) FROM \"transition\" WHERE outcome = 'fatal'") {
      throw CommandFailure(
        "\(reader.path): the hypervisor panicked inside T\(id); nothing runs on that machine any more",
        hint: "begin a new journal", status: ExitStatus.usage)
    }
  }
}

/// A replay that keeps what the logical state leaves out.
struct ReplayedTables {
  private var replay: JournalReplay
  /// The last reference count that a word showed of each page.
  private(set) var references: [PageFrame: UInt16] = [:]
  /// Guests that were taken out of the table of VMs.
  private(set) var unpublished: Set<SpaceID> = []

  init(_ reader: JournalReader) throws { replay = try JournalReplay(reader) }

  /// Replays further, and gives the machine.
  mutating func run(through last: SequenceNumber) throws -> MachineImage {
    var references = self.references
    var unpublished = self.unpublished
    try replay.follow(through: last) { frame, site, _ in
      for change in frame.changes where change.table == .vmemmap {
        guard let raw = change.new else { continue }
        for offset in 0..<min(change.pages.count, 1 << 20) {
          references[change.pages.first.advanced(by: offset)] = UInt16(truncatingIfNeeded: raw)
        }
      }
      if site.kind == .op, site.kernelFunction == ScenarioAction.unpublish.name, let space = frame.entry.space {
        unpublished.insert(space)
      }
      return true
    }
    self.references = references
    self.unpublished = unpublished
    return replay.replay.image
  }
}
