// Why: the exact words that a generation writes into tables and page metadata. The bits that say whose page it is,
// and where, follow from the generation; cacheability, shareability and the like are the machine's, and are the
// same for all mappings of one kind: learned from the first.
// Not here: decoding (PageTables), which word an apply has to write (Demand).

import PageOwnership
import PageTables

/// What a leaf must be.
enum DemandedLeaf: Hashable, Sendable {
  /// A mapping of a page with a state in its software bits and with rights.
  case mapping(to: PageFrame, state: PageState?, rights: Rights)
  /// A word without a choice.
  case word(UInt64)
}

/// Who may do what through a mapping.
struct Rights: Hashable, Sendable {
  var read = true
  var write = true
  /// Nil: at some levels and not at others.
  var execute: Bool? = true
  /// The argument as given, which tells apart what the three leave open.
  var bits: UInt64 = 0

  /// Everything: what the host has of its memory, and a protected guest of its own.
  static let all = Rights()
  /// Reading and writing: what the hypervisor has of pages.
  static let data = Rights(execute: false)
  /// Reading: what the host has of the hypervisor's code.
  static let readOnly = Rights(write: false, execute: false)
}

/// The words of one generation.
struct LeafEncoding: Sendable {
  let generation: Generation
  let encoding: TableEncoding

  init(_ generation: Generation) {
    self.generation = generation
    encoding = TableEncoding(generation)
  }

  /// Bits 58:55 of a mapping.
  static let softwareMask: UInt64 = 0xf << 55
  static let accessFlag: UInt64 = 1 << 10

  /// The software bits for a state; nil for states that no mapping has.
  func softwareBits(_ state: PageState?) -> UInt64? {
    switch state {
    case .owned?, nil: 0
    case .sharedOwned?: 1 << 55
    case .sharedBorrowed?: 2 << 55
    default: nil
    }
  }

  /// The host's word for pages that the hypervisor owns.
  var hypAnnotation: UInt64 { encoding.annotations == .typed ? 2 << 60 | 1 << 1 : 1 << 2 }

  /// The host's word for a page that a guest owns.
  func annotation(_ handle: VMHandle, _ page: PageFrame) -> UInt64 {
    2 << 60 | 2 << 1 | UInt64(handle.rawValue) << 4 | (page.rawValue & 0xff_ffff_ffff) << 20
  }

  /// A guest's word for a page that was taken by force.
  static let poison: UInt64 = 3 << 60

  /// A `struct hyp_page` with the host's state in place of the one it has.
  func frame(_ word: UInt64, host state: PageState) -> UInt64? {
    guard let number = number(state) else { return nil }
    let mask: UInt64 = encoding.frameLayout == .hostState ? 0xff << 24 : 0xf << 24
    return word & ~mask | number << 24
  }

  /// A `struct hyp_page` with the hypervisor's state in place of the one it has.
  func frame(_ word: UInt64, hyp state: PageState) -> UInt64? {
    guard let number = number(state) else { return nil }
    return word & ~(0xf << 28) | (number ^ 3) << 28
  }

  private func number(_ state: PageState) -> UInt64? {
    switch state {
    case .owned: 0
    case .sharedOwned: 1
    case .sharedBorrowed: 2
    case .noPage: UInt64(encoding.noPageNumber)
    default: nil
    }
  }
}

/// The bits of mappings that are the machine's own.
struct MachineShapes: Sendable {
  private struct Key: Hashable {
    var table: TableKind
    var isPage: Bool
    var rights: Rights
  }
  private var known: [Key: UInt64] = [:]

  /// What is wrong with a leaf; nil for nothing.
  mutating func objection(
    to leaf: LeafWord, _ demanded: DemandedLeaf, _ table: TableKind, _ encoding: LeafEncoding
  ) -> String? {
    switch demanded {
    case .word(let word): return leaf.raw == word ? nil : Self.hex(word)
    case .mapping(let page, let state, let rights):
      guard let software = encoding.softwareBits(state) else { return "no mapping" }
      let address = Descriptor.addressMask(level: leaf.level)
      let expected = page.address & address | software
      guard Descriptor(leaf.raw).isValid, leaf.raw & (address | LeafEncoding.softwareMask) == expected else {
        return Self.hex(known[key(leaf, table, rights)].map { $0 | expected } ?? expected | 3)
      }
      return shape(leaf, table, rights, expected: expected)
    }
  }

  private func key(_ leaf: LeafWord, _ table: TableKind, _ rights: Rights) -> Key {
    Key(table: table, isPage: leaf.level == 3, rights: rights)
  }

  private mutating func shape(
    _ leaf: LeafWord, _ table: TableKind, _ rights: Rights, expected: UInt64
  ) -> String? {
    let shape = leaf.raw & ~(Descriptor.addressMask(level: leaf.level) | LeafEncoding.softwareMask)
    let key = key(leaf, table, rights)
    if let usual = known[key] { return usual == shape ? nil : Self.hex(usual | expected) }
    if let objection = Self.objection(to: Descriptor(leaf.raw), leaf.level, table, rights) { return objection }
    known[key] = shape
    return nil
  }

  // What every mapping of the kind has on any machine.
  private static func objection(
    to word: Descriptor, _ level: Int8, _ table: TableKind, _ rights: Rights
  ) -> String? {
    if word.rawValue & 0b10 != (level == 3 ? 0b10 : 0) { return "a \(level == 3 ? "page" : "block")" }
    if !word.accessFlag { return "an access flag" }
    if word.rawValue >> 59 != 0 || word.rawValue >> 51 & 0b11 != 0 { return "no reserved bit" }
    guard table == .hypStage1 else {
      if word.isReadable != rights.read || word.isWritable != rights.write { return "other permissions" }
      return rights.execute.map { $0 == word.isExecutable } ?? true ? nil : "other permissions"
    }
    let isWritable = word.accessPermissions & 0b10 == 0
    return isWritable == rights.write && word.isUnprivilegedExecuteNever ? nil : "other permissions"
  }

  static func hex(_ word: UInt64) -> String { "0x" + String(word, radix: 16) }
}
