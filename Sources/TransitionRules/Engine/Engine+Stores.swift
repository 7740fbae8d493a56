// Why: what each store of the tables does to a machine. Tables are written by StageTable; here is which
// pages, which words, and what of the metadata goes with it. Guests are in +GuestStores.

import PageOwnership
import PageTables

extension Engine {
  /// Performs a store.
  func store(
    _ rule: ApplyRule, _ attempt: inout Attempt, _ machine: inout Machine, _ report: inout ApplyReport
  ) -> StoreResult {
    switch rule.store {
    case .hostMapping:
      guard let state = rule.newState else { return mapFault(attempt, &machine, &report) }
      return .returned(mapHost(attempt, state, &machine, &report))
    case .hostOwner(let owner): return setOwner(owner, rule.newState, attempt, &machine, &report)
    case .hostState: return setHostState(rule, attempt, &machine, &report)
    case .hostStateAlone: return updateHostState(rule, attempt, &machine)
    case .hypMapping: return mapHyp(attempt, rule.newState, &machine)
    case .hypUnmapping: return unmapHyp(attempt, &machine)
    case .hypState:
      return updateFrames(attempt, &machine) { $0.hyp = rule.newState ?? $0.hyp }
    case .references(let step): return count(step, attempt, &machine)
    case .shareCount(let step):
      return updateFrames(attempt, &machine) { $0.shareCount = $0.shareCount &+ UInt32(bitPattern: Int32(step)) }
    case .contents, .nothing: return .returned(0)
    default: return storeInGuest(rule, &attempt, &machine)
    }
  }

  /// Changes the metadata of the attempt's pages, as far as there is any.
  func updateFrames(
    _ attempt: Attempt, _ machine: inout Machine, _ change: (inout FrameWord) -> Void
  ) -> StoreResult {
    let first = attempt.page
    let count = frameCount(attempt)
    var page = first
    while page &- first < count {
      guard shape.isBacked(page, framesPerPage: framesPerPage) else { return .stopped(.fault) }
      let next = min((page | (framesPerPage &- 1)) &+ 1, first &+ count)
      machine.updateFrames(PageRange(first: PageFrame(page), count: next &- page), change)
      page = next
    }
    return .returned(0)
  }

  /// Maps the attempt's pages for the host, and once more after dropping device mappings if tables ran out.
  private func mapHost(
    _ attempt: Attempt, _ state: PageState, _ machine: inout Machine, _ report: inout ApplyReport
  ) -> Int64 {
    guard let pages = machine.host.walk(attempt.physical, attempt.size) else { return Errno.outOfRange }
    let isMemory = isOneRegion(attempt.physical, attempt.size)
    let word = Leaf.stage2(read: true, write: true, execute: true, isDevice: false, state: state)
    return writeHost(pages, word, isPageOnly: !isMemory || state != .owned, &machine, &report)
  }

  /// Whether a range begins in a region of memory and ends in the same.
  ///
  /// The corresponding kernel function is `range_is_memory`.
  private func isOneRegion(_ address: UInt64, _ size: UInt64) -> Bool {
    let stretch = shape.stretch(at: address)
    let last = address &+ size &- 1
    return stretch.kind != nil && stretch.first <= last && last <= stretch.last
  }

  private func writeHost(
    _ pages: Range<UInt64>, _ word: UInt64, isPageOnly: Bool, _ machine: inout Machine, _ report: inout ApplyReport
  ) -> Int64 {
    let write = LeafWrite(word: word, isPageOnly: isPageOnly)
    var result = machine.host.write(pages, write, &machine.hostPool)
    if result == Errno.noMemory {
      dropDevices(&machine)
      report.recycledDevices = true
      result = machine.host.write(pages, write, &machine.hostPool)
    }
    return result
  }

  /// Drops every mapping of the host that is no memory, for the table pages that become free.
  ///
  /// The corresponding kernel function is `host_stage2_unmap_dev_all`.
  package func dropDevices(_ machine: inout Machine) {
    var page: UInt64 = 0
    for region in shape.regions {
      if page < region.pages.first.rawValue {
        machine.host.unmap(page..<min(region.pages.first.rawValue, machine.host.pageEnd), &machine.hostPool)
      }
      page = min(region.pages.end.rawValue, machine.host.pageEnd)
    }
    machine.host.unmap(page..<machine.host.pageEnd, &machine.hostPool)
  }

  /// Answers a fault of the host with the largest leaf that fits into the region or gap.
  ///
  /// The corresponding kernel function is `host_stage2_idmap`.
  private func mapFault(_ attempt: Attempt, _ machine: inout Machine, _ report: inout ApplyReport) -> StoreResult {
    let stretch = shape.stretch(at: attempt.physical)
    var level = machine.host.leaf(at: attempt.page).level
    while level < 3 {
      let first = attempt.page & ~(Leaf.pageCount(level) &- 1)
      let last = (first &+ Leaf.pageCount(level)) << 12 &- 1
      if level >= 1 && stretch.first <= first << 12 && last <= stretch.last { break }
      level += 1
    }
    let first = attempt.page & ~(Leaf.pageCount(level) &- 1)
    let isMemory = stretch.kind != nil
    let word = Leaf.stage2(read: true, write: true, execute: isMemory, isDevice: !isMemory)
    return .returned(
      writeHost(first..<first &+ Leaf.pageCount(level), word, isPageOnly: false, &machine, &report))
  }

