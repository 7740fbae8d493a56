// Why: makes the machine that vectors begin with out of the words in which a meta file tells it. What the
// files do not say of the harness stands here once, with the reason.

package import PageOwnership
import PageTables

/// The machine that vectors begin with.
package struct VectorStart: Sendable {
  /// The rules of its generation.
  package let rules: RuleBook
  /// What does not change.
  package let shape: MachineShape
  /// The state at the start, by build (EL2 debugging off, on).
  package let machines: [Bool: Machine]
  /// The page that the selftest works on: the last but one of the host's pool.
  let selfTestPage: UInt64
  /// Pages whose reference counts are the allocator's own.
  let pools: [PageRange]
  /// The pages that each guest was given for its tables: two roots, then the memcache.
  let guestPages: [PageRange]

  /// What the harness's names of generations mean.
  private static let generations: [String: Generation] = [
    "G0": .linux6_1, "G1": .linux6_4, "G2": .linux7_1, "G3": .linux6_14, "G4": .linux6_16, "G4b": .linux6_18,
  ]

  /// The generation of a meta file; nil if the harness has none of that name.
  package static func generation(of machine: VectorMachine) -> Generation? { generations[machine.generation] }

  /// Makes the machine; nil for a harness generation that does not exist. `rules` replace those of the generation.
  package init?(_ told: VectorMachine, rules changed: RuleBook? = nil) {
    guard let generation = Self.generation(of: told) else { return nil }
    let rules = changed ?? RuleBook.of(generation)
    self.rules = rules
    // The harness maps all memory 2^44 above its physical address; older meta files do not repeat it.
    let shape = MachineShape(regions: told.regions, addressBits: 40, hypOffset: told.hypOffset ?? 1 << 44)
    self.shape = shape
    pools = told.pools
    let hostPool = told.pools.last ?? PageRange(first: PageFrame(0), count: 0)
    selfTestPage = hostPool.end.rawValue &- 2
    // Behind the pools lie 32 pages of other things, then 2 + memcache pages for each guest (teardown shows them).
    let each = UInt64(clamping: told.memcachePages) &+ 2
    guestPages = told.handles.indices.map { index in
      PageRange(first: PageFrame(hostPool.end.rawValue &+ 32 &+ UInt64(index) &* each), count: each)
    }
    var machines: [Bool: Machine] = [:]
    for isDebug in [false, true] {
      machines[isDebug] = Self.machine(told, isDebug, rules, shape)
    }
    self.machines = machines
  }

  private static func machine(
    _ told: VectorMachine, _ isDebug: Bool, _ rules: RuleBook, _ shape: MachineShape
  ) -> Machine {
    var machine = Machine(shape: shape, hostTablePages: 0, hypTablePages: 0)
    for (index, handle) in told.handles.enumerated() {
      machine.guests.append(
        GuestMachine(
          space: SpaceID(rawValue: SpaceID.firstGuest.rawValue + Int32(index)), handle: VMHandle(rawValue: handle),
          isProtected: told.protections[index], memcache: Int(clamping: told.memcachePages), shape: shape))
    }
    for range in told.physical[isDebug] ?? [] { put(range, rules, shape, &machine) }
    machine.freeTables = freeTables(told, machine)
    return machine
  }

  /// Of each pool what the meta file says; else less the roots (two for the host, one for the hypervisor), the tables
  /// that are there, and three of the hypervisor's private mappings.
  private static func freeTables(_ told: VectorMachine, _ machine: Machine) -> (host: Int, hyp: Int) {
    if let free = told.freeTables, free.count == 2 { return (Int(clamping: free[0]), Int(clamping: free[1])) }
    let sizes = told.pools.map { Int(clamping: $0.count) }
    guard sizes.count == 2 else { return (0, 0) }
    return (sizes[1] - 2 - machine.host.tableCount, sizes[0] - 1 - machine.hyp.tableCount - 3)
  }

  /// Puts `O:v.rwx@3` and its like where they belong.
  private static func put(_ range: VectorRange, _ rules: RuleBook, _ shape: MachineShape, _ machine: inout Machine) {
    let words = range.state.split(separator: ":", maxSplits: 1)
    guard words.count == 2, let state = VectorWords.state(words[0]) else { return }
    let parts = words[1].split(separator: "@")
    let level = min(max(parts.count > 1 ? Int8(parts[1]) ?? 3 : 3, 0), 3)
    let pages = PageRange(first: PageFrame(range.first), count: range.count)
    switch range.table {
    case "host":
      let bits = rules.encoding.keepsHostStateInDescriptors ? state : .owned
      let word = word(parts[0], isHyp: false, state: bits, rules)
      machine.host.put(pages, Leaf(word: word, level: level))
      let isMemory = shape.stretch(at: pages.first.address).kind == .memory
      if isMemory && !rules.encoding.keepsHostStateInDescriptors { machine.updateFrames(pages) { $0.host = state } }
    case "hyp":
      let bits = rules.encoding.keepsHypStateInDescriptors ? state : .owned
      let offset = shape.hypOffset >> 12
      var word = word(parts[0], isHyp: true, state: bits, rules)
      if word & 1 != 0 { word |= (0 &- offset) << 12 & Leaf.addressMask }
      machine.hyp.put(
        PageRange(first: PageFrame(range.first &+ offset), count: range.count), Leaf(word: word, level: level))
      if !rules.encoding.keepsHypStateInDescriptors { machine.updateFrames(pages) { $0.hyp = state } }
    default: break
    }
  }

  private static func word(_ text: Substring, isHyp: Bool, state: PageState, _ rules: RuleBook) -> UInt64 {
    if text == "a1" { return rules.encoding.word(naming: .hyp) ?? 0 }
    guard text.hasPrefix("v.") else { return 0 }
    let (read, write, execute) = (text.contains("r"), text.contains("w"), text.contains("x"))
    return isHyp
      ? Leaf.stage1(write: write, execute: execute, state: state)
      : Leaf.stage2(read: read, write: write, execute: execute, isDevice: !execute && write, state: state)
  }
}
