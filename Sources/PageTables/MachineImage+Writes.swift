// Why: the index keeps of a guest's page also the physical page behind it, which only the raw tables know:
// one word that says both. Not here: what changed (Analysis).

package import PageOwnership

/// Packs what a guest holds of a page with the physical page behind it.
///
/// The holding's word in bits 5:0 (a guest's table names nobody, so it has no more), above it 0 for "none", else the
/// distance from gfn to pfn plus one: consecutive pages behind consecutive gfns are equal words.
package enum GuestWord {
  private static let holdingMask: UInt64 = 0b111_111
  private static let distanceMask: UInt64 = (1 << 52) - 1

  /// Packs; `frame` is the physical page behind `page`.
  static func word(_ holding: UInt64, _ page: PageFrame, _ frame: PageFrame?) -> UInt64 {
    guard let frame else { return holding & holdingMask }
    return holding & holdingMask | ((frame.rawValue &- page.rawValue) & distanceMask + 1) << 6
  }

  /// What the guest holds of `page`.
  package static func holding(_ word: UInt64, at page: PageFrame) -> Holding {
    HoldingWord.holding(word & holdingMask, at: page.rawValue)
  }

  /// The physical page behind `page`; nil for none.
  package static func frame(_ word: UInt64, at page: PageFrame) -> PageFrame? {
    word >> 6 == 0 ? nil : PageFrame((page.rawValue &+ (word >> 6 &- 1)) & distanceMask)
  }

  /// How far the physical page lies from the guest's, modulo 2^52; nil for none.
  package static func distance(_ word: UInt64) -> UInt64? { word >> 6 == 0 ? nil : word >> 6 &- 1 }
}

extension MachineImage {
  /// From now on keeps note of where ownership is written.
  package mutating func recordWrites() { ownership.recordWrites() }

  /// Where ownership was written since the last call.
  package mutating func takeWrites() -> [OwnershipWrite] { ownership.takeWrites() }

  /// Goes through the words of `range`: those of ``HoldingWord``, of a guest those of ``GuestWord``. Neighbours may
  /// be equal; a space that does not exist has none.
  package func forEachWord(_ space: SpaceID, in range: PageRange, _ body: (PageRange, UInt64) -> Void) {
    if range.count == 1, let word = ownership.holdingWord(space, range.first) {
      let frame = space.isGuest ? physicalPage(of: GuestPage(space, range.first)) : nil
      return body(range, space.isGuest ? GuestWord.word(word, range.first, frame) : word)
    }
    guard space.isGuest else { return ownership.forEachHoldingWord(space, in: range, body) }
    guard let table = guests[space] else { return }
    ownership.forEachHoldingWord(space, in: range) { run, word in
      var position = run.first
      table.forEachLeaf(in: run) { leaf in
        guard Descriptor(leaf.raw).isValid else { return }
        let first = max(leaf.pages.first, run.first)
        let end = min(leaf.pages.end, run.end)
        if position < first {
          body(
            PageRange(first: position, count: first.rawValue - position.rawValue), GuestWord.word(word, position, nil))
        }
        let block = Descriptor(leaf.raw).outputAddress(level: leaf.level) >> 12
        let frame = PageFrame(block &+ (first.rawValue - leaf.pages.first.rawValue))
        body(PageRange(first: first, count: end.rawValue - first.rawValue), GuestWord.word(word, first, frame))
        position = end
      }
      if position < run.end {
        body(
          PageRange(first: position, count: run.end.rawValue - position.rawValue), GuestWord.word(word, position, nil))
      }
    }
  }
}
