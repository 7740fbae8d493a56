// Why: where devices may be: everything between the regions of memory that are known.

import PageOwnership

extension Facts {
  /// The stretches outside all regions of memory, of a space of 52 bits; everything if no region is known.
  var deviceRanges: [PageRange] {
    let end: UInt64 = 1 << 40
    var ranges: [PageRange] = []
    var position: UInt64 = 0
    for region in regions.value ?? [] where region.kind != .mmio {
      let first = region.pages.first.rawValue
      if first > position { ranges.append(PageRange(first: PageFrame(position), count: first - position)) }
      position = max(position, region.pages.end.rawValue)
    }
    if position < end { ranges.append(PageRange(first: PageFrame(position), count: end - position)) }
    return ranges
  }
}
