// Why: the one place that says whether a condition holds in a machine: `why` tells with it what a check found
// and what a skipped one would have found, audits and conformance hold recorded checks against it.
// Not here: which conditions an operation checks, and in which order (TransitionRules).

package import PageOwnership
package import PageTables

/// Judges conditions in images of one machine. A reference, because passes ask at every entry and it never changes.
package final class ConditionJudge: Sendable {
  let generation: Generation
  let regions: [Region]
  let addressBits: UInt64?
  private let spaces: [Space]

  /// A judge by the rules of a generation; `spaces` tell which guest a handle means.
  package init(_ generation: Generation, _ facts: Facts, spaces: [Space]) {
    self.generation = generation
    self.spaces = spaces
    regions = facts.regions.value ?? []
    addressBits = facts.addressBits.value.flatMap { (13...52).contains($0) ? UInt64($0) : nil }
  }

  /// Whether a condition holds in a machine as it is.
  package func judge(_ question: ConditionQuestion, in image: MachineImage) -> Judgement {
    let transition = question.transition
    switch question.condition {
    case .sourceIsOwned, .sourceIsShared, .sourceIsBorrowed, .sourceIsUnmapped:
      return states(question, at: transition.operation.endpoints.source, image)
    case .targetIsUnmapped, .targetIsBorrowed:
      return states(question, at: transition.operation.endpoints.target, image)
    case .sourceIsOwnedOrShared: return reclaimable(question, image)
    case .sourceIsOwnedOrGuestShared: return shareable(transition, image)
    case .pairIsShared: return pair(transition, image)
    case .notPinned: return unpinned(transition, image)
    case .isMemory: return memory(transition)
    case .regionIsKnown: return holds(transition.firstFrame.map { .region($0, kind(at: $0)) })
    case .rangeIsValid: return range(transition)
    case .sizeIsValid: return size(transition)
    case .permissionsAllowed: return permissions(transition)
    case .memcacheSuffices: return .unknown(.memcache)
    case .guestLeafIsValid: return guestLeaf(transition, image)
    case .hostNamesGuest: return namesGuest(transition, image)
    case .leafIsEmpty: return emptyLeaf(transition, image)
    // Rows of the rules, finer than what a recorded step stands for: see +Rules.
    default: return .unknown(.unrecognised)
    }
  }

  /// Where this generation keeps what.
  var encoding: TableEncoding { TableEncoding(generation) }

  /// Whether a guest is protected; nil where nothing says.
  func isProtected(_ space: SpaceID) -> Bool? { spaces.first { $0.id == space }?.isProtected }

  private func holds(_ finding: Finding?) -> Judgement { .holds(finding) }

  /// Which guest lives under a handle.
  func guest(of handle: VMHandle, in image: MachineImage) -> SpaceID? {
    LivingGuests(spaces, in: image).named(by: Holding(.noPage, .guest(handle: handle, gfn: PageFrame(0))))?.space
  }

  // MARK: - the state of every page in one space

  private func states(_ question: ConditionQuestion, at kind: SpaceKind, _ image: MachineImage) -> Judgement {
    guard let wanted = question.expected ?? question.condition.state else { return .unknown(.unrecognised) }
    let transition = question.transition
    switch kind {
    case .host:
      guard let pages = transition.frames else { return .unknown(.noPage) }
      // A guest never learns why the host's side refused.
      let isRepainted = transition.operation.endpoints.source == .guest
      let inner = hostRule(pages, transition.pageCount, image).then {
        states(of: .host, pages, [wanted], image)
      }
      guard isRepainted, inner.verdict == .fails else { return inner }
      return .fails(Refusal.permission, inner.finding)
    case .hyp:
      guard let pages = transition.frames else { return .unknown(.noPage) }
      return states(of: .hyp, pages, [wanted], image)
    case .guest:
      guard let place = transition.guestPage else { return .unknown(.noPage) }
      return beyond(place).then {
        states(of: place.space, PageRange(first: place.page, count: transition.pageCount), [wanted], image)
      }
    case .ffa: return .holds()
    }
  }

  /// Whether every page of a space has one of the wanted states; the first that has not decides.
  func states(of space: SpaceID, _ pages: PageRange, _ wanted: [PageState], _ image: MachineImage) -> Judgement {
    var first: Finding?
    var found: Judgement?
    image.ownership.forEachRun(space, in: pages) { run, holding in
      let finding = Finding.holding(space, run.first, holding)
      if first == nil { first = finding }
      guard found?.verdict != .fails, !wanted.contains(holding.state) else { return }
      if holding.state != .unknown {
        // An unseen page before this one does not matter: it fails either way.
        found = .fails(Refusal.permission, finding)
      } else if found == nil {
        found = .unknown(.unseen, finding)
      }
    }
    if first == nil, pages.count > 0 { return .unknown(.unseen) }
    return found ?? .holds(first)
  }

  // What of the host's check comes before the states.
  private func hostRule(_ pages: PageRange, _ count: UInt64, _ image: MachineImage) -> Judgement {
    if generation.keepsHostStateInMetadata { return memoryRule(pages.first, count) }
    if let bits = addressBits, pages.end.rawValue > 1 << (bits - 12) {
      return .fails(Refusal.range, .frames(first: pages.first.rawValue, count: count, limit: 1 << (bits - 12)))
    }
    guard generation == .linux6_1 || generation == .linux6_2, !regions.isEmpty else { return .holds() }
    // A mapped page is looked up among the regions of memory, an unmapped one is not: a known hole (spec §12, B1).
    for page in pages.frames.prefix(512) where kind(at: page) != .memory {
      guard let leaf = image.leaf(.hostStage2, .host, at: page), Descriptor(leaf.raw).isValid else { continue }
      return .fails(Refusal.invalid, .region(page, kind(at: page)))
    }
    return .holds()
  }
}

