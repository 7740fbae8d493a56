// Why: what a page table says of a page, in the very bits of the architecture, so that an engine's changes
// are words that any other part of Custody can decode. Not here: walking (StageTable).

package import PageOwnership
import PageTables

/// A leaf of a page table with its level.
///
/// The word is the descriptor, but a valid one has in bits 47:12 how far the page lies above its address (modulo
/// 2^36 pages) instead of the page: neighbours with equal attributes are equal words.
package struct Leaf: Hashable, Sendable {
  /// The word: a descriptor with a relative address if valid, else as the table holds it.
  package var word: UInt64
  /// The level: 3 is a page, 2 a block of 512; of an empty one where a walk ends.
  package var level: Int8

  static let addressMask: UInt64 = 0x0000_ffff_ffff_f000
  static let softwareMask: UInt64 = 0x0780_0000_0000_0000
  /// S2AP and XN: the permissions of stage 2.
  static let stage2Permissions: UInt64 = 0x0060_0000_0000_00c0

  init(word: UInt64, level: Int8) {
    self.word = word
    self.level = level
  }

  static func empty(_ level: Int8) -> Leaf { Leaf(word: 0, level: level) }

  /// Whether the hardware follows it.
  package var isValid: Bool { word & 1 != 0 }
  /// Whether nothing is written there.
  package var isEmpty: Bool { word == 0 }
  /// Whether the access flag is set.
  package var isYoung: Bool { word >> 10 & 1 != 0 }

  /// The page that a valid leaf gives for an address inside it.
  package func target(of page: UInt64) -> UInt64 { (page &+ word >> 12) & 0xf_ffff_ffff }

  /// The descriptor as the table holds it, of the leaf that answers for `page`.
  package func descriptor(at page: UInt64) -> LeafWord {
    guard isValid else { return LeafWord(level: level, raw: word) }
    let base = page & ~(Leaf.pageCount(level) &- 1)
    let type: UInt64 = level == 3 ? 0b11 : 0b01
    let raw = word & ~Leaf.addressMask & ~0b10 | target(of: base) << 12 & Leaf.addressMask | type
    return LeafWord(level: level, raw: raw)
  }

  /// A leaf from a descriptor that a table holds for `page`.
  package init(_ descriptor: LeafWord, at page: UInt64) {
    level = descriptor.level
    guard descriptor.raw & 1 != 0 else {
      word = descriptor.raw
      return
    }
    let base = page & ~(Leaf.pageCount(descriptor.level) &- 1)
    let output = descriptor.raw >> 12 & 0xf_ffff_ffff
    word = descriptor.raw & ~Leaf.addressMask & ~0b10 | (output &- base) << 12 & Leaf.addressMask
  }

  /// How many pages a leaf of a level covers.
  package static func pageCount(_ level: Int8) -> UInt64 { 1 << shift(level) }

  /// How many bits of a page number a leaf leaves open; levels outside -1…3 count as the nearest.
  static func shift(_ level: Int8) -> UInt64 { UInt64(9 &* (3 &- Int(min(max(level, -1), 3)))) }
}

extension Leaf {
  /// The bits of a state in the software bits of a descriptor.
  static func stateBits(_ state: PageState) -> UInt64 {
    switch state {
    case .sharedOwned: 1 << 55
    case .sharedBorrowed: 2 << 55
    case .reserved: 3 << 55
    default: 0
    }
  }

  /// The attributes of a mapping of stage 2: permissions, memory type, the access flag set.
  static func stage2(read: Bool, write: Bool, execute: Bool, isDevice: Bool, state: PageState = .owned) -> UInt64 {
    let access: UInt64 = (read ? 1 << 6 : 0) | (write ? 1 << 7 : 0) | (execute ? 0 : 1 << 54)
    let memory: UInt64 = isDevice ? 1 << 2 : 0xf << 2 | 3 << 8
    return 1 | access | memory | 1 << 10 | stateBits(state)
  }

  /// The attributes of a mapping of the hypervisor's stage 1.
  static func stage1(write: Bool, execute: Bool, state: PageState = .owned) -> UInt64 {
    1 | 1 << 6 | (write ? 0 : 1 << 7) | 3 << 8 | 1 << 10 | (execute ? 0 : 1 << 54) | stateBits(state)
  }
}

extension Leaf: RunValue {
  var bits: UInt64 { word ^ UInt64(truncatingIfNeeded: level) &* 0x9e37_79b9_7f4a_7c15 }
}
