// Why: comparing the replayed machine with a snapshot run by run (a snapshot has thousands of leaves and
// a hundred times as many pages), and taking over from it what was not known.

import PageOwnership

extension MachineImage {
  /// Compares everything that a snapshot shows, and everything that it does not, with the replay.
  package func compare(with snapshot: SnapshotImage) -> SnapshotVerdict {
    var verdict = SnapshotVerdict()
    compare(hostStage2, snapshot.host, .hostStage2, .host, &verdict)
    compare(hypStage1, snapshot.hyp, .hypStage1, .hyp, &verdict)
    for space in snapshot.guests.keys.sorted() {
      guard let replayed = guests[space], let seen = snapshot.guests[space] else { continue }
      compare(replayed, seen, .guestStage2, space, &verdict)
    }
    for (pages, raw) in snapshot.frames { compareFrames(pages, raw, &verdict) }
    return verdict
  }

  private static let everything = PageRange(first: PageFrame(0), count: pageLimit)

  private func compare(
    _ replayed: DescriptorTable, _ seen: DescriptorTable, _ table: TableKind, _ space: SpaceID,
    _ verdict: inout SnapshotVerdict
  ) {
    var left: [LeafRun] = []
    var right: [LeafRun] = []
    replayed.forEachLeaf(in: Self.everything) { left.append($0) }
    seen.forEachLeaf(in: Self.everything) { right.append($0) }
    sweep(left, right) { pages, mine, theirs in
      guard let mine else {
        return compareEmpty(replayed, pages, theirs, table, space, &verdict)
      }
      verdict.pagesCompared += pages.count
      let here = mine.leaf(at: pages.first)
      let there = theirs?.leaf(at: pages.first) ?? LeafWord(level: here.level, raw: 0)
      switch Self.compare(here, there, isStage2: table != .hypStage1) {
      case .equal, .unknown: break
      case .accessFlagOnly: verdict.accessFlags += max(1, pages.count / Self.pagesPerLeaf(here.level))
      case .different(let replayed, let seen):
        verdict.differences.append(
          SnapshotDifference(
            table: table, space: space, pages: pages, seenLeaf: there, replayed: replayed, seen: seen))
      }
    }
  }

  // The snapshot shows a leaf where the replay has a zero or nothing known.
  private func compareEmpty(
    _ replayed: DescriptorTable, _ pages: PageRange, _ theirs: LeafRun?, _ table: TableKind, _ space: SpaceID,
    _ verdict: inout SnapshotVerdict
  ) {
    guard let theirs else { return }
    var known: [PageRange] = []
    var position = pages.first
    replayed.forEachUnknown(in: pages) { unknown in
      verdict.pagesUnknown += unknown.count
      if unknown.first > position {
        known.append(PageRange(first: position, count: unknown.first.rawValue - position.rawValue))
      }
      position = unknown.end
    }
    if position < pages.end {
      known.append(PageRange(first: position, count: pages.end.rawValue - position.rawValue))
    }
    for run in known {
      verdict.pagesCompared += run.count
      let there = theirs.leaf(at: run.first)
      verdict.differences.append(
        SnapshotDifference(
          table: table, space: space, pages: run, seenLeaf: there, replayed: "no leaf", seen: Self.text(there)))
    }
  }

  // Walks two ordered lists of runs; hears of every stretch that at least one of them covers.
  private func sweep(
    _ left: [LeafRun], _ right: [LeafRun], _ body: (PageRange, LeafRun?, LeafRun?) -> Void
  ) {
    var here = 0
    var there = 0
    var position: UInt64 = 0
    while here < left.count || there < right.count {
      let mine = here < left.count ? left[here] : nil
      let theirs = there < right.count ? right[there] : nil
      let start = max(position, min(mine?.pages.first.rawValue ?? .max, theirs?.pages.first.rawValue ?? .max))
      let inMine = mine.map { $0.pages.first.rawValue <= start } ?? false
      let inTheirs = theirs.map { $0.pages.first.rawValue <= start } ?? false
      let mineEdge = mine.map { inMine ? $0.pages.end.rawValue : $0.pages.first.rawValue } ?? .max
      let theirsEdge = theirs.map { inTheirs ? $0.pages.end.rawValue : $0.pages.first.rawValue } ?? .max
      let end = min(mineEdge, theirsEdge)
      body(
        PageRange(first: PageFrame(start), count: end - start), inMine ? mine : nil, inTheirs ? theirs : nil)
      position = end
      if let mine, mine.pages.end.rawValue <= position { here += 1 }
      if let theirs, theirs.pages.end.rawValue <= position { there += 1 }
    }
  }

