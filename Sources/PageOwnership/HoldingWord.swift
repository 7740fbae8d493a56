// Why: a page's holding must fit a word, and nearly always a byte, for the state of a machine to fit the
// memory of another. Zero is "unknown", so that what nobody saw costs nothing and adds nothing to the hash.

/// Packs holdings into words below 2^62: state in bits 2:0, kind of annotation in 5:3, its details above.
///
/// State and kind are stored inverted, which makes 0 the unknown holding. A guest's gfn is stored as its distance
/// from the page, so that a run of pages given to consecutive gfns is a run of equal words.
package enum HoldingWord {
  static let stateMask: UInt64 = 0b111
  /// The word of what nobody saw.
  package static let unknown: UInt64 = 0
  private static let inverted: UInt64 = 0b111_111
  private static let gfnMask: UInt64 = (1 << 40) - 1

  static func bits(_ state: PageState) -> UInt64 { UInt64(state.rawValue) ^ 0b111 }

  static func bits(_ annotation: OwnerAnnotation, at page: UInt64) -> UInt64 {
    let (kind, details): (UInt64, UInt64) =
      switch annotation {
      case .none: (0, 0)
      case .hyp: (1, 0)
      case .guest(let handle, let gfn): (2, UInt64(handle.rawValue) | ((gfn.rawValue &- page) & gfnMask) << 16)
      case .ffa: (3, 0)
      case .locked: (4, 0)
      case .other(let id): (5, UInt64(id))
      case .unknown: (7, 0)
      }
    return details << 6 | (kind << 3 ^ 0b111_000)
  }

  /// The word of a holding of `page`.
  package static func word(_ holding: Holding, at page: UInt64) -> UInt64 {
    bits(holding.state) | bits(holding.annotation, at: page)
  }

  /// What a word says of the page it belongs to. Total: words that ``word(_:at:)`` never makes read as unknown.
  package static func holding(_ word: UInt64, at page: UInt64) -> Holding {
    let state = PageState(rawValue: UInt8((word ^ inverted) & 0b111)) ?? .unknown
    let details = word >> 6
    let annotation: OwnerAnnotation =
      switch (word ^ inverted) >> 3 & 0b111 {
      case 0: .none
      case 1: .hyp
      case 2:
        .guest(
          handle: VMHandle(rawValue: UInt16(truncatingIfNeeded: details)),
          gfn: PageFrame((details >> 16 &+ page) & gfnMask))
      case 3: .ffa
      case 4: .locked
      case 5: .other(UInt8(truncatingIfNeeded: details))
      default: .unknown
      }
    return Holding(state, annotation)
  }

  /// Whether ``word(_:at:)`` can make this word.
  static func isCanonical(_ word: UInt64) -> Bool {
    word <= RadixMap.wordMask && self.word(holding(word, at: 0), at: 0) == word
  }
}

/// Packs counters into words: 0 is unknown, else the count plus one.
package enum CounterWord {
  static let unknown: UInt64 = 0

  static func word(_ count: UInt32) -> UInt64 { UInt64(count) + 1 }

  /// The count of a word; nil for unknown.
  package static func count(_ word: UInt64) -> UInt32? { word == 0 ? nil : UInt32(truncatingIfNeeded: word - 1) }

  static func isCanonical(_ word: UInt64) -> Bool { word <= UInt64(UInt32.max) + 1 }
}
