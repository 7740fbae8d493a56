// Why: tables name guests by handle, and handles are reused at once: which incarnation was meant follows
// from the moment.

package import PageOwnership

/// When the guests of a journal lived.
package struct GuestLives: Sendable {
  /// One guest's life.
  package struct Life: Hashable, Sendable {
    /// The guest.
    package var space: Space
    /// The entry it appeared with.
    package var born: SequenceNumber
    /// The entry that ended it; nil if it lives at the end.
    package var died: SequenceNumber?

    /// Makes a life.
    package init(space: Space, born: SequenceNumber, died: SequenceNumber?) {
      self.space = space
      self.born = born
      self.died = died
    }

    /// Whether the guest lives right after an entry.
    package func lasts(at seq: SequenceNumber) -> Bool { born <= seq && died.map { $0 > seq } ?? true }
  }

  private var byHandle: [VMHandle: [Life]] = [:]
  private var handles: [SpaceID: VMHandle] = [:]
  /// By number: up to when the guests so far lived, and since when those from here on.
  private var reach: [(space: SpaceID, died: SequenceNumber, born: SequenceNumber)] = []

  /// The guests among spaces.
  package init(_ lives: [Life]) {
    for life in lives.sorted(by: { $0.space.id < $1.space.id }) {
      guard life.space.id.isGuest, let handle = life.space.handle else { continue }
      byHandle[handle, default: []].append(life)
      handles[life.space.id] = handle
      let died = max(life.died ?? SequenceNumber(.max), reach.last?.died ?? SequenceNumber(0))
      reach.append((life.space.id, died, life.born))
    }
    for index in reach.indices.dropLast().reversed() {
      reach[index].born = min(reach[index].born, reach[index + 1].born)
    }
  }

  /// The guest of a handle that lives right after an entry; nil if none does.
  package func guest(of handle: VMHandle, at seq: SequenceNumber) -> SpaceID? {
    byHandle[handle]?.last { $0.lasts(at: seq) }?.space.id
  }

  /// The handle of a guest.
  package func handle(of space: SpaceID) -> VMHandle? { handles[space] }

  /// The numbers between which all guests lie that live right after an entry; nil if none does.
  package func range(at seq: SequenceNumber) -> ClosedRange<SpaceID>? {
    let first = Self.partition(reach.count) { reach[$0].died > seq }
    let end = Self.partition(reach.count) { reach[$0].born > seq }
    return first < end ? reach[first].space...reach[end - 1].space : nil
  }

  /// The first index for which a rising condition holds.
  private static func partition(_ count: Int, _ holds: (Int) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if holds(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// What an annotation means at an entry; nil for nobody.
  package func owner(_ annotation: OwnerAnnotation, at seq: SequenceNumber) -> IndexedOwner? {
    switch annotation {
    case .none: nil
    case .hyp: .space(.hyp, page: nil)
    case .ffa: .space(.ffa, page: nil)
    case .guest(let handle, let gfn):
      guest(of: handle, at: seq).map { .space($0, page: gfn) } ?? .handle(handle, page: gfn)
    case .locked: .locked
    case .other(let number): .other(number)
    case .unknown: .unknown
    }
  }

  /// The annotation that an owner was made of.
  package func annotation(_ owner: IndexedOwner?) -> OwnerAnnotation {
    switch owner {
    case nil: .none
    case .space(.hyp, _): .hyp
    case .space(.ffa, _): .ffa
    case .space(let space, let page):
      handles[space].flatMap { handle in page.map { .guest(handle: handle, gfn: $0) } } ?? .unknown
    case .handle(let handle, let page): .guest(handle: handle, gfn: page)
    case .locked: .locked
    case .other(let number): .other(number)
    case .unknown: .unknown
    }
  }
}
