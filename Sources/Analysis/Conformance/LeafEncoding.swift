// Why: what a leaf must be after an apply. The bits that say whose page it is, and where, follow from the generation
// (PageTables makes them); cacheability, shareability and the like are the machine's, and are the same for all mappings
// of one kind: learned from the first. Not here: which leaf an apply has to write (ApplyJudge).

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
      guard let software = encoding.encoding.softwareBits(state ?? .owned) else { return "no mapping" }
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
