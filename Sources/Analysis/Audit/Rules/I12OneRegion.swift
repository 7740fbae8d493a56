// Why: a range that begins in memory and ends in a device is judged by its beginning.

import PageOwnership
import PageTables

extension AuditRule {
  static let oneRegion = AuditRule(
    "I12", .invariant, title: "a range lies in one region of memory, or in one gap",
    explanation: """
      A range operation never spans two regions, nor memory and what lies beside it; and a lazy mapping of the host \
      covers no more than the region, or the gap, that holds the faulting address. Up to 6.13 a check looks once at \
      each leaf, so that a range which leaves memory inside an empty 2 MiB leaf passes.
      """,
    source: "spec I12; comment on check_range_allowed_memory(); bug B7",
    meaning: "what was checked is not what was changed")
}

extension Audit {
  mutating func judgeBorders(
    _ frames: PageRange, _ entry: Entry, _ site: Site, _ subject: AuditedTransition
  ) {
    guard let border = border(in: frames) else { return }
    report(
      .oneRegion, entry, site, subject, at: AuditPlace(.host, frames), expected: "a range inside one region",
      found: "a range over the border at 0x\(String(border.address, radix: 16))")
  }

  /// Holds a lazy mapping against the regions.
  mutating func judgeLazyMapping(_ change: Change, _ entry: Entry, _ site: Site, _ subject: AuditedTransition) {
    guard let new = change.new, Descriptor(new).isValid else { return }
    let size = MachineImage.pagesPerLeaf(change.newLevel)
    let first = PageFrame(change.pages.first.rawValue & ~(size - 1))
    judgeBorders(PageRange(first: first, count: size), entry, site, subject)
  }

  // The first border of a region inside a range.
  private func border(in range: PageRange) -> PageFrame? {
    guard range.count > 1, let regions = facts.regions.value else { return nil }
    return regions.flatMap { [$0.pages.first, $0.pages.end] }.filter { range.first < $0 && $0 < range.end }.min()
  }
}
