// Why: a production kernel leaves checks out. Whether one of them would have refused what was performed, the
// replayed state tells: the hole made visible.

import PageOwnership
import PageTables
import TransitionRules

extension AuditRule {
  static let skippedCheck = AuditRule(
    "skipped-check", .skipped, title: "what is performed would have passed the checks that this build leaves out",
    explanation: """
      Some checks are built in only with EL2 debugging (CONFIG_NVHE_EL2_DEBUG): up to 6.15 those of the receiver's \
      side. Each is evaluated by the replayed state right before the first apply of a transition that went on \
      without it. Attempts that were refused for another reason are no findings. Where nothing says how the kernel \
      was built, the check is neither skipped nor passed, and counted as not judged.
      """,
    source: "spec §4; conformance vectors, suite e; bugs B22, B28",
    meaning: "a debugging kernel would have refused this; this one corrupted the ownership of a page")
}

extension Audit {
  mutating func judgeSkipped(
    _ transition: Transition, _ entry: Entry, _ site: Site, _ subject: AuditedTransition
  ) {
    guard isJudged(.skippedCheck), facts.el2Debug.value != true, let rules = rules[transition.operation] else { return }
    for row in rules.checks where row.needsDebug {
      var asked = RuleSubject(transition)
      asked.followGuestLeaf(in: image)
      let judged = conditions.judge(row, of: asked, in: image)
      switch judged.verdict {
      case .holds: continue
      case .unknown(let why): summary.blindness[why, default: 0] += 1
      case .fails where facts.el2Debug.value == nil: summary.blindness[.unrecognised, default: 0] += 1
      case .fails: reportSkipped(row, judged, entry, site, subject)
      }
    }
  }

  private mutating func reportSkipped(
    _ row: CheckRule, _ judged: Judgement, _ entry: Entry, _ site: Site, _ subject: AuditedTransition
  ) {
    let finding = judged.finding
    let page = finding?.page
    let place = page.map { page in
      let pages = PageRange(page)
      return AuditPlace(
        finding?.space ?? .host, pages, isRacy: subject.isOverlapped && finding?.space?.isGuest != true && isHeld(pages)
      )
    }
    report(
      .skippedCheck, entry, site, subject, at: place,
      expected: "\"\(row.condition.rawValue)\" by \(row.kernelStep), only checked with EL2 debugging",
      found: (finding?.text ?? "it does not hold") + ": it would have failed \(Self.name(row.errno))")
  }
}
