// Why: the states that a search has seen, in the order in which it found them, with how each was reached: flat
// arrays, so that a state costs some forty bytes and no allocation.

/// States without doubles, numbered from 0.
struct StateSet {
  private(set) var states: ContiguousArray<SmallState> = []
  /// The invariants that do not hold, 16 bits a page.
  private(set) var broken: ContiguousArray<UInt64> = []
  /// The state that each was reached from, and by which call.
  private var origins: ContiguousArray<UInt32> = []
  private var calls: ContiguousArray<UInt16> = []
  /// Numbers plus one by hash; 0 is free. Never more than half full.
  private var table = ContiguousArray<UInt32>(repeating: 0, count: 1 << 12)

  var count: Int { states.count }

  /// The number of a state; nil if it is new.
  func number(of state: SmallState) -> Int? {
    let slot = table[self.slot(of: state)]
    return slot == 0 ? nil : Int(slot - 1)
  }

  /// Adds a state that is new.
  mutating func add(_ state: SmallState, broken: UInt64, from origin: Int, by call: Int) {
    states.append(state)
    self.broken.append(broken)
    origins.append(UInt32(origin))
    calls.append(UInt16(call))
    if states.count * 2 > table.count { grow() }
    table[slot(of: state)] = UInt32(states.count)
  }

  /// The calls that lead from the first state to one, by number.
  func path(to number: Int) -> [Int] {
    var path: [Int] = []
    var number = number
    while number != 0 {
      path.append(Int(calls[number]))
      number = Int(origins[number])
    }
    return path.reversed()
  }

  // The last state is not in the table yet; its slot is searched after growing.
  private mutating func grow() {
    table = ContiguousArray(repeating: 0, count: table.count * 2)
    for (number, state) in states.dropLast().enumerated() { table[slot(of: state)] = UInt32(number + 1) }
  }

  /// The slot that holds a state, or the free one where it belongs.
  private func slot(of state: SmallState) -> Int {
    let mask = table.count - 1
    var position = Self.hash(state) & mask
    while table[position] != 0, states[Int(table[position] - 1)] != state { position = (position + 1) & mask }
    return position
  }

  private static func hash(_ state: SmallState) -> Int {
    var word = state.pages &* 0x9e37_79b9_7f4a_7c15 ^ state.leaves
    word = (word ^ word >> 32) &* 0xd6e8_feb8_6659_fd93
    return Int(truncatingIfNeeded: (word ^ word >> 32) & 0x7fff_ffff_ffff)
  }
}
