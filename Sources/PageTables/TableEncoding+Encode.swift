// Why: the engine, recovery and the judge of recordings all make words, so what +Decode reads is made here, once, for
// every generation. Only what a hypervisor of that generation writes can be made; everything else is nil.

package import PageOwnership

extension TableEncoding {
  /// The invalid descriptor that names an owner; zero for nobody, nil if this generation cannot say it.
  ///
  /// The corresponding kernel functions are `kvm_init_invalid_leaf_owner` and `kvm_init_invalid_leaf_meta`.
  package func word(naming owner: OwnerAnnotation) -> UInt64? {
    switch (owner, annotations) {
    case (.none, _): 0
    case (.hyp, .ownerNumber): 1 << 2
    case (.ffa, .ownerNumber(_, hasFFA: true)): 2 << 2
    case (.hyp, .typed): 2 << 60 | 1 << 1
    case (.guest(let handle, let gfn), .typed) where gfn.rawValue <= 0xff_ffff_ffff:
      2 << 60 | 2 << 1 | UInt64(handle.rawValue) << 4 | gfn.rawValue << 20
    default: nil
    }
  }

  /// The invalid descriptor of a guest's page that was taken by force: type 3 (`KVM_GUEST_INVALID_PTE_TYPE_POISONED`).
  package static let poison: UInt64 = 3 << 60

  /// The page descriptor of a stage 2 table that maps memory for reading, writing and executing.
  ///
  /// - Parameter state: goes into the software bits; nil if this generation has no number for it.
  package func stage2Page(_ page: PageFrame, _ state: PageState) -> UInt64? {
    softwareBits(state).map { $0 | Self.address(of: page) | 0x7ff }
  }

  /// The page descriptor of the hypervisor's stage 1 that maps memory for reading and writing.
  ///
  /// - Parameters:
  ///   - state: goes into the software bits.
  ///   - pattern: a leaf of the same table to take the attributes from, since they depend on the boot mode; nil for
  ///     the attributes of this generation's recordings.
  package func hypPage(_ page: PageFrame, _ state: PageState, like pattern: UInt64?) -> UInt64? {
    let usual: UInt64 = hypState == .descriptor ? 0x40_0000_0000_0703 : 0x60_0000_0000_0703
    let attributes = (pattern ?? usual) & ~Self.addressBits & ~(0b1111 << 55) | 0b11
    return softwareBits(state).map { $0 | Self.address(of: page) | attributes }
  }

  /// A `struct hyp_page` whose half of one space is replaced; counts stay as they are where nil.
  ///
  /// - Parameters:
  ///   - space: the host, or the hypervisor.
  ///   - state: the new state of that half; ignored where this generation keeps the state elsewhere.
  ///   - pins: the new reference count.
  ///   - shareCount: the new count of guests that borrow the page.
  /// - Returns: nil if this generation has no number for the state.
  package func frame(
    _ word: UInt64, _ space: SpaceID, _ state: PageState, pins: UInt32? = nil, shareCount: UInt32? = nil
  ) -> UInt64? {
    var word = word
    if let pins { word = word & ~0xffff | UInt64(pins & 0xffff) }
    guard frameLayout != .counters else { return word }
    if let shareCount { word = word & 0xffff_ffff | UInt64(shareCount) << 32 }
    guard let number = stateNumber(state).map({ UInt64($0) }) else { return nil }
    switch (space, frameLayout) {
    case (.host, .hostState): return word & ~(0xff << 24) | number << 24
    case (.host, _): return word & ~(0xf << 24) | number << 24
    case (_, .bothStates): return word & ~(0xf << 28) | (number ^ 3) << 28
    default: return word
    }
  }

  private static let addressBits: UInt64 = 0x0000_ffff_ffff_f000

  private static func address(of page: PageFrame) -> UInt64 { page.address & addressBits }

  /// The software bits 56:55 of a mapping in a state; nil for states that no mapping has.
  package func softwareBits(_ state: PageState) -> UInt64? {
    switch state {
    case .owned: 0
    case .sharedOwned: 1 << 55
    case .sharedBorrowed: 2 << 55
    default: nil
    }
  }
}
