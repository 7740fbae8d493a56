// Why: whether one row of a generation's rules holds in a machine as it is. The rows are finer than the
// conditions that recordings name: each has its own errno.
// Not here: which rows are asked, and in which order (Conformance).

import PageOwnership
package import PageTables
package import TransitionRules

extension ConditionJudge {
  /// Whether a row holds for an attempt; one that fails has the row's errno.
  package func judge(_ rule: CheckRule, of subject: RuleSubject, in image: MachineImage) -> Judgement {
    let judged = numbers(rule, subject) ?? tables(rule, subject, image)
    guard judged.verdict == .fails else { return judged }
    return .fails(rule.errno, judged.finding)
  }

  // Rows on numbers alone; nil for others.
  private func numbers(_ rule: CheckRule, _ subject: RuleSubject) -> Judgement? {
    let transition = subject.transition
    switch rule.condition {
    case .regionIsKnown: return .holds()
    case .insideTable: return inside(rule.subject, transition)
    case .inOneRegion: return region(transition, Refusal.invalid)
    case .isMemory: return region(transition, Refusal.permission)
    case .inMemoryRegion: return regions.isEmpty ? .unknown(.regions) : memory(transition)
    case .rangeIsValid: return knownRange(transition)
    case .sizeIsValid: return size(transition)
    case .permissionsAllowed: return rule.subject == .guest ? permissions(transition) : .holds()
    case .memcacheSuffices: return subject.memcacheSuffices == true ? .holds() : .unknown(.memcache)
    case .guestIsNotProtected: return unprotected(transition)
    default: return nil
    }
  }

  private func tables(_ rule: CheckRule, _ subject: RuleSubject, _ image: MachineImage) -> Judgement {
    let transition = subject.transition
    switch rule.condition {
    case .sourceIsOwned, .sourceIsShared, .sourceIsBorrowed, .sourceIsUnmapped, .targetIsUnmapped, .targetIsShared,
      .targetIsBorrowed:
      return states(rule, subject, rule.expected.map { [$0] } ?? [], image)
    case .sourceIsOwnedOrShared, .sourceIsOwnedOrGuestShared:
      return states(rule, subject, [.owned, .sharedOwned], image)
    case .shareCountIsNotZero: return counts(subject, image) { $0 == 0 }
    case .shareCountHasRoom: return counts(subject, image) { $0 == .max }
    case .notPinned: return references(subject, image)
    case .leafMapsMemory: return mappedMemory(rule, subject, image)
    case .guestLeafIsNotPoisoned, .guestLeafIsMapped, .guestLeafHasSize, .guestLeafMapsMemory, .guestLeafMapsPage:
      return guestLeaf(rule.condition, transition, image)
    case .hostHasNoAccess:
      return states(rule, subject, [.noPage, .poison, .reserved], image)
    case .hostLeafIsInvalidPage, .hostLeafIsDonation, .hostNamesGuest, .guestIsKnown, .leafIsUnmapped,
      .leafNamesNobody, .stateAgreesWithLeaf:
      return hostLeaf(rule.condition, transition, image)
    default: return .unknown(.unrecognised)
    }
  }

  // MARK: - numbers

  private func inside(_ kind: SpaceKind?, _ transition: Transition) -> Judgement {
    // The hypervisor's table holds the whole linear map.
    guard kind != .hyp else { return .holds() }
    let place = kind == .guest ? transition.guestPage : nil
    guard let first = kind == .guest ? place?.page : transition.firstFrame else { return .unknown(.noPage) }
    let (end, wraps) = first.rawValue.addingReportingOverflow(transition.pageCount)
    let finding = place.map { Finding.beyondGuest($0) } ?? .region(first, nil)
    // A guest's stage 2 is as wide as the host's.
    if let addressBits {
      let limit: UInt64 = 1 << (addressBits - 12)
      return !wraps && first.rawValue <= limit && end <= limit ? .holds() : .fails(nil, finding)
    }
    if wraps || end > 1 << 40 { return .fails(nil, finding) }
    let isKnown = end <= 1 << 20 || kind == .host && regions.contains { $0.pages.contains(first) }
    return isKnown ? .holds() : .unknown(.addressBits)
  }

