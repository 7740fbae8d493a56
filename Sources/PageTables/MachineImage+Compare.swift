// Why: comparing what the tables should show with what somebody saw. The access flag that hardware
// sets by itself is not a difference (captures NOTES); a zero leaf is the same at every level.

package import PageOwnership

/// How a word that was seen relates to the replayed one.
package enum Comparison: Hashable, Sendable {
  /// They are the same.
  case equal
  /// They differ only in the access flag, which hardware has set.
  case accessFlagOnly
  /// The replay does not know this page.
  case unknown
  /// They differ; in words, replayed first.
  case different(replayed: String, seen: String)
}

extension MachineImage {
  /// Compares the word that somebody saw for a page with the replayed one.
  ///
  /// For the vmemmap, `space` says which half of the word counts; nil means both.
  package func compare(
    _ table: TableKind, _ space: SpaceID?, at page: PageFrame, seen: LeafWord
  ) -> Comparison {
    guard table == .vmemmap else {
      guard let replayed = leaf(table, space ?? .host, at: page) else { return .unknown }
      return Self.compare(replayed, seen, isStage2: table != .hypStage1)
    }
    var result = Comparison.unknown
    if space != .hyp { result = compareHostHalf(page, encoding.frame(seen.raw)) }
    if space != .host, case .different = result {
    } else if space != .host {
      let hyp = compareHypHalf(page, encoding.frame(seen.raw))
      if hyp != .unknown { result = hyp }
    }
    return result
  }

  /// Compares two leaves.
  static func compare(_ replayed: LeafWord, _ seen: LeafWord, isStage2: Bool) -> Comparison {
    if replayed.raw == seen.raw, replayed.level == seen.level || seen.raw == 0 { return .equal }
    let flag: UInt64 = 0x400
    if isStage2, replayed.level == seen.level, seen.raw & 1 == 1, replayed.raw | flag == seen.raw {
      return .accessFlagOnly
    }
    return .different(replayed: text(replayed), seen: text(seen))
  }

  static func text(_ leaf: LeafWord) -> String { "0x\(String(leaf.raw, radix: 16)) at level \(leaf.level)" }

  private func compareHostHalf(_ page: PageFrame, _ seen: FrameMeaning) -> Comparison {
    var known = false
    if let state = seen.host {
      let replayed = ownership.holding(.host, page).state
      known = replayed != .unknown
      if known, replayed != state { return .different(replayed: "host \(replayed.name)", seen: "host \(state.name)") }
    }
    if let count = seen.shareCount, let replayed = ownership.shareCount(page) {
      known = true
      if replayed != count { return .different(replayed: "share count \(replayed)", seen: "share count \(count)") }
    }
    return known ? .equal : .unknown
  }

  private func compareHypHalf(_ page: PageFrame, _ seen: FrameMeaning) -> Comparison {
    let replayed = ownership.holding(.hyp, page).state
    var known = false
    if let state = seen.hyp {
      known = replayed != .unknown
      if known, replayed != state { return .different(replayed: "hyp \(replayed.name)", seen: "hyp \(state.name)") }
    }
    // The allocator's counts of pages that the hypervisor owns change outside transitions.
    guard (seen.hyp ?? replayed) != .owned, let pins = ownership.pins(page) else { return known ? .equal : .unknown }
    if pins != UInt32(seen.references) {
      return .different(replayed: "\(pins) pins", seen: "\(seen.references) pins")
    }
    return .equal
  }
}