  /// Names the owner of the attempt's pages in the host's table, and the host's state with it.
  ///
  /// The corresponding kernel functions are `host_stage2_set_owner_locked` and `host_stage2_set_owner_metadata_locked`.
  private func setOwner(
    _ owner: SpaceKind, _ state: PageState?, _ attempt: Attempt, _ machine: inout Machine, _ report: inout ApplyReport
  ) -> StoreResult {
    let keepsState = rules.encoding.keepsHostStateInDescriptors
    if !keepsState {
      let isMemory =
        rules.traits.mapsReturnedPages
        ? isOneRegion(attempt.physical, attempt.size) : shape.stretch(at: attempt.physical).kind != nil
      guard isMemory else { return .returned(Errno.notPermitted) }
    }
    let result: Int64
    if owner == .host && rules.traits.mapsReturnedPages {
      result = mapHost(attempt, .owned, &machine, &report)
    } else {
      guard let pages = machine.host.walk(attempt.physical, attempt.size) else { return .returned(Errno.outOfRange) }
      let word = rules.encoding.word(naming: annotation(owner, attempt, machine)) ?? 0
      result = writeHost(pages, word, isPageOnly: true, &machine, &report)
    }
    guard result == 0, !keepsState else { return .returned(result) }
    return updateFrames(attempt, &machine) { $0.host = state ?? $0.host }
  }

  private func annotation(_ owner: SpaceKind, _ attempt: Attempt, _ machine: Machine) -> OwnerAnnotation {
    switch owner {
    case .hyp: return .hyp
    case .guest:
      guard let guest = attempt.guest else { return .none }
      return .guest(handle: machine.guests[guest].handle, gfn: PageFrame(attempt.guestAddress >> 12))
    default: return .none
    }
  }

  /// Sets the host's state; a first page without access means that the whole range is mapped before.
  ///
  /// The corresponding kernel function is `__host_set_page_state_range`.
  private func setHostState(
    _ rule: ApplyRule, _ attempt: Attempt, _ machine: inout Machine, _ report: inout ApplyReport
  ) -> StoreResult {
    guard shape.isBacked(attempt.page, framesPerPage: framesPerPage) else { return .stopped(.fault) }
    if machine.frames[attempt.page].host == .noPage {
      let result = mapHost(attempt, .owned, &machine, &report)
      if result != 0 { return .returned(result) }
    }
    return updateHostState(rule, attempt, &machine)
  }

  private func updateHostState(_ rule: ApplyRule, _ attempt: Attempt, _ machine: inout Machine) -> StoreResult {
    let onlyUnborrowed = rule.occasion == .ifNoGuestBorrows
    return updateFrames(attempt, &machine) { frame in
      if !onlyUnborrowed || frame.shareCount == 0 { frame.host = rule.newState ?? frame.host }
    }
  }

  /// Maps the attempt's pages at EL2, one after the other.
  ///
  /// The corresponding kernel function is `pkvm_create_mappings_locked`.
  private func mapHyp(_ attempt: Attempt, _ state: PageState?, _ machine: inout Machine) -> StoreResult {
    let offset = shape.hypOffset >> 12
    let word =
      Leaf.stage1(write: true, execute: false, state: state ?? .owned) | (0 &- offset) << 12 & Leaf.addressMask
    var address = attempt.physical &+ shape.hypOffset
    let end = (address &+ attempt.size &+ 0xfff) & ~0xfff
    while address < end {
      guard machine.hyp.walk(address, 1 << 12) != nil else { return .returned(Errno.outOfRange) }
      let result = machine.hyp.mapHyp(address >> 12, word, &machine.hypPool)
      if result != 0 { return .returned(result, warnings: result == Errno.invalid ? 2 : 0) }
      address &+= 1 << 12
    }
    return .returned(0)
  }

  /// Unmaps the attempt's pages at EL2; less than all of them is an error.
  private func unmapHyp(_ attempt: Attempt, _ machine: inout Machine) -> StoreResult {
    guard let pages = machine.hyp.walk(attempt.physical &+ shape.hypOffset, attempt.size) else {
      return .returned(attempt.size == 0 ? 0 : Errno.badAddress)
    }
    let count = machine.hyp.unmapHyp(pages, &machine.hypPool)
    return .returned(count << 12 == attempt.size ? 0 : Errno.badAddress)
  }

  /// Counts a reference more or less; the counter's ends are BUGs.
  private func count(_ step: Int8, _ attempt: Attempt, _ machine: inout Machine) -> StoreResult {
    guard shape.isBacked(attempt.page, framesPerPage: framesPerPage) else { return .stopped(.fault) }
    let references = machine.frames[attempt.page].references
    guard references != (step > 0 ? .max : 0) else { return .stopped(.bug) }
    machine.updateFrames(PageRange(PageFrame(attempt.page))) {
      $0.references = step > 0 ? references + 1 : references - 1
    }
    return .returned(0)
  }
}
