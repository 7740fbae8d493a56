// Why: a small machine for tests: memory with a hole, memory that must not be mapped, an end off a block's
// border, one guest of each kind.

import PageOwnership
import PageTables
import TransitionRules

struct TestWorld {
  static let regions = [
    Region(pages: PageRange(first: PageFrame(0x40000), count: 0x1000), kind: .memory),
    Region(pages: PageRange(first: PageFrame(0x41000), count: 0x100), kind: .nomap),
    Region(pages: PageRange(first: PageFrame(0x41100), count: 0xf00), kind: .memory),
    Region(pages: PageRange(first: PageFrame(0x42400), count: 0x603), kind: .memory),
  ]
  let shape: MachineShape
  let engine: Engine
  let machine: Machine

  init(_ generation: Generation, debug: Bool, rules: RuleBook? = nil, tablePages: Int = 1000) {
    shape = MachineShape(regions: Self.regions, hypOffset: 1 << 44)
    engine = Engine(rules ?? RuleBook.of(generation), shape: shape, el2Debug: debug)
    var machine = Machine(shape: shape, hostTablePages: tablePages, hypTablePages: tablePages)
    for index in 0..<2 {
      machine.guests.append(
        GuestMachine(
          space: SpaceID(rawValue: SpaceID.firstGuest.rawValue + Int32(index)),
          handle: VMHandle(rawValue: 0x1000 + UInt16(index)), isProtected: index == 1, memcache: tablePages,
          shape: shape))
    }
    self.machine = machine
  }

  func view(_ machine: Machine) -> MachineView {
    MachineView(machine, shape: shape, encoding: engine.rules.encoding)
  }
}
