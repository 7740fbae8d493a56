// Why: two states are compared at every seal and every replay; comparing all pages each time would cost
// more than the changes. This hash follows a change in a few multiplications and is the same however the
// tree cuts the pages into runs. Not for secrecy: sealed segments carry SHA-256 (Journal).

/// A hash of a state: Σ over runs of v(word)·(m(end) − m(start)), modulo 2^64, in two independent lanes.
///
/// A run that is cut in two adds up to the same sum, because the inner boundary cancels out. The word 0 ("unknown")
/// adds nothing. The value depends on nothing but the state: not on platform, run or numbering of spaces.
package struct StateHash: Hashable, Sendable, CustomStringConvertible {
  /// The first lane.
  package var first: UInt64
  /// The second lane.
  package var second: UInt64

  /// Makes a hash of two lanes.
  package init(first: UInt64, second: UInt64) {
    self.first = first
    self.second = second
  }

  /// The hash of a state of which nothing is known.
  package static let empty = StateHash(first: 0, second: 0)

  /// Adds lane by lane, modulo 2^64.
  package static func &+ (left: StateHash, right: StateHash) -> StateHash {
    StateHash(first: left.first &+ right.first, second: left.second &+ right.second)
  }

  /// Subtracts lane by lane, modulo 2^64.
  package static func &- (left: StateHash, right: StateHash) -> StateHash {
    StateHash(first: left.first &- right.first, second: left.second &- right.second)
  }

  /// The hash as 32 lower-case hexadecimal digits.
  package var description: String { Self.hex(first) + Self.hex(second) }

  /// The hash that ``description`` writes; nil for any other text.
  package init?(_ text: some StringProtocol) {
    let digits = Array(text.utf8)
    guard digits.count == 32, digits.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else {
      return nil
    }
    guard let first = UInt64(text.prefix(16), radix: 16), let second = UInt64(text.suffix(16), radix: 16) else {
      return nil
    }
    self.init(first: first, second: second)
  }

  private static func hex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }
}

/// What makes the words of one field of one space count differently from those of any other.
struct HashKey: Hashable, Sendable {
  private var first: UInt64
  private var second: UInt64

  /// Identity is the kind, the handle and the incarnation, never the number of the space.
  init(_ space: Space, field: StateField) {
    let kind: UInt64 =
      switch space.kind {
      case .host: 1
      case .hyp: 2
      case .ffa: 3
      case .guest: 4
      }
    let name = kind | UInt64(field.rawValue) << 8 | UInt64(space.handle?.rawValue ?? 0) << 16
    let identity = name | UInt64(UInt32(bitPattern: space.incarnation)) << 32
    first = mix(identity ^ 0x243f_6a88_85a3_08d3)
    second = mix(identity ^ 0x1319_8a2e_0370_7344)
  }

  /// How much the hash grows when the pages from `start` to before `end` turn from `old` to `new`.
  func difference(_ old: UInt64, _ new: UInt64, _ start: UInt64, _ end: UInt64) -> StateHash {
    StateHash(
      first: (Self.value(new, first) &- Self.value(old, first))
        &* (mix(end &+ 0xa409_3822_299f_31d0) &- mix(start &+ 0xa409_3822_299f_31d0)),
      second: (Self.value(new, second) &- Self.value(old, second))
        &* (mix(end &+ 0x082e_fa98_ec4e_6c89) &- mix(start &+ 0x082e_fa98_ec4e_6c89)))
  }

  private static func value(_ word: UInt64, _ seed: UInt64) -> UInt64 { word == 0 ? 0 : mix(word ^ seed) }
}

/// A bijection of 64 bits in which every input bit moves every output bit (the finaliser of SplitMix64).
private func mix(_ value: UInt64) -> UInt64 {
  var mixed = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
  mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
  return mixed ^ mixed >> 31
}