  // MARK: - the vmemmap

  private func compareFrames(_ pages: PageRange, _ raw: UInt64, _ verdict: inout SnapshotVerdict) {
    let seen = encoding.frame(raw)
    var unknown: UInt64 = 0
    func note(_ space: SpaceID, _ run: PageRange, _ replayed: String, _ shown: String) {
      verdict.differences.append(
        SnapshotDifference(
          table: .vmemmap, space: space, pages: run, seenLeaf: LeafWord(level: 3, raw: raw), replayed: replayed,
          seen: shown))
    }
    if let host = seen.host {
      ownership.forEachRun(.host, in: pages) { run, holding in
        if holding.state == .unknown {
          unknown += run.count
        } else if holding.state != host {
          note(.host, run, "host \(holding.state.name)", "host \(host.name)")
        }
      }
    }
    if let count = seen.shareCount {
      ownership.forEachShareCountRun(in: pages) { run, replayed in
        if let replayed, replayed != count { note(.host, run, "share count \(replayed)", "share count \(count)") }
      }
    }
    ownership.forEachRun(.hyp, in: pages) { run, holding in
      if let hyp = seen.hyp, holding.state != .unknown, holding.state != hyp {
        note(.hyp, run, "hyp \(holding.state.name)", "hyp \(hyp.name)")
      }
      guard (seen.hyp ?? holding.state) != .owned else { return }
      ownership.forEachPinRun(in: run) { part, pins in
        if let pins, pins != UInt32(seen.references) {
          note(.hyp, part, "\(pins) pins", "\(seen.references) pins")
        } else if pins == nil, seen.host == nil {
          unknown += part.count
        }
      }
    }
    verdict.pagesUnknown += unknown
    verdict.pagesCompared += pages.count - min(unknown, pages.count)
  }

  // MARK: - taking over

  /// Takes over what the snapshot shows, except for the pages of the differences to keep.
  package mutating func adopt(
    _ snapshot: SnapshotImage, after verdict: SnapshotVerdict, keeping kept: [SnapshotDifference]
  ) {
    if isWhollyKnown, verdict.differences.count == kept.count, verdict.pagesUnknown == 0 { return }
    let before = self
    adoptTables(snapshot)
    for (pages, raw) in snapshot.frames {
      for half in [SpaceID.host, .hyp] { write(.vmemmap, half, pages, level: 3, raw: raw) }
    }
    isWhollyKnown = true
    for difference in kept { restore(difference, from: before) }
  }

  private mutating func adoptTables(_ snapshot: SnapshotImage) {
    if encoding.keepsHostStateInDescriptors || !isWhollyKnown {
      write(.hostStage2, .host, Self.everything, level: Self.rootLevel, raw: 0)
    }
    snapshot.host.forEachLeaf(in: Self.everything) {
      write(.hostStage2, .host, $0.pages, level: $0.level, raw: $0.raw)
    }
    hostStage2 = snapshot.host
    write(.hypStage1, .hyp, Self.everything, level: Self.rootLevel, raw: 0)
    snapshot.hyp.forEachLeaf(in: Self.everything) { write(.hypStage1, .hyp, $0.pages, level: $0.level, raw: $0.raw) }
    hypStage1 = snapshot.hyp
    for (space, table) in snapshot.guests where guests[space] != nil {
      write(.guestStage2, space, Self.everything, level: Self.rootLevel, raw: 0)
      table.forEachLeaf(in: Self.everything) { write(.guestStage2, space, $0.pages, level: $0.level, raw: $0.raw) }
      guests[space] = table
    }
  }

  /// The coarsest level: one leaf covers 2^45 pages.
  private static let rootLevel: Int8 = -2

  private mutating func restore(_ difference: SnapshotDifference, from before: MachineImage) {
    if difference.table == .vmemmap {
      for offset in 0..<min(difference.pages.count, 512) {
        let page = difference.pages.first.advanced(by: offset)
        guard let word = before.frameWord(at: page) else { continue }
        write(.vmemmap, difference.space, PageRange(page), level: 3, raw: word)
      }
      return
    }
    guard let table = before.table(difference.table, difference.space) else { return }
    write(difference.table, difference.space, difference.pages, level: 3, raw: 0)
    table.forEachLeaf(in: difference.pages) {
      write(difference.table, difference.space, $0.pages, level: $0.level, raw: $0.raw)
    }
  }
}
