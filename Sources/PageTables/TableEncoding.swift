// Why: where each kernel era keeps what, as data: reading the table below is reading spec §2.
// Not here: the functions that decode by it (+Decode).

package import PageOwnership

/// How one generation of hypervisors writes states and owners into descriptors and page metadata.
package struct TableEncoding: Hashable, Sendable {
  /// Where the state of a page in one space is kept.
  package enum StateHome: Hashable, Sendable {
    /// In the software bits of the space's own valid descriptors.
    case descriptor
    /// In the page's `struct hyp_page`.
    case vmemmap
  }

  /// How an invalid host descriptor names an owner (spec §2.3).
  package enum AnnotationLayout: Hashable, Sendable {
    /// Owner in bits 9:2. `hasLocked`: bit 10 is the break-before-make marker. `hasFFA`: owner 2 is the secure world.
    case ownerNumber(hasLocked: Bool, hasFFA: Bool)
    /// Type in bits 63:60; a donation has its owner in bits 3:1, handle in 19:4 and gfn in 59:20.
    case typed
  }

  /// The layout of `struct hyp_page` (spec §2.2).
  package enum FrameLayout: Hashable, Sendable {
    /// u16 refcount, u16 order.
    case counters
    /// u16 refcount, u8 order, u8 host state, u32 host_share_guest_count.
    case hostState
    /// The same, with the host's state in the low nibble and the hypervisor's, inverted, in the high one.
    case bothStates
  }

  /// Where the host's state is.
  package let hostState: StateHome
  /// Where the hypervisor's state is.
  package let hypState: StateHome
  /// The layout of the page metadata.
  package let frameLayout: FrameLayout
  /// The layout of annotations.
  package let annotations: AnnotationLayout
  /// Whether the host owns device space too (up to 6.3), as far as its descriptors say nothing else.
  package let hostOwnsDevices: Bool
  /// What the number 3 means: both software bits set.
  package let bothBits: PageState
  /// The number of NOPAGE in the page metadata.
  package let noPageNumber: UInt8
  /// Whether a guest's descriptors can be poisoned.
  package let hasPoison: Bool

  /// The encoding of a generation.
  package init(_ generation: Generation) {
    self =
      switch generation {
      case .linux6_1: .descriptors(hasLocked: false, hasFFA: false, hostOwnsDevices: true)
      case .linux6_2: .descriptors(hasLocked: true, hasFFA: false, hostOwnsDevices: true)
      case .linux6_4: .descriptors(hasLocked: true, hasFFA: true, hostOwnsDevices: false)
      case .linux6_14:
        .init(.vmemmap, .descriptor, .hostState, .ownerNumber(hasLocked: true, hasFFA: true), .reserved, noPage: 4)
      case .linux6_16, .linux6_18:
        .init(.vmemmap, .vmemmap, .bothStates, .ownerNumber(hasLocked: true, hasFFA: true), .noPage, noPage: 3)
      case .linux7_1: .init(.vmemmap, .vmemmap, .bothStates, .typed, .noPage, noPage: 3, hasPoison: true)
      }
  }

  /// Whether the host's state is in its descriptors, not in the page metadata.
  package var keepsHostStateInDescriptors: Bool { hostState == .descriptor }

  /// Whether the hypervisor's state is in its descriptors, not in the page metadata.
  package var keepsHypStateInDescriptors: Bool { hypState == .descriptor }

  private static func descriptors(hasLocked: Bool, hasFFA: Bool, hostOwnsDevices: Bool) -> TableEncoding {
    TableEncoding(
      .descriptor, .descriptor, .counters, .ownerNumber(hasLocked: hasLocked, hasFFA: hasFFA), .reserved,
      noPage: .max, hostOwnsDevices: hostOwnsDevices)
  }

  private init(
    _ hostState: StateHome, _ hypState: StateHome, _ frameLayout: FrameLayout, _ annotations: AnnotationLayout,
    _ bothBits: PageState, noPage: UInt8, hostOwnsDevices: Bool = false, hasPoison: Bool = false
  ) {
    self.hostState = hostState
    self.hypState = hypState
    self.frameLayout = frameLayout
    self.annotations = annotations
    self.hostOwnsDevices = hostOwnsDevices
    self.bothBits = bothBits
    self.noPageNumber = noPage
    self.hasPoison = hasPoison
  }
}

/// What a page's `struct hyp_page` says.
package struct FrameMeaning: Hashable, Sendable {
  /// The host's state; nil where descriptors hold it.
  package var host: PageState?
  /// The hypervisor's state; nil where descriptors hold it.
  package var hyp: PageState?
  /// The reference count (`refcount`): of a shared page, its pins.
  package var references: UInt16
  /// The order of the allocator's block; 0xffff (4-byte layout) or 0xff (8-byte layouts) for none.
  package var order: UInt16
  /// `host_share_guest_count`; nil where it does not exist.
  package var shareCount: UInt32?

  /// Makes a meaning.
  package init(host: PageState?, hyp: PageState?, references: UInt16, order: UInt16, shareCount: UInt32?) {
    self.host = host
    self.hyp = hyp
    self.references = references
    self.order = order
    self.shareCount = shareCount
  }
}
