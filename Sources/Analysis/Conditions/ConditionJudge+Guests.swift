// Why: conditions that read a guest's table, or what the host's says of a guest, and the two counters.

import PageOwnership
import PageTables

extension ConditionJudge {
  /// The leaf of a guest at a page, and what it means; nil if it was not seen.
  private func leaf(_ place: GuestPage, _ image: MachineImage) -> (LeafWord, PageState)? {
    if let leaf = image.leaf(.guestStage2, place.space, at: place.page) {
      return (leaf, image.encoding.guestState(leaf))
    }
    return nil
  }

  /// `guest leaf is valid`. The corresponding kernel function is `get_valid_guest_pte`.
  func guestLeaf(_ transition: Transition, _ image: MachineImage) -> Judgement {
    guard let place = transition.guestPage else { return .unknown(.noPage) }
    return beyond(place).then {
      guard let (leaf, state) = leaf(place, image) else { return .unknown(.unseen) }
      let finding = Finding.guestLeaf(place, leaf, state)
      if state == .poison { return .fails(Refusal.poison, finding) }
      guard Descriptor(leaf.raw).isValid else { return .fails(Refusal.noEntry, finding) }
      return leaf.level == 3 ? .holds(finding) : .fails(Refusal.tooBig, finding)
    }
  }

  /// `source is owned or shared`: what may be taken from a guest.
  func reclaimable(_ question: ConditionQuestion, _ image: MachineImage) -> Judgement {
    guard let place = question.transition.guestPage else { return .unknown(.noPage) }
    let wanted: [PageState] = question.expected.map { [$0] } ?? [.owned, .sharedOwned]
    return states(of: place.space, PageRange(place.page), wanted, image)
  }

  /// `source is owned or lent to guests`: page by page the host's state, then its count.
  func shareable(_ transition: Transition, _ image: MachineImage) -> Judgement {
    guard let pages = transition.frames else { return .unknown(.noPage) }
    let judged = states(of: .host, pages, [.owned, .sharedOwned], image)
    // The counts before the page that fails come first.
    var limit = pages
    if judged.verdict == .fails, case .holding(_, let page, _) = judged.finding {
      limit.count = page.rawValue - pages.first.rawValue
    }
    var found: Judgement?
    image.ownership.forEachRun(.host, in: limit) { run, holding in
      guard found == nil, holding.state == .sharedOwned else { return }
      found = lent(run, image)
    }
    return found ?? judged
  }

  // Nil if all are lent to guests and not too often.
  private func lent(_ pages: PageRange, _ image: MachineImage) -> Judgement? {
    var found: Judgement?
    image.ownership.forEachShareCountRun(in: pages) { run, count in
      guard found == nil else { return }
      switch count {
      case nil: found = .unknown(.unseen)
      case 0?: found = .fails(Refusal.permission, .shareCount(run.first, 0))
      case UInt32.max?: found = .fails(Refusal.busy, .shareCount(run.first, .max))
      default: break
      }
    }
    return found
  }

  /// `source is shared and target is borrowed`. The corresponding kernel function is `__check_host_shared_guest`.
  func pair(_ transition: Transition, _ image: MachineImage) -> Judgement {
    guard let place = transition.guestPage else { return .unknown(.noPage) }
    return beyond(place).then {
      guard let (leaf, state) = leaf(place, image) else { return .unknown(.unseen) }
      let finding = Finding.guestLeaf(place, leaf, state)
      guard Descriptor(leaf.raw).isValid else { return .fails(Refusal.noEntry, finding) }
      guard MachineImage.pagesPerLeaf(leaf.level) == transition.pageCount else {
        return .fails(Refusal.tooBig, finding)
      }
      guard state == .sharedBorrowed, let first = MachineImage.physicalPage(leaf, at: place.page) else {
        return .fails(Refusal.permission, .holding(place.space, place.page, Holding(state)))
      }
      return lender(PageRange(first: first, count: transition.pageCount), image)
    }
  }

  private func lender(_ pages: PageRange, _ image: MachineImage) -> Judgement {
    states(of: .host, pages, [.sharedOwned], image).then {
      var found: Judgement?
      image.ownership.forEachShareCountRun(in: pages) { run, count in
        guard found == nil else { return }
        if count == 0 { found = .fails(Refusal.invalid, .shareCount(run.first, 0)) }
        if count == nil { found = .unknown(.unseen) }
      }
      return found ?? .holds(.holding(.host, pages.first, image.ownership.holding(.host, pages.first)))
    }
  }

  /// `not pinned`. The corresponding kernel functions are `__hyp_check_page_count_range` and `hyp_page_count`.
  func unpinned(_ transition: Transition, _ image: MachineImage) -> Judgement {
    guard var pages = transition.frames else { return .unknown(.noPage) }
    if !generation.keepsHostStateInMetadata { pages.count = min(1, pages.count) }
    // A page that the hypervisor owns is counted by its allocator.
    var isOwn = false
    image.ownership.forEachRun(.hyp, in: pages) { isOwn = isOwn || $1.state == .owned && $0.count > 0 }
    if isOwn { return .unknown(.allocator) }
    var first: Finding?
    var found: Judgement?
    image.ownership.forEachPinRun(in: pages) { run, pins in
      if first == nil { first = pins.map { .pins(run.first, $0) } }
      guard found == nil else { return }
      guard let pins else { return found = .unknown(.unseen) }
      if pins > 0 { found = .fails(Refusal.busy, .pins(run.first, pins)) }
    }
    return found ?? .holds(first)
  }

  /// `host names the guest`. The corresponding kernel function is `host_stage2_get_guest_info`.
  func namesGuest(_ transition: Transition, _ image: MachineImage) -> Judgement {
    guard let page = transition.firstFrame else { return .unknown(.noPage) }
    let host = image.ownership.holding(.host, page)
    let found = Finding.holding(.host, page, host)
    switch host.state {
    case .unknown: return .unknown(.unseen, found)
    case .owned, .sharedOwned, .sharedBorrowed: return .fails(Refusal.again, found)
    case .noPage: break
    default: return .fails(Refusal.permission, found)
    }
    if let leaf = image.leaf(.hostStage2, .host, at: page), !isDonation(leaf) {
      return .fails(Refusal.invalid, .hostLeaf(page, leaf, host.annotation))
    }
    switch host.annotation {
    case .guest(let handle, _):
      return guest(of: handle, in: image) == nil ? .fails(Refusal.again, .deadGuest(page, handle)) : .holds(found)
    case .unknown: return .unknown(.unseen, found)
    default: return .fails(Refusal.permission, found)
    }
  }

  /// Whether a leaf of 7.x says that somebody got the page: a page's, invalid, of the type of a donation.
  private func isDonation(_ leaf: LeafWord) -> Bool {
    leaf.level == 3 && !Descriptor(leaf.raw).isValid && leaf.raw >> 60 == 2
  }

  /// `leaf is empty`. The corresponding kernel function is `host_stage2_adjust_range`.
  func emptyLeaf(_ transition: Transition, _ image: MachineImage) -> Judgement {
    guard let page = transition.firstFrame else { return .unknown(.noPage) }
    guard let leaf = image.leaf(.hostStage2, .host, at: page) else { return .unknown(.unseen) }
    let finding = Finding.hostLeaf(page, leaf, image.encoding.annotation(leaf.raw))
    if leaf.raw == 0 { return .holds(finding) }
    // A leaf that is there already is as good as one that was just made: the fault returns without a result.
    return .fails(Descriptor(leaf.raw).isValid ? nil : Refusal.permission, finding)
  }
}
