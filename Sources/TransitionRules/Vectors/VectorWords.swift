// Why: vectors write states as short words; this is the one place that knows them. Not here: files (Capture).

import PageOwnership
import PageTables

/// A state as vectors write it, with what rises along a run apart from it.
struct VectorState: Hashable {
  /// The words without the page of memory that a guest's leaf maps.
  var text: String
  /// How far that page lies above the guest's, modulo 2^36; nil where nothing is mapped.
  var distance: UInt64?

  /// The words for a run that begins at `page`.
  func written(at page: UInt64) -> String {
    guard let distance else { return text }
    return text + "@0x" + String((page &+ distance) & 0xf_ffff_ffff, radix: 16)
  }
}

/// Letters and back.
enum VectorWords {
  static func letter(_ state: PageState) -> String {
    switch state {
    case .owned: "O"
    case .sharedOwned: "S"
    case .sharedBorrowed: "B"
    case .noPage: "N"
    case .poison: "P"
    case .reserved: "R"
    case .unknown: "?"
    }
  }

  static func state(_ word: some StringProtocol) -> PageState? {
    switch word.first {
    case "O": .owned
    case "S": .sharedOwned
    case "B": .sharedBorrowed
    case "N", "Z": .noPage
    case "P": .poison
    case "R": .reserved
    default: nil
    }
  }

  /// A number as arguments have it: `0x…` or decimal; 0 for what is none.
  static func number(_ word: some StringProtocol) -> UInt64 {
    word.hasPrefix("0x") ? UInt64(word.dropFirst(2), radix: 16) ?? 0 : UInt64(word) ?? 0
  }

  /// Permissions as letters (`d` device, `n` normal uncached, `s` a software bit); a number stands for itself.
  static func protection(_ word: String, _ bits: ProtectionBits) -> UInt64 {
    if word.first?.isNumber == true { return number(word) }
    var protection: UInt64 = (word.contains("r") ? bits.read : 0) | (word.contains("w") ? bits.write : 0)
    if word.contains("x") { protection |= bits.execute }
    if word.contains("d") { protection |= bits.read << 1 }
    if word.contains("n") { protection |= bits.read << 2 }
    if word.contains("s") { protection |= 1 << 55 }
    return protection
  }

  static func letters(_ protection: UInt64, _ bits: ProtectionBits) -> String {
    (protection & bits.read != 0 ? "r" : "") + (protection & bits.write != 0 ? "w" : "")
      + (protection & bits.execute != 0 ? "x" : "")
  }

  /// What a table shows: `z@2`, `v.rwx@3`, `a1@3`, `p@3`.
  static func physical(_ leaf: Leaf, isHyp: Bool, _ annotation: OwnerAnnotation, _ guests: [GuestMachine]) -> String {
    let level = "@\(leaf.level)"
    if leaf.isEmpty { return "z" + level }
    guard leaf.isValid else { return invalid(annotation, guests) + level }
    let descriptor = Descriptor(leaf.word)
    let canRead = isHyp || descriptor.isReadable
    let canWrite = isHyp ? leaf.word >> 7 & 1 == 0 : descriptor.isWritable
    let canExecute = isHyp ? leaf.word >> 54 & 1 == 0 : descriptor.isExecutable
    let letters = (canRead ? "r" : "") + (canWrite ? "w" : "") + (canExecute ? "x" : "")
    return "v." + letters + (leaf.isYoung ? "" : ",old") + level
  }

  private static func invalid(_ annotation: OwnerAnnotation, _ guests: [GuestMachine]) -> String {
    switch annotation {
    case .hyp: return "a1"
    case .guest(let handle, let gfn):
      let index = guests.firstIndex { $0.handle == handle } ?? guests.count
      return "a2(vm=\(index),gfn=0x" + String(gfn.rawValue, radix: 16) + ")"
    case .other(let number): return number >> 4 == 3 ? "p" : "a\(number)"
    case .ffa: return "a2"
    default: return "?"
    }
  }

  static func host(_ holding: Holding) -> String {
    guard holding.state == .noPage else { return letter(holding.state) }
    switch holding.annotation {
    case .hyp: return "N1"
    case .guest, .ffa: return "N2"
    default: return "N"
    }
  }
}
