// Why: an errno with the wrong sign reads as success.

import PageOwnership

extension AuditRule {
  static let positiveErrno = AuditRule(
    "positive-errno", .protocol, title: "results are 0 or negative errnos",
    explanation: """
      Checks and transitions return 0 or a negative errno; two questions about a guest's page return 0 or 1. Up to \
      6.13 a failed apply returns 1, which is a warning and ends the hypervisor.
      """,
    source: "spec, conventions; bug B18",
    meaning: "a caller that looks for negative numbers takes a failure for success")
}

extension Audit {
  mutating func judgeErrno(_ entry: Entry, _ site: Site, _ subject: AuditedTransition) {
    guard let result = entry.result, result > 0 else { return }
    let isQuestion = subject.operation == .guestTestClearYoung || subject.operation == .vcpuInPoisonFault
    guard !(isQuestion && result == 1 && site.kind == .end) else { return }
    let name = Errno.name(0 &- result).map { ", \($0) without its sign" } ?? ""
    report(.positiveErrno, entry, site, subject, expected: "0 or a negative errno", found: "\(result)\(name)")
  }
}
