// Why: a handle names a guest in annotations and calls; two guests of one handle cannot be told apart.

import PageOwnership

extension AuditRule {
  static let handlesAreUnique = AuditRule(
    "I20", .invariant, title: "a handle names one living guest, and is at least 0x1000",
    explanation: """
      Handles are the index into the hypervisor's table of VMs plus 0x1000, and are used again at once when a guest \
      is gone. Two guests that live at the same time never have the same one.
      """,
    source: "spec I20; pkvm.c",
    meaning: "pages of one guest are taken for those of another")
}

extension Audit {
  /// Judges the lives of guests that were born after an entry.
  mutating func judgeHandles(_ lives: [GuestLives.Life], after seq: SequenceNumber) {
    guard isJudged(.handlesAreUnique) else { return }
    var last: [VMHandle: GuestLives.Life] = [:]
    for life in lives.filter({ $0.space.id.isGuest && $0.born.rawValue > 0 }).sorted(by: { $0.born < $1.born }) {
      guard let handle = life.space.handle else { continue }
      let before = last.updateValue(life, forKey: handle)
      let isTaken = before.map { $0.died.map { $0 > life.born } ?? true } ?? false
      guard life.born > seq, isTaken || handle.rawValue < 0x1000 else { continue }
      var entry = Entry(seq: life.born, site: SiteID(rawValue: 0))
      entry.space = life.space.id
      var finding = AuditFinding(
        .handlesAreUnique, at: entry, expected: "a handle of its own, at least 0x1000",
        found: isTaken ? "\(before?.space.name ?? "another guest") still lives" : life.space.name)
      finding.space = life.space.id
      report(finding)
    }
  }
}