extension Condition {
  /// The state that the condition's own name asks of every page; nil if it asks for none, or for one of several.
  package var state: PageState? {
    switch self {
    case .sourceIsOwned: .owned
    case .sourceIsShared: .sharedOwned
    case .sourceIsBorrowed, .targetIsBorrowed: .sharedBorrowed
    case .sourceIsUnmapped, .targetIsUnmapped, .hostNamesGuest: .noPage
    default: nil
    }
  }

  /// Whether the condition reads a guest's table.
  package func readsGuest(_ operation: Operation) -> Bool {
    switch self {
    case .guestLeafIsValid, .pairIsShared, .sourceIsOwnedOrShared: true
    case .sourceIsOwned, .sourceIsShared, .sourceIsBorrowed, .sourceIsUnmapped: operation.endpoints.source == .guest
    case .targetIsUnmapped, .targetIsBorrowed: operation.endpoints.target == .guest
    default: false
    }
  }
}

extension Transition {
  /// The first physical page: the host's end; nil where none is known.
  package var firstFrame: PageFrame? {
    let address = source.space == .host ? source.address : target.space == .host ? target.address : nil
    return address.map { PageFrame(containing: $0) } ?? page
  }

  /// The physical pages.
  package var frames: PageRange? { firstFrame.map { PageRange(first: $0, count: pageCount) } }

  /// The guest's end; nil if no guest takes part, or its address was not recorded.
  package var guestPage: GuestPage? {
    for end in [source, target] where end.space.isGuest {
      return end.address.map { GuestPage(end.space, PageFrame(containing: $0)) }
    }
    return nil
  }

  /// A raw argument by its name, as recorded: `0x…`, or digits.
  package func argument(_ name: String) -> UInt64? { arguments.number(named: name) }
}

extension Generation {
  /// From 6.14 on the host's state is in the page metadata, and guests have transitions.
  var keepsHostStateInMetadata: Bool { TableEncoding(self).keepsHostStateInDescriptors == false }
}
