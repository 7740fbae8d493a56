// Why: what a journal knows of the machine and of its rules, each with how it is known. Without them a
// raw word has no meaning. Not here: reading them from files (Capture) or tables (Journal).

/// The rules of one kernel era (spec, "what changes between generations").
package enum Generation: String, Hashable, Sendable, CaseIterable {
  /// 5.18 to 6.1: share and unshare only.
  case linux6_1 = "linux-6.1"
  /// 6.2 and 6.3: donation and pins.
  case linux6_2 = "linux-6.2"
  /// 6.4 to 6.13: MMIO no longer reads as owned.
  case linux6_4 = "linux-6.4"
  /// 6.14 and 6.15: the host's state moves to the vmemmap; guests.
  case linux6_14 = "linux-6.14"
  /// 6.16 and 6.17: the hypervisor's state moves to the vmemmap.
  case linux6_16 = "linux-6.16"
  /// 6.18 and 7.0: ranges are validated.
  case linux6_18 = "linux-6.18"
  /// 7.1 and later: protected guests, poison, new annotations.
  case linux7_1 = "linux-7.1"
}

/// A value and how it is known.
package struct Known<Value: Hashable & Sendable>: Hashable, Sendable {
  /// The value; nil exactly if the provenance is unknown.
  package var value: Value?
  /// How it is known.
  package var provenance: Provenance

  /// A value that is known.
  package init(_ value: Value, _ provenance: Provenance) {
    self.value = value
    self.provenance = provenance
  }

  private init() {
    value = nil
    provenance = .unknown
  }

  /// Nothing says.
  package static var unknown: Known<Value> { Known() }
}

/// What lies at a stretch of physical addresses.
package enum RegionKind: String, Hashable, Sendable {
  /// Memory that may change hands.
  case memory
  /// Memory that the kernel must not map.
  case nomap
  /// Device space.
  case mmio
}

/// A stretch of physical addresses.
package struct Region: Hashable, Sendable {
  /// Its frames.
  package var pages: PageRange
  /// What lies there.
  package var kind: RegionKind

  /// Makes a region.
  package init(pages: PageRange, kind: RegionKind) {
    self.pages = pages
    self.kind = kind
  }
}

/// What is known of the machine and its rules.
package struct Facts: Hashable, Sendable {
  /// The rules in force.
  package var generation: Known<Generation> = .unknown
  /// The kernel's version, as its maker writes it.
  package var kernel: Known<String> = .unknown
  /// Whether EL2 debugging (CONFIG_NVHE_EL2_DEBUG) was built in.
  package var el2Debug: Known<Bool> = .unknown
  /// log2 of the page size.
  package var pageShift: Known<Int64> = .unknown
  /// Physical address bits.
  package var addressBits: Known<Int64> = .unknown
  /// `hyp_physvirt_offset`: physical address = EL2 linear-map address + this, modulo 2^64.
  package var hypVAOffset: Known<UInt64> = .unknown
  /// The regions of memory, in order.
  package var regions: Known<[Region]> = .unknown
  /// Which program drove the machine, entry by entry: only then may recovery append to the journal.
  package var drivenBy: Known<String> = .unknown
  /// Whatever else the recording says of itself, in its own words, by key.
  package var others: [String: String] = [:]

  /// Nothing known.
  package init() {}

  /// What ``drivenBy`` says of a journal that `custody run` made.
  package static let runDriver = "custody run"

  /// Whether a frame is memory that may change hands; nil where no region is known.
  package func isMemory(_ page: PageFrame) -> Bool? {
    guard let regions = regions.value else { return nil }
    return regions.contains { $0.kind == .memory && $0.pages.contains(page) }
  }
}
