// Why: from raw words to states, for every generation. Total: any 64 bits have a meaning, because a
// recording may hold any.

package import PageOwnership

extension TableEncoding {
  /// What a leaf of the host's stage 2 says of its page (spec §2.3, §2.4).
  ///
  /// - Parameter isMemory: Whether the page is memory that may change hands; nil if no region says.
  /// - Returns: The state, nil where the page metadata holds it; and whom the descriptor names.
  package func hostMeaning(_ leaf: LeafWord, isMemory: Bool?) -> (state: PageState?, annotation: OwnerAnnotation) {
    let annotation = annotation(leaf.raw)
    guard hostState == .descriptor else { return (nil, annotation) }
    if isMemory == false && !hostOwnsDevices { return (.noPage, annotation) }
    if leaf.raw == 0 {
      return (isMemory == nil && !hostOwnsDevices ? .unknown : .owned, annotation)
    }
    return (Descriptor(leaf.raw).isValid ? softwareState(leaf.raw) : .noPage, annotation)
  }

  /// What a leaf of the hypervisor's stage 1 says of its page; nil where the page metadata holds it.
  package func hypState(_ leaf: LeafWord) -> PageState? {
    guard hypState == .descriptor else { return nil }
    return Descriptor(leaf.raw).isValid ? softwareState(leaf.raw) : .noPage
  }

  /// What a leaf of a guest's stage 2 says of its page.
  package func guestState(_ leaf: LeafWord) -> PageState {
    if Descriptor(leaf.raw).isValid { return softwareState(leaf.raw) }
    return hasPoison && leaf.raw >> 60 == 3 ? .poison : .noPage
  }

  /// Whom an invalid host descriptor names; a valid or a zero one names nobody.
  ///
  /// An owner or type without a meaning gives ``OwnerAnnotation/other(_:)`` with the owner's number, for types other
  /// than a donation with the type in the high nibble.
  package func annotation(_ raw: UInt64) -> OwnerAnnotation {
    if raw == 0 || Descriptor(raw).isValid { return .none }
    switch annotations {
    case .ownerNumber(let hasLocked, let hasFFA):
      return hasLocked && raw >> 10 & 1 != 0 ? .locked : Self.owner(UInt8(raw >> 2 & 0xff), hasFFA: hasFFA)
    case .typed:
      return Self.typedAnnotation(raw)
    }
  }

  private static func owner(_ number: UInt8, hasFFA: Bool) -> OwnerAnnotation {
    switch number {
    case 1: .hyp
    case 2 where hasFFA: .ffa
    default: .other(number)
    }
  }

  private static func typedAnnotation(_ raw: UInt64) -> OwnerAnnotation {
    let owner = UInt8(raw >> 1 & 0b111)
    switch (raw >> 60, owner) {
    case (1, _): return .locked
    case (2, 1): return .hyp
    case (2, 2):
      let handle = VMHandle(rawValue: UInt16(truncatingIfNeeded: raw >> 4))
      return .guest(handle: handle, gfn: PageFrame(raw >> 20 & 0xff_ffff_ffff))
    case (2, _): return .other(owner)
    case (let type, _): return .other(UInt8(type) << 4 | owner)
    }
  }

  /// How many bytes `struct hyp_page` has.
  package var frameByteCount: Int { frameLayout == .counters ? 4 : 8 }

  /// What a `struct hyp_page` says, read as a little-endian word; bytes beyond its size are ignored.
  package func frame(_ word: UInt64) -> FrameMeaning {
    let references = UInt16(truncatingIfNeeded: word)
    let state = UInt8(truncatingIfNeeded: word >> 24)
    let order = UInt16(word >> 16 & 0xff)
    let shares = UInt32(truncatingIfNeeded: word >> 32)
    switch frameLayout {
    case .counters:
      let wideOrder = UInt16(truncatingIfNeeded: word >> 16)
      return FrameMeaning(host: nil, hyp: nil, references: references, order: wideOrder, shareCount: nil)
    case .hostState:
      return FrameMeaning(
        host: storedState(state), hyp: nil, references: references, order: order, shareCount: shares)
    case .bothStates:
      return FrameMeaning(
        host: storedState(state & 0xf), hyp: storedState(state >> 4 ^ 0b11), references: references, order: order,
        shareCount: shares)
    }
  }

  private func storedState(_ number: UInt8) -> PageState {
    number == noPageNumber ? .noPage : numberedState(number)
  }

  private func softwareState(_ raw: UInt64) -> PageState { numberedState(UInt8(raw >> 55 & 0b11)) }

  private func numberedState(_ number: UInt8) -> PageState {
    switch number {
    case 0: .owned
    case 1: .sharedOwned
    case 2: .sharedBorrowed
    case 3: bothBits
    default: .reserved
    }
  }
}