  private func region(_ transition: Transition, _ errno: Int64) -> Judgement {
    guard let first = transition.firstFrame else { return .unknown(.noPage) }
    guard !regions.isEmpty else { return .unknown(.regions) }
    let judged = memoryRule(first, transition.pageCount)
    return judged.verdict == .fails && judged.result != errno ? .holds() : judged
  }

  private func knownRange(_ transition: Transition) -> Judgement {
    let judged = range(transition)
    guard case .unknown(.addressBits) = judged.verdict, let pages = transition.frames else { return judged }
    // Where memory is, addresses reach.
    let isKnown = regions.contains { pages.first.rawValue < $0.pages.end.rawValue && pages.end <= $0.pages.end }
    return isKnown ? .holds() : judged
  }

  private func unprotected(_ transition: Transition) -> Judgement {
    guard let place = transition.guestPage, let isProtected = isProtected(place.space) else { return .unknown(.noPage) }
    return isProtected ? .fails(nil, nil) : .holds()
  }

  // MARK: - states and counts

  private func states(
    _ rule: CheckRule, _ subject: RuleSubject, _ wanted: [PageState], _ image: MachineImage
  ) -> Judgement {
    switch rule.subject {
    case .guest:
      guard let place = subject.transition.guestPage else { return .unknown(.noPage) }
      let pages = PageRange(first: place.page, count: subject.transition.pageCount)
      return states(of: place.space, pages, wanted, image)
    case .host, .hyp:
      guard let pages = subject.transition.frames else { return .unknown(.noPage) }
      let space: SpaceID = rule.subject == .host ? .host : .hyp
      let isInLeaves =
        rule.subject == .host ? encoding.keepsHostStateInDescriptors : encoding.keepsHypStateInDescriptors
      guard isInLeaves, (2...RuleSubject.pageLimit).contains(pages.count) else {
        return states(of: space, pages, wanted, image)
      }
      return leafStates(space, pages, wanted, image)
    case .ffa, nil: return .holds()
    }
  }

  // A walk judges once for each leaf, at the first page of the range in it.
  private func leafStates(
    _ space: SpaceID, _ pages: PageRange, _ wanted: [PageState], _ image: MachineImage
  ) -> Judgement {
    let table: TableKind = space == .host ? .hostStage2 : .hypStage1
    var found: Judgement?
    var page = pages.first
    while page < pages.end {
      let judged = states(of: space, PageRange(page), wanted, image)
      if judged.verdict == .fails { return judged }
      if found?.verdict != .unknown(.unseen) { found = judged.verdict == .holds ? found ?? judged : judged }
      let size = MachineImage.pagesPerLeaf(image.leaf(table, space, at: page)?.level ?? 3)
      page = PageFrame((page.rawValue | (size - 1)) &+ 1)
    }
    return found ?? .holds()
  }

  // Of pages that the host lent.
  private func counts(
    _ subject: RuleSubject, _ image: MachineImage, fails: (UInt32) -> Bool
  ) -> Judgement {
    guard let pages = subject.frames else { return .unknown(.noPage) }
    var isUnseen = false
    for page in pages.frames where image.ownership.holding(.host, page).state == .sharedOwned {
      guard let count = image.ownership.shareCount(page) else {
        isUnseen = true
        continue
      }
      if fails(count) { return .fails(nil, .shareCount(page, count)) }
    }
    return isUnseen ? .unknown(.unseen) : .holds()
  }

