// Why: conditions on numbers alone: they hold or fail whatever the tables say, and are where absurd
// arguments end. All of it must stand any 64 bits.

import PageOwnership
import PageTables

extension ConditionJudge {
  /// What lies at a page; nil if no known region does.
  func kind(at page: PageFrame) -> RegionKind? { regions.first { $0.pages.contains(page) }?.kind }

  /// Whether a range lies in one region of memory. The corresponding kernel function is `check_range_allowed_memory`.
  ///
  /// It compares the last byte with the region, or the gap, that holds the first one, so that an empty range at the
  /// start of a region and a range that wraps fail, too.
  func memoryRule(_ first: PageFrame, _ count: UInt64) -> Judgement {
    guard !regions.isEmpty else { return .holds() }
    let start = first.address
    let last = start &+ count << 12 &- 1
    let region = regions.first { $0.pages.contains(first) }
    let low = region?.pages.first.address ?? regions.map(\.pages.end.address).filter { $0 <= start }.max() ?? 0
    let high = region?.pages.end.address ?? regions.map(\.pages.first.address).filter { $0 > start }.min() ?? .max
    guard last >= low, last < high else { return .fails(Refusal.invalid, .regionBorder(PageFrame(containing: high))) }
    guard region?.kind == .memory else { return .fails(Refusal.permission, .region(first, region?.kind)) }
    return .holds(.region(first, .memory))
  }

  /// `is memory`: the errno depends on who asks.
  func memory(_ transition: Transition) -> Judgement {
    guard let first = transition.firstFrame else { return .unknown(.noPage) }
    guard !regions.isEmpty else { return .unknown(.regions) }
    guard transition.operation == .hostForceReclaim else { return memoryRule(first, transition.pageCount) }
    let kind = kind(at: first)
    return kind == nil ? .fails(Refusal.fault, .region(first, nil)) : .holds(.region(first, kind))
  }

  /// `range is valid`. The corresponding kernel function is `pfn_range_is_valid`.
  func range(_ transition: Transition) -> Judgement {
    guard let first = transition.argument("pfn") ?? transition.firstFrame?.rawValue else { return .unknown(.noPage) }
    let count = transition.argument("nr") ?? transition.pageCount
    // Addresses have at most 52 bits: what does not fit there fits no machine.
    guard let bits = addressBits else {
      let isBeyond = first >= 1 << 40 || (1 << 40) - first < count
      return isBeyond
        ? .fails(Refusal.invalid, .frames(first: first, count: count, limit: 1 << 40)) : .unknown(.addressBits)
    }
    let limit: UInt64 = 1 << (bits - 12)
    let finding = Finding.frames(first: first, count: count, limit: limit)
    return first < limit && limit - first >= count ? .holds(finding) : .fails(Refusal.invalid, finding)
  }

  /// `size is a page or an aligned block`. The corresponding kernel function is `__guest_check_transition_size`.
  func size(_ transition: Transition) -> Judgement {
    let block: UInt64 = 512
    let physical = transition.operation == .hostShareGuest ? transition.firstFrame?.rawValue ?? 0 : 0
    let isAligned = (physical | (transition.guestPage?.page.rawValue ?? 0)) & (block - 1) == 0
    let finding = Finding.size(count: transition.pageCount, isAligned: isAligned)
    if transition.pageCount == 1 { return .holds(finding) }
    return transition.pageCount == block && isAligned ? .holds(finding) : .fails(Refusal.invalid, finding)
  }

  /// `permissions are allowed`: of a guest's mapping; the one of the hypervisor has always the same.
  func permissions(_ transition: Transition) -> Judgement {
    guard let bits = transition.argument("prot") else { return .holds() }
    let allowed: UInt64 = generation == .linux7_1 ? 0xf : 0x7
    let finding = Finding.permissions(bits, allowed: allowed)
    return bits & ~allowed == 0 ? .holds(finding) : .fails(Refusal.invalid, finding)
  }

  /// Guests' addresses have at most 52 bits; fewer, if the guest was made so, but no journal says.
  func beyond(_ place: GuestPage) -> Judgement {
    place.page.rawValue >> 40 == 0 ? .holds() : .fails(Refusal.range, .beyondGuest(place))
  }
}
