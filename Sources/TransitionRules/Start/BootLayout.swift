// Why: the machine of the conformance vectors as data: regions that end on and off block borders, a hole, memory
// that must not be mapped, and what each kernel era's hypervisor has for itself after boot.

import PageOwnership

/// Some pages that the hypervisor has at boot.
struct BootSection: Sendable {
  /// What they are.
  enum Kind: Sendable {
    /// Code, mapped read-only and executable.
    case text
    /// Code that the host may still read (since 6.18).
    case readableText
    /// Constants.
    case readOnly
    /// Data, page-table pools included.
    case data
    /// A page that the hypervisor owns and lends to the host, read-only for itself (up to 6.13).
    case sharedWithHost
    /// A stack: the hypervisor's, but not mapped in its linear map.
    case stack
  }

  var pages: PageRange
  var kind: Kind

  init(_ first: UInt64, _ count: UInt64, _ kind: Kind) {
    pages = PageRange(first: PageFrame(first), count: count)
    self.kind = kind
  }
}

/// What is where after boot.
struct BootLayout: Sendable {
  let generation: Generation

  init(_ generation: Generation) { self.generation = generation }

  static let regions: [Region] = [
    Region(pages: PageRange(first: PageFrame(0x40000), count: 0x1000), kind: .memory),
    Region(pages: PageRange(first: PageFrame(0x41000), count: 0x100), kind: .nomap),
    Region(pages: PageRange(first: PageFrame(0x41100), count: 0xf00), kind: .memory),
    // The end lies off a 2 MiB border.
    Region(pages: PageRange(first: PageFrame(0x42400), count: 0x603), kind: .memory),
  ]
  static let hypOffset: UInt64 = 1 << 44
  /// Table pages that are free at the start.
  static let hostTablePages = 562
  static let hypTablePages = 543
  static let memcachePages = 40
  /// Three guests with handles from 0x1000 on.
  static let guestsAreProtected = [false, true, false]

  /// Guests are known to the hypervisor's tables since 6.14.
  var hasGuests: Bool {
    switch generation {
    case .linux6_1, .linux6_2, .linux6_4: false
    default: true
    }
  }

  var sections: [BootSection] {
    var sections = [
      BootSection(0x40010, 2, hostReadsText ? .readableText : .text), BootSection(0x40012, 1, .readOnly),
      BootSection(0x40013, 1, .data),
    ]
    if !hasGuests { sections.append(BootSection(0x40014, 1, .sharedWithHost)) }
    sections.append(BootSection(0x40015, 1, .data))
    if ownsStacks { sections.append(BootSection(0x40016, 1, .stack)) }
    return sections + [BootSection(0x40200, 0x600, .data)]
  }

  private var hostReadsText: Bool { generation == .linux6_18 || generation == .linux7_1 }

  // Elsewhere the walk over the linear map missed the stacks, and left them to the host.
  private var ownsStacks: Bool { generation == .linux6_4 || generation == .linux7_1 }
}
