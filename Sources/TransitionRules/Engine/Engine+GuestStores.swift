// Why: stores in a guest's stage 2. Table pages come from what the guest gave back and from its vCPU's
// memcache; attributes change under the guest without a change of ownership.

import PageOwnership
import PageTables

extension Engine {
  /// Performs a store in a guest's table.
  func storeInGuest(_ rule: ApplyRule, _ attempt: inout Attempt, _ machine: inout Machine) -> StoreResult {
    guard let place = attempt.guest, machine.guests[place].hasTable else { return .returned(Errno.invalid) }
    // Once a leaf was looked up, the attempt's size is that leaf's and no longer the one asked for.
    let bytes = attempt.leaf == nil ? attempt.size : rules.counts(attempt.call) &<< 12
    guard let pages = machine.guests[place].table.walk(attempt.guestAddress, bytes) else {
      return .returned(Errno.outOfRange)
    }
    switch rule.store {
    case .guestMapping: return .returned(mapGuest(pages, rule.newState ?? .owned, attempt, &machine.guests[place]))
    case .guestUnmapping:
      withPool(&machine.guests[place]) { $0.unmap(pages, &$1) }
      return .returned(0)
    case .guestPoison:
      var none = TablePool(free: 0)
      let write = LeafWrite(word: TableEncoding.poison, isPageOnly: true)
      return .returned(machine.guests[place].table.write(pages, write, &none))
    default: return .returned(editAttributes(rule.store, pages, attempt, &machine.guests[place]))
    }
  }

  private func withPool<Result>(
    _ guest: inout GuestMachine, _ body: (inout StageTable, inout GuestPool) -> Result
  ) -> Result {
    var pool = GuestPool(free: guest.freeTables, memcache: guest.memcache)
    let result = body(&guest.table, &pool)
    guest.freeTables = pool.free
    guest.memcache = pool.memcache
    return result
  }

  private func mapGuest(
    _ pages: Range<UInt64>, _ state: PageState, _ attempt: Attempt, _ guest: inout GuestMachine
  ) -> Int64 {
    let bits = rules.traits.protection
    let asked = attempt.call.operation == .hostShareGuest ? attempt.call.protection : bits.all
    let execute = asked & bits.execute
    // Without separate execute permissions (XNX) half of them cannot be granted.
    guard execute == 0 || execute == bits.execute else { return Errno.invalid }
    let attributes = Leaf.stage2(
      read: asked & bits.read != 0, write: asked & bits.write != 0, execute: execute != 0, isDevice: false, state: state
    )
    let distance = attempt.page &- pages.lowerBound
    let write = LeafWrite(word: attributes | distance << 12 & Leaf.addressMask, isPageOnly: false)
    return withPool(&guest) { $0.write(pages, write, &$1) }
  }

  private func editAttributes(
    _ store: Store, _ pages: Range<UInt64>, _ attempt: Attempt, _ guest: inout GuestMachine
  ) -> Int64 {
    let isMapped = pages.isEmpty ? false : guest.table.leaf(at: pages.lowerBound).isValid
    switch store {
    case .guestPermissions:
      guard isMapped else { return rules.traits.relaxOnUnmapped }
      let bits = rules.traits.protection
      let asked = attempt.call.protection
      let added: UInt64 = (asked & bits.read != 0 ? 1 << 6 : 0) | (asked & bits.write != 0 ? 1 << 7 : 0)
      let dropped: UInt64 = asked & bits.execute != 0 ? 3 << 53 : 0
      guest.table.editLeaves(pages) { ($0 | added) & ~dropped }
      return 0
    case .guestWriteProtection:
      guest.table.editLeaves(pages) { $0 & ~(1 << 7) }
      return 0
    case .guestPoisonQuery:
      let word = guest.table.leaf(at: attempt.guestAddress >> 12).word
      return rules.encoding.guestState(LeafWord(level: 3, raw: word)) == .poison ? 1 : 0
    case .guestAge: return age(pages, clears: attempt.call.clearsAge, &guest)
    default:
      guest.table.editLeaves(pages) { $0 | 1 << 10 }
      return 0
    }
  }

  /// Whether any page of a range was used: 1 or 0.
  private func age(_ pages: Range<UInt64>, clears: Bool, _ guest: inout GuestMachine) -> Int64 {
    var isYoung = false
    guest.table.forEachRun(in: PageRange(first: PageFrame(pages.lowerBound), count: UInt64(pages.count))) {
      if $1.isValid && $1.isYoung { isYoung = true }
    }
    if clears { guest.table.editLeaves(pages) { $0 & ~(1 << 10) } }
    return isYoung ? 1 : 0
  }
}
