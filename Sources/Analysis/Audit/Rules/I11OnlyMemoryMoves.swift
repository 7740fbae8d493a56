// Why: devices and memory that the kernel must not map never change hands in mainline.

import PageOwnership

extension AuditRule {
  static let onlyMemoryMoves = AuditRule(
    "I11", .invariant, title: "only memory changes hands",
    explanation: """
      No page of device space, and none that the kernel must not map (NOMAP), is lent or given. Judged by the \
      regions among the facts, whatever the tables say: up to 6.3 the kernel asks the leaf and not the address, so \
      that an unmapped device reads as owned (CVE-2023-21264), and 6.1 takes NOMAP for memory.
      """,
    source: "spec I11; bugs B1, B2",
    meaning: "a device is reached through the hypervisor's or a guest's tables: who drives it drives them")
}

extension Audit {
  mutating func judgeMemory(
    _ transition: Transition, _ entry: Entry, _ site: Site, _ subject: AuditedTransition
  ) {
    guard let regions = facts.regions.value, !regions.isEmpty else { return }
    // A range that wraps is I24's.
    guard !subject.told.contains(AuditRule.rangesDoNotWrap.id) else { return }
    guard let frames = transition.frames ?? subject.declared, frames.count > 0 else { return }
    if let page = firstNotMemory(in: frames) {
      report(
        .onlyMemoryMoves, entry, site, subject, at: AuditPlace(.host, PageRange(page)), expected: "memory",
        found: conditions.kind(at: page)?.rawValue ?? "no region of memory")
    }
    judgeBorders(frames, entry, site, subject)
  }

  private func firstNotMemory(in range: PageRange) -> PageFrame? {
    var position = range.first
    for part in memory(in: range).sorted(by: { $0.first < $1.first }) {
      if position < part.first { return position }
      position = max(position, part.end)
    }
    return position < range.end ? position : nil
  }
}
