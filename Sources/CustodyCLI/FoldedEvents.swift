// Why: a change of 512 pages is one thing to a reader: events of consecutive pages that say the same become one
// line. Not here: which events (PageWatch, WhyInquiry).

import Analysis
import PageOwnership

/// Events as lines, consecutive pages in one.
struct FoldedEvents {
  /// The lines, in the order of the events.
  let lines: [String]

  init(_ events: [PageEvent], _ words: EventWords) throws {
    var runs: [(event: PageEvent, count: UInt64)] = []
    for event in events {
      let place = runs.lastIndex { Self.continues($0.event, $0.count, event) }
      if let place { runs[place].count += 1 } else { runs.append((event, 1)) }
    }
    let isOne = runs.allSatisfy { $0.count == 1 } && Set(events.map(\.page)).count <= 2
    lines = runs.map { event, count in
      isOne ? words.text(event) : HexText.pages(event.page.address, count) + "  " + words.text(event)
    }
  }

  // The same change of the page behind the run.
  private static func continues(_ first: PageEvent, _ count: UInt64, _ next: PageEvent) -> Bool {
    guard next.seq == first.seq, next.page == first.page.advanced(by: count) else { return false }
    return isSame(first.aspect, next.aspect, count) && isSame(first.before, next.before, count)
      && isSame(first.after, next.after, count)
  }

  private static func isSame(_ left: PageAspect, _ right: PageAspect, _ distance: UInt64) -> Bool {
    guard case .guest(let one) = left, case .guest(let other) = right else { return left == right }
    return one.space == other.space && other.page == one.page.advanced(by: distance)
  }

  private static func isSame(_ left: AspectValue, _ right: AspectValue, _ distance: UInt64) -> Bool {
    guard case .holding(let one, _, _) = left, case .holding(let other, _, _) = right else { return left == right }
    guard case .guest(let handle, let gfn) = one.annotation else { return one == other }
    return other == Holding(one.state, .guest(handle: handle, gfn: gfn.advanced(by: distance)))
  }
}
