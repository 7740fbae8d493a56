// Why: what was lent to the secure world comes back when the call that lent it fails.

import PageOwnership

extension AuditRule {
  static let secureShareLeak = AuditRule(
    "ffa-leak", .balance, .warning, generations: [.linux6_4, .linux6_14, .linux6_16, .linux6_18, .linux7_1],
    title: "a failed call leaves nothing lent to the secure world",
    explanation: """
      A page lent to the secure world belongs to a handle that the secure world gave. Where the call that lent it \
      returns an error there is no handle, and so it must have taken back all pages that it had lent. Handles \
      themselves stand in no journal: of pages whose call succeeded nobody can tell whether they are still in use.
      """,
    source: "comment in do_ffa_mem_frag_tx(); bug B21",
    meaning: "the page stays lent for ever")
}

extension Audit {
  /// Notes pages lent to the secure world in a call, or taken back in it.
  mutating func noteSecureShare(_ pages: PageRange, isLent: Bool, in call: ActionID?) {
    guard let call else { return }
    if isLent {
      calls[call]?.secureShares.append(pages)
    } else {
      calls[call]?.secureShares.removeAll { $0.first >= pages.first && $0.end <= pages.end }
    }
  }

  mutating func judgeSecureShares(_ call: AuditedCall, _ entry: Entry) {
    guard isJudged(.secureShareLeak), let result = entry.result else { return }
    guard result < 0 else {
      if let parent = call.parent { calls[parent]?.secureShares += call.secureShares }
      return
    }
    for pages in call.secureShares {
      var finding = AuditFinding(
        .secureShareLeak, at: entry, expected: "nothing lent after \(Self.name(result))", found: "pages still lent")
      finding.operation = .hostShareFFA
      finding.step = call.function
      finding.space = .host
      finding.pages = pages
      finding.earlier = self.pages.writers(of: pages.first, before: nil)
      report(finding)
    }
  }
}
