// Why: a guest that dies takes nothing with it.

import PageOwnership

extension AuditRule {
  static let guestBalance = AuditRule(
    "guest-balance", .balance, .warning, generations: [.linux6_14, .linux6_16, .linux6_18, .linux7_1],
    title: "what a guest was given and lent is returned when it dies",
    explanation: """
      Pages given to a guest are those that were taken back and those that its table still has; at its death the \
      table has none, neither of its own nor borrowed ones. Pages that are left are named by nobody that lives: the \
      host never gets them back, and of borrowed ones the share count never comes down.
      """,
    source: "spec I21; pkvm.c",
    meaning: "memory is lost to the host")
}

extension Audit {
  /// Judges what a guest that died had mapped.
  mutating func judgeDeath(of guest: SpaceID, _ frames: [MappedFrames], _ entry: Entry) {
    defer { balance.close(guest) }
    guard isJudged(.guestBalance) else { return }
    for mapped in frames {
      var finding = AuditFinding(
        .guestBalance, at: entry, expected: "no page left",
        found: mapped.state == .sharedBorrowed ? "pages still borrowed" : "pages not taken back")
      finding.space = .host
      finding.pages = mapped.frames
      finding.earlier = pages.writers(of: mapped.frames.first, before: nil)
      report(finding)
    }
    let left = frames.filter { $0.state != .sharedBorrowed }.reduce(0) { $0 &+ $1.frames.count }
    let given = balance.donated[guest] ?? 0
    let returned = balance.returned[guest] ?? 0
    guard balance.isWhole, !unseenBirths.contains(guest), given != returned &+ left else { return }
    var finding = AuditFinding(
      .guestBalance, at: entry, expected: "\(given) pages given",
      found: "\(returned) taken back and \(left) left")
    finding.space = guest
    report(finding)
  }
}
