// Why: a table is given by the leaves that are not empty, as a snapshot has them; how deep the empty ones lie
// follows: a table page exists exactly where something is written on its level.

import PageOwnership

extension StageTable {
  /// Writes leaves into an empty table and gives how many table pages that takes, the root apart.
  mutating func fill(_ runs: [(pages: PageRange, leaf: Leaf)]) -> Int {
    var tables = 0
    for level in (startLevel + 1)...3 {
      let size = Leaf.pageCount(level - 1)
      var done: UInt64 = 0
      for run in runs.sorted(by: { $0.pages.first < $1.pages.first }) where run.leaf.level >= level {
        let first = max(done, run.pages.first.rawValue & ~(size - 1))
        let end = min((run.pages.end.rawValue &+ (size - 1)) & ~(size - 1), pageEnd)
        guard first < end else { continue }
        put(PageRange(first: PageFrame(first), count: end - first), .empty(level))
        tables += Int((end - first) / size)
        done = end
      }
    }
    for run in runs { put(run.pages, run.leaf) }
    return tables
  }
}
