// Why: the hypervisor's stacks are mapped in its private range alone; what walks the linear map misses them.

import PageOwnership
import PageTables

extension AuditRule {
  static let hypPagesAreNotHosts = AuditRule(
    "I25", .invariant, title: "what the hypervisor maps outside its linear map is not the host's",
    explanation: """
      After boot every page of memory that the hypervisor maps, its stacks in the private range among them, is out \
      of the host's reach. Judged by the leaves of the first snapshot, all of them and not the linear map alone.
      """,
    source: "spec I25; pkvm_check_host_ownership(); bug B15",
    meaning: "the host can write the hypervisor's stack: it runs what it likes at EL2")
}

extension Audit {
  /// Judges the leaves of the hypervisor's private range by what the host has of the pages behind them.
  mutating func judgePrivateMappings(_ leaves: [LeafRun], _ entry: Entry) {
    guard isJudged(.hypPagesAreNotHosts) else { return }
    var found: [(PageRange, Holding)] = []
    for frames in leaves.flatMap(\.frames) {
      for range in memory(in: frames) {
        image.ownership.forEachRun(.host, in: range) { part, holding in
          if holding.state.isOwning { found.append((part, holding)) }
        }
      }
    }
    for (pages, holding) in found {
      var finding = AuditFinding(.hypPagesAreNotHosts, at: entry, expected: "NOPAGE", found: holding.state.name)
      finding.space = .host
      finding.pages = pages
      report(finding)
    }
  }
}

extension LeafRun {
  /// The physical pages behind the leaves; none if they are invalid.
  fileprivate var frames: [PageRange] {
    guard Descriptor(raw).isValid else { return [] }
    return [PageRange(first: PageFrame(containing: Descriptor(raw).outputAddress(level: level)), count: pages.count)]
  }
}
