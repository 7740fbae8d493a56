// Why: 512 pages that change hands, on a machine of their own. What happens to them touches no table of another
// block, so that many small machines are one large one, and an operation costs what 512 pages cost.

import PageOwnership
import PageTables
import TestSupport
import TransitionRules

/// One block of pages at work.
struct BusyBlock {
  /// The part of the machine that these pages see.
  var machine: Machine
  private let first: UInt64
  private let spaces: [Space]
  private var uses = [Use](repeating: .unmapped, count: 512)
  private var pending: (page: Int, use: Use)?

  /// What a page is used for.
  private enum Use {
    case host, unmapped, hyp, lentToHyp, pinned
    case lent(SpaceID), given(SpaceID), shown(SpaceID)
  }

  init(_ machine: Machine, first: UInt64, _ spaces: [Space]) {
    self.machine = machine
    self.first = first
    self.spaces = spaces
  }

  /// A machine whose host has mapped all memory in blocks, but for what is to be busy.
  static func machine(_ shape: MachineShape, _ memory: PageRange, _ busy: [UInt64], _ spaces: [Space]) -> Machine {
    var machine = Machine(shape: shape, hostTablePages: 1 << 20, hypTablePages: 1 << 20)
    let gigabyte: UInt64 = 1 << 18
    let rounded = (memory.count + gigabyte - 1) & ~(gigabyte - 1)
    machine.host.put(PageRange(first: memory.first, count: rounded), Leaf(LeafWord(level: 2, raw: 0), at: 0))
    let block = LeafWord(level: 2, raw: memory.first.address | 0x7fd)
    machine.host.put(memory, Leaf(block, at: memory.first.rawValue))
    for first in busy {
      machine.host.put(PageRange(first: PageFrame(first), count: 512), Leaf(LeafWord(level: 3, raw: 0), at: 0))
    }
    // Other blocks fill these tables too: the pages of tables between them exist from the start.
    let empty = Leaf(LeafWord(level: 3, raw: 0), at: 0)
    let linear = memory.first.rawValue &+ shape.hypOffset >> 12
    machine.hyp.put(PageRange(first: PageFrame(linear), count: rounded), empty)
    machine.guests = spaces.map {
      var guest = GuestMachine(
        space: $0.id, handle: $0.handle ?? VMHandle(rawValue: 0), isProtected: $0.isProtected ?? false,
        memcache: 1 << 20, shape: shape)
      guest.table.put(PageRange(first: PageFrame(0), count: rounded), empty)
      return guest
    }
    return machine
  }

  /// The next call on one of the pages.
  mutating func next(_ random: inout SeededRandom) -> (OperationCall, [(name: String, value: UInt64)]) {
    let page = random.below(512)
    let frame = first + UInt64(page)
    switch uses[page] {
    case .host: return fresh(page, frame, &random)
    case .unmapped:
      var call = OperationCall(.hostFault, page: frame)
      call.address = frame << 12
      return plan(page, .host, call, [("addr", call.address)])
    case .hyp: return plan(page, .host, OperationCall(.hypDonateHost, page: frame), [("pfn", frame), ("nr", 1)])
    case .lentToHyp:
      if random.below(100) < 28 { return plan(page, .pinned, Self.pin(.pin, frame), Self.ends(frame)) }
      return plan(page, .host, OperationCall(.hostUnshareHyp, page: frame), [("pfn", frame)])
    case .pinned: return plan(page, .lentToHyp, Self.pin(.unpin, frame), Self.ends(frame))
    case .lent(let guest): return guestCall(page, frame, .hostUnshareGuest, guest, .host)
    case .given(let guest):
      if random.below(100) < 33 { return guestCall(page, frame, .guestShareHost, guest, .shown(guest)) }
      return guestCall(page, frame, .hostReclaimGuest, guest, .host)
    case .shown(let guest):
      if random.below(100) < 50 { return guestCall(page, frame, .guestUnshareHost, guest, .given(guest)) }
      return guestCall(page, frame, .hostReclaimGuest, guest, .host)
    }
  }

  /// Hears what came of the call.
  mutating func note(_ result: OperationResult) {
    if let pending, result.outcome == .completed { uses[pending.page] = pending.use }
    pending = nil
  }

  // The shares of a recording of 108 guests.
  private mutating func fresh(
    _ page: Int, _ frame: UInt64, _ random: inout SeededRandom
  ) -> (OperationCall, [(name: String, value: UInt64)]) {
    let guest = random.pick(spaces)
    switch random.below(7165) {
    case ..<4986:
      return guest.isProtected == true
        ? guestCall(page, frame, .hostDonateGuest, guest.id, .given(guest.id))
        : guestCall(page, frame, .hostShareGuest, guest.id, .lent(guest.id))
    case ..<6438: return plan(page, .hyp, OperationCall(.hostDonateHyp, page: frame), [("pfn", frame), ("nr", 1)])
    default: return plan(page, .lentToHyp, OperationCall(.hostShareHyp, page: frame), [("pfn", frame)])
    }
  }

  private mutating func guestCall(
    _ page: Int, _ frame: UInt64, _ operation: Operation, _ guest: SpaceID, _ use: Use
  ) -> (OperationCall, [(name: String, value: UInt64)]) {
    var call = OperationCall(operation, page: frame)
    call.guest = guest
    call.guestPage = frame - JournalGenerator.firstPage
    call.protection = Self.protection
    return plan(page, use, call, [("pfn", frame), ("gfn", call.guestPage), ("prot", call.protection)])
  }

  private mutating func plan(
    _ page: Int, _ use: Use, _ call: OperationCall, _ arguments: [(name: String, value: UInt64)]
  ) -> (OperationCall, [(name: String, value: UInt64)]) {
    pending = (page, use)
    return (call, arguments)
  }

  private static let protection = RuleBook.of(.linux7_1).traits.protection.all

  private static func pin(_ operation: Operation, _ frame: UInt64) -> OperationCall {
    var call = OperationCall(operation, page: frame)
    call.address = frame << 12
    call.endAddress = (frame + 1) << 12
    return call
  }

  private static func ends(_ frame: UInt64) -> [(name: String, value: UInt64)] {
    [("from", frame << 12), ("to", (frame + 1) << 12)]
  }
}