  // A page that the hypervisor owns is counted by its allocator: what the call saw of it is all that is known.
  private func references(_ subject: RuleSubject, _ image: MachineImage) -> Judgement {
    guard var pages = subject.frames else { return .unknown(.noPage) }
    if encoding.keepsHostStateInDescriptors { pages.count = min(1, pages.count) }
    var blindness: Blindness?
    for page in pages.frames {
      let isOwn = image.ownership.holding(.hyp, page).state == .owned
      let count = isOwn ? subject.references[page].map { UInt32($0) } : image.ownership.pins(page)
      guard let count else {
        blindness = isOwn ? .allocator : .unseen
        continue
      }
      if count > 0 { return .fails(nil, .pins(page, count)) }
    }
    return blindness.map { .unknown($0) } ?? .holds()
  }

  // MARK: - leaves

  // Up to 6.3 it is the leaf that is asked, not the address.
  private func mappedMemory(_ rule: CheckRule, _ subject: RuleSubject, _ image: MachineImage) -> Judgement {
    guard let pages = subject.frames else { return .unknown(.noPage) }
    let space: SpaceID = rule.subject == .host ? .host : .hyp
    for page in pages.frames where !isMemory(page) {
      guard let leaf = image.leaf(space == .host ? .hostStage2 : .hypStage1, space, at: page) else {
        return .unknown(.unseen)
      }
      if Descriptor(leaf.raw).isValid { return .fails(nil, .region(page, kind(at: page))) }
    }
    return .holds()
  }

  private func isMemory(_ page: PageFrame) -> Bool {
    let kind = kind(at: page)
    return kind == .memory || kind == .nomap && generation == .linux6_1
  }

  private func guestLeaf(_ condition: Condition, _ transition: Transition, _ image: MachineImage) -> Judgement {
    guard let place = transition.guestPage else { return .unknown(.noPage) }
    guard let leaf = image.leaf(.guestStage2, place.space, at: place.page) else { return .unknown(.unseen) }
    let state = encoding.guestState(leaf)
    let mapped = MachineImage.physicalPage(leaf, at: place.page)
    let holds: Bool =
      switch condition {
      case .guestLeafIsNotPoisoned: state != .poison
      case .guestLeafIsMapped: mapped != nil
      case .guestLeafHasSize: MachineImage.pagesPerLeaf(leaf.level) == transition.pageCount
      case .guestLeafMapsPage: mapped == transition.firstFrame
      default: mapped.map { memoryRule($0, transition.pageCount).verdict == .holds } ?? false
      }
    let finding = Finding.guestLeaf(place, leaf, state)
    return holds ? .holds(finding) : .fails(nil, finding)
  }

  private func hostLeaf(_ condition: Condition, _ transition: Transition, _ image: MachineImage) -> Judgement {
    guard let page = transition.firstFrame else { return .unknown(.noPage) }
    guard let leaf = image.leaf(.hostStage2, .host, at: page) else { return .unknown(.unseen) }
    let annotation = encoding.annotation(leaf.raw)
    let isValid = Descriptor(leaf.raw).isValid
    let holds: Bool =
      switch condition {
      case .hostLeafIsInvalidPage: leaf.level == 3 && !isValid
      case .hostLeafIsDonation: leaf.raw >> 60 == 2
      case .hostNamesGuest: annotation.guestHandle != nil
      case .guestIsKnown: annotation.guestHandle.map { guest(of: $0, in: image) != nil } ?? false
      case .leafIsUnmapped: !isValid
      case .leafNamesNobody: leaf.raw == 0 || isValid
      default: leaf.raw == 0 || isValid || image.ownership.holding(.host, page).state == .noPage
      }
    let finding = Finding.hostLeaf(page, leaf, annotation)
    return holds ? .holds(finding) : .fails(nil, finding)
  }
}

extension OwnerAnnotation {
  /// The handle of the guest that is named; nil for others.
  fileprivate var guestHandle: VMHandle? {
    if case .guest(let handle, _) = self { return handle }
    return nil
  }
}
