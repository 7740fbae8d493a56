// Why: which physical pages an entry is about: those that its changes reach, else the page that it names.

import Journal
import PageOwnership
import PageTables

/// The pages of an entry.
enum StepPages {
  /// The physical pages that an entry is about, as an image shows them: a guest's page is the one behind it.
  static func physical(_ frame: EntryFrame, _ image: MachineImage, limit: Int) -> [PageRange] {
    var ranges: [PageRange] = []
    for change in frame.changes {
      for range in physical(change, image) where !ranges.contains(range) { ranges.append(range) }
      if ranges.count >= limit { return ranges }
    }
    if ranges.isEmpty, let page = frame.entry.page, let space = frame.entry.space {
      let count = max(1, frame.entry.pageCount ?? 1)
      if space == .hyp, !MachineImage.isLinear(page) { return [] }
      if !space.isGuest {
        ranges.append(PageRange(first: page, count: count))
      } else if let behind = image.physicalPage(of: GuestPage(space, page)) {
        ranges.append(PageRange(first: behind, count: count))
      }
    }
    return ranges
  }

  private static func physical(_ change: Change, _ image: MachineImage) -> [PageRange] {
    guard change.table == .guestStage2 else {
      return change.table == .hypStage1 && !MachineImage.isLinear(change.pages.first) ? [] : [change.pages]
    }
    let words =
      [change.old.map { LeafWord(level: change.oldLevel, raw: $0) }]
      + [change.new.map { LeafWord(level: change.newLevel, raw: $0) }]
    let pages = words.compactMap { $0.flatMap { MachineImage.physicalPage($0, at: change.pages.first) } }
    return Set(pages).sorted().map { PageRange(first: $0, count: change.pages.count) }
  }

  /// Both lists without what they have twice, by the first page.
  static func union(_ left: [PageRange], _ right: [PageRange]) -> [PageRange] {
    var ranges: [PageRange] = []
    for range in left + right where !ranges.contains(where: { $0.first == range.first }) { ranges.append(range) }
    return ranges
  }
}
